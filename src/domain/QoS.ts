import * as Schema from "@effect/schema";

/** A quality of service level. MQTT 5.0 section 4.3 */
export const QoS = Schema.Literal(0, 1, 2);
export type QoS = typeof QoS.Type;
