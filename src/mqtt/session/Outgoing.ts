import type { QoS } from "../../domain/QoS.ts";
import type { OutgoingState } from "../ports/SessionStore.ts";
import type { Message } from "../routing/Message.ts";
import type { SharedGroup } from "../routing/Subscription.ts";

/**
 * One message on its way to one session.
 *
 * - `queued`: not sent yet, without a packet identifier.
 * - `sent`: PUBLISH sent, PUBACK or PUBREC awaited.
 * - `released`: QoS 2, PUBREC received, PUBCOMP awaited; the recipient has the message.
 */
export class Outgoing implements OutgoingState {
  state: "queued" | "sent" | "released" = "queued";
  packetId = 0;
  /** Given and read by the SessionStore; 0: it is not kept. */
  order = 0;
  /** The DUP flag of the PUBLISH sent last. */
  dup = false;

  constructor(
    readonly message: Message,
    /** The lower of the message's and the subscription's. [MQTT-3.8.4-8] */
    readonly qos: QoS,
    readonly retain: boolean,
    /** The 5.0 subscription identifiers of all subscriptions that matched. [MQTT-3.3.4-3] [MQTT-3.3.4-4] */
    readonly identifiers: ReadonlyArray<number> | undefined,
    /** The shared subscription it came by: other members may get it when this one's session ends. */
    readonly group: SharedGroup | undefined,
    /** While queued: when it is dropped, in monotonic milliseconds. */
    readonly expiresAt: number,
  ) {}
}
