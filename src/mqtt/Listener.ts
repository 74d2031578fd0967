import type { ListenerLimits } from "../domain/BrokerSettings.ts";

/** One listener as its connections see it: its limits, and how many clients are connected by it. */
export class Listener {
  connected = 0;
  /** Whether clients may come in. */
  isOpen = true;
  /** Where it listens, once it does: `"127.0.0.1:1883"`. */
  addr = "";
  /** Of its connections, from the start on. */
  receivedBytes = 0;
  sentBytes = 0;

  constructor(readonly limits: ListenerLimits) {}

  /** As the log has it: `tcp.external`. */
  get name(): string {
    return this.limits.listener;
  }
}
