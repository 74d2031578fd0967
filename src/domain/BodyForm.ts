/** How an event's payload stands in a body; what each word means: docs/web-hook-toml.md. */
export type PayloadMode = "base64" | "text" | "json" | "none";

/** Whose bodies they are: ours, or as today's RMQTT sends them (`RmqttBody`). */
export type Compat = "" | "rmqtt-0.24";

/** In which of the forms that there are a URL gets its bodies. */
export interface BodyForm {
  readonly payload: PayloadMode;
  readonly compat: Compat;
}

/** As docs/events.md has them. */
export const USUAL_FORM: BodyForm = { payload: "base64", compat: "" };
