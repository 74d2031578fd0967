import type { ClientInfo } from "../../domain/ClientInfo.ts";
import type { Access, MayReceive } from "../ports/Access.ts";

/** What one session may be sent, as Access says it of the client: asked anew when one or the other is not as it was. */
export class Reception {
  #client: ClientInfo | undefined;
  #revision = 0;
  #mayReceive: MayReceive | undefined;

  constructor(readonly access: Pick<Access, "receiving" | "revision">) {}

  /** Asked before each message is sent or queued: two comparisons where nothing is denied to the client. */
  allows(client: ClientInfo, topic: string): boolean {
    if (this.#client !== client || this.#revision !== this.access.revision) {
      this.#client = client;
      this.#revision = this.access.revision;
      this.#mayReceive = this.access.receiving(client);
    }
    return this.#mayReceive === undefined || this.#mayReceive(topic);
  }
}
