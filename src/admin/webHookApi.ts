/** The routes about web-hook.toml: what is in force, reading it again, and which rules an event takes. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint";
import * as HttpApiGroup from "@effect/platform/HttpApiGroup";
import * as Schema from "@effect/schema";
import { hookEventNames } from "../domain/HookEvent.ts";
import { Problem } from "./Problem.ts";

const keys = (description: string) => Schema.Array(Schema.String).annotations({ description });

const Table = Schema.Record({ key: Schema.String, value: Schema.Unknown }).annotations({
  identifier: "WebHook",
  description: "Keys as web-hook.toml has them, with all defaults; what is secret is ***.",
});

const Reload = Schema.Struct({
  changed: keys("Keys that have another value from now on."),
  at_restart_only: keys("Keys with another value in a file, which a restart takes over."),
}).annotations({ identifier: "Reload" });

const ExplainBody = Schema.Struct({
  event: Schema.Literal(...hookEventNames),
  topic: Schema.optionalWith(
    Schema.String.annotations({ description: "Of a message_ event; a subscription's filter." }),
    { exact: true },
  ),
}).annotations({ identifier: "Explain" });

const Explanation = Schema.Struct({
  rule: Schema.Int.annotations({ description: "Its place among the event's rules, from 0 on." }),
  action: Schema.String,
  topics: Schema.Array(Schema.String),
  urls: Schema.Array(Schema.String),
  matches: Schema.Boolean,
  why: Schema.String.annotations({ description: "Why it matches, or does not." }),
}).annotations({ identifier: "Explanation" });

export const webHookGroup = HttpApiGroup.make("web-hook")
  .add(HttpApiEndpoint.get("webHook", "/web-hook").addSuccess(Table))
  .add(
    HttpApiEndpoint.post("reload", "/web-hook/reload").addSuccess(Reload)
      .addError(Problem, { status: 422 }),
  )
  .add(
    HttpApiEndpoint.post("explain", "/web-hook/explain").setPayload(ExplainBody)
      .addSuccess(Schema.Array(Explanation)).addError(Problem, { status: 422 }),
  );
