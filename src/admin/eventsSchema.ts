/**
 * The JSON Schema of the bodies that receivers get, for those who check them or make types of it. It is made
 * of the Schemas by which bodies are encoded: docs/schema/ and the API have it from here.
 */
import * as JSONSchema from "effect/JSONSchema";
import * as Option from "effect/Option";
import * as AST from "effect/SchemaAST";
import type { HookEventName } from "../domain/HookEvent.ts";
import { hookEventNames, hookEvents } from "../domain/HookEvent.ts";
import { hookBodyOf } from "../domain/HookBody.ts";
import type { HookRule } from "../domain/HookRule.ts";

/** An object of JSON Schema. */
export type JsonSchema = { readonly [key: string]: unknown };

export interface EventsSchemaOptions {
  /** Where their `action`s are taken from; an event without one is described under its own name. */
  readonly rules?: ReadonlyArray<Pick<HookRule, "event" | "action">>;
  /** As `compat` of web-hook.toml. */
  readonly compat?: "" | "rmqtt-0.24";
}

/** A document of draft 2020-12: a body is one of `$defs`, each named after its event. */
export const eventsSchema = (
  { rules = [], compat = "" }: EventsSchemaOptions = {},
): JsonSchema => {
  const bodyOf = compat === "" ? plainBody : rmqttBody;
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `Bodies of webhook requests${compat === "" ? "" : `, compat = "${compat}"`}`,
    // Not oneOf: rules of two events may name one action.
    anyOf: hookEventNames.map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs: Object.fromEntries(
      hookEventNames.map((name) => [name, bodyOf(name, actionsOf(name, rules))]),
    ),
  };
};

const actionsOf = (
  name: HookEventName,
  rules: NonNullable<EventsSchemaOptions["rules"]>,
): ReadonlyArray<string> => {
  const actions = new Set(rules.filter(({ event }) => event === name).map(({ action }) => action));
  return actions.size === 0 ? [name] : [...actions];
};

/** Of one event's bodies. Keys that it does not name may be there. */
interface BodySchema extends JsonSchema {
  readonly required: ReadonlyArray<string>;
  readonly properties: JsonSchema;
}

const plainBody = (name: HookEventName, actions: ReadonlyArray<string>): BodySchema => {
  const { required, properties } = JSONSchema.fromAST(hookBodyOf(name, actions).ast, {
    definitions: {}, // of these WRITTEN says more
    target: "jsonSchema2020-12",
    additionalPropertiesStrategy: "allow",
  }) as unknown as BodySchema; // what there is for a Struct
  return {
    description: Option.getOrThrow(AST.getDescriptionAnnotation(hookEvents[name].ast)),
    type: "object",
    required,
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, value]) => [key, inPlace(value as JsonSchema)]),
    ),
  };
};

/** What a Schema is written as, of those that tell only "a string": by the name that JSONSchema refers to. */
const WRITTEN: Readonly<Record<string, JsonSchema>> = {
  Int: { type: "integer" },
  NumberFromString: { type: "string", pattern: "^[0-9]+$" },
  Uint8ArrayFromBase64: { type: "string", contentEncoding: "base64" },
};

/** A property without references: who makes types of it gets no types named after ours. */
const inPlace = ({ allOf, ...property }: JsonSchema): JsonSchema => {
  const [first] = (allOf ?? []) as ReadonlyArray<JsonSchema>;
  if (first === undefined) return property;
  const written = WRITTEN[String(first.$ref).replace("#/$defs/", "")];
  if (written === undefined) throw new Error(`nothing is known of ${first.$ref}`);
  return { ...written, ...property };
};

const TIME: JsonSchema = {
  type: "string",
  pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}$",
  description: "When the event arose, in the broker's time zone.",
};

const FROM_TYPE: JsonSchema = { type: "string", description: "What kind of publisher it was." };

const PACKET_ID: JsonSchema = {
  type: ["integer", "null"],
  description: "The packet identifier; null where there is none.",
};

const USER_PROPERTIES: JsonSchema = {
  type: "object",
  additionalProperties: { type: ["string", "array"], items: { type: "string" } },
  description: "MQTT 5.0: those of the CONNECT; all values of a name that was given twice.",
};

/** As RMQTT 0.24 sends it. */
const rmqttBody = (name: HookEventName, actions: ReadonlyArray<string>): BodySchema => {
  const body = plainBody(name, actions);
  const isMessage = "from_node" in body.properties;
  return {
    ...body,
    required: [...body.required, "time", ...(isMessage ? ["from_type"] : [])],
    properties: {
      ...body.properties,
      ...(isMessage ? { packet_id: PACKET_ID, from_type: FROM_TYPE } : {}),
      ...(name === "client_connected" ? { user_properties: USER_PROPERTIES } : {}),
      time: TIME,
    },
  };
};
