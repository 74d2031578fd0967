/** The files of docs/schema/: what bodies are, for programs to read. */
import type { JsonSchema } from "../../admin/eventsSchema.ts";
import { eventsSchema } from "../../admin/eventsSchema.ts";

/** By the file's name in docs/schema/. */
export const SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  "events.json": eventsSchema(),
  "events-rmqtt-0.24.json": eventsSchema({ compat: "rmqtt-0.24" }),
};
