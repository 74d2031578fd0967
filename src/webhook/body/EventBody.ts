/** The JSON body of a webhook request as a Schema: the event's fields behind the rule's action. */
import * as Schema from "@effect/schema";
import type { Compat } from "../../domain/BodyForm.ts";
import { rmqttFields } from "../../domain/RmqttBody.ts";
import { hookEvents } from "../../domain/HookEvent.ts";
import type { HookEventName } from "../../domain/HookEvent.ts";

/** The schema of an event's body: `{ action, ...fields }`. Decoded it is the event under its action. */
export const eventBody = (
  name: HookEventName,
  compat: Compat = "",
): Schema.Schema<Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>> => {
  const { _tag, ...usual } = hookEvents[name].fields;
  const fields = compat === "" ? usual : rmqttFields(name);
  // A union of 15 structs, each correct by itself, that TypeScript cannot spread as one.
  return Schema.Struct({ action: Schema.String, ...fields as Schema.Struct.Fields }) as never;
};
