import type { ClientInfo } from "../../domain/ClientInfo.ts";
import type { Access, MayReceive } from "../ports/Access.ts";

/** What one session may be sent, as Access says it of the client: asked anew when one or the other is not as it was. */
export class Reception {
  #client: ClientInfo | undefined;
  #revision = 0;
  #mayReceive: MayReceive | undefined;

  /** Whether the client may be sent a message of this topic. */
  allows(
    client: ClientInfo,
    topic: string,
    { receiving, revision }: Pick<Access, "receiving" | "revision">,
  ): boolean {
    if (this.#client !== client || this.#revision !== revision) {
      this.#client = client;
      this.#revision = revision;
      this.#mayReceive = receiving?.(client);
    }
    return this.#mayReceive === undefined || this.#mayReceive(topic);
  }
}
