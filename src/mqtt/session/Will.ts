import type { QoS } from "../../domain/QoS.ts";
import type { ForwardedProperties } from "../wire/properties.ts";

/** What is published when the client goes without a DISCONNECT. MQTT 5.0 section 3.1.2.5 */
export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly forward: ForwardedProperties;
  /** Milliseconds that the message lives; Infinity: for ever. */
  readonly expiryInterval: number;
  /** Milliseconds to wait for the client to come back. MQTT 5.0 section 3.1.3.2.2 */
  readonly delay: number;
}
