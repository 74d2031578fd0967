/**
 * Bodies as RMQTT 0.24 sends them, for receivers that were written for it: `compat = "rmqtt-0.24"`. They are
 * those of HookEvent, with their keys in the order that RMQTT's have, other types for a few, and what RMQTT
 * tells beside. Recorded from RMQTT itself: tests/support/rmqtt/bodies.jsonl.
 */
import * as Schema from "@effect/schema";
import type { HookEvent, HookEventName } from "./HookEvent.ts";
import { hookEvents } from "./HookEvent.ts";
import { QoS } from "./QoS.ts";

/** What an event tells beside, where bodies are RMQTT's. */
export interface RmqttDetails {
  /** When it arose, in milliseconds since 1970. */
  readonly time?: number;
  /** Of a message event: what kind of publisher it has. */
  readonly from_type?: "custom" | "admin" | "lastwill";
  /** Of client_connected: those of the CONNECT; of a name that was given twice all values. */
  readonly user_properties?: Readonly<Record<string, string | ReadonlyArray<string>>>;
}

/** The options of a 5.0 subscription, beside its QoS. */
export interface RmqttOptions {
  readonly no_local: boolean;
  readonly retain_as_published: boolean;
  readonly retain_handling: number;
  /** The subscription identifier, where there is one. */
  readonly id?: number;
}

export type DetailedEvent = HookEvent & RmqttDetails;

/** A moment as RMQTT writes it: `2026-11-27 21:21:38.624`, in the process's time zone. */
export const LocalTime = Schema.transform(Schema.String, Schema.Int, {
  decode: (text) => new Date(text.replace(" ", "T")).getTime(),
  encode: (at) => formatLocalTime(at),
});

/** A packet identifier; 0 for none is null. */
export const PacketId = Schema.transform(Schema.NullOr(Schema.Int), Schema.Int, {
  decode: (id) => id ?? 0,
  encode: (id) => id === 0 ? null : id,
});

export const UserProperties = Schema.Record({
  key: Schema.String,
  value: Schema.Union(Schema.String, Schema.Array(Schema.String)),
});

export const formatLocalTime = (at: number): string => {
  const t = new Date(at);
  const [month, day, hours, minutes, seconds] = [
    t.getMonth() + 1,
    t.getDate(),
    t.getHours(),
    t.getMinutes(),
    t.getSeconds(),
  ].map((n) => String(n).padStart(2, "0"));
  const ms = String(t.getMilliseconds()).padStart(3, "0");
  return `${t.getFullYear()}-${month}-${day} ${hours}:${minutes}:${seconds}.${ms}`;
};

const optional = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optionalWith(schema, { exact: true });

const OPTIONS = Schema.Struct({
  id: optional(Schema.Int),
  no_local: optional(Schema.Boolean),
  qos: QoS,
  retain_as_published: optional(Schema.Boolean),
  retain_handling: optional(Schema.Int),
});

/** The fields of an event's body but `action`, in the order of the body. */
export const rmqttFields = (name: HookEventName): Schema.Struct.Fields => {
  const { _tag, ...fields }: Schema.Struct.Fields = hookEvents[name].fields;
  const all: Schema.Struct.Fields = {
    ...fields,
    ...("packet_id" in fields ? { packet_id: PacketId } : {}),
    ...("from_node" in fields ? { from_type: optional(Schema.String) } : {}),
    ...("opts" in fields ? { opts: OPTIONS } : {}),
    ...(name === "client_connected" ? { user_properties: optional(UserProperties) } : {}),
    time: optional(LocalTime),
  };
  return Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => a < b ? -1 : 1));
};
