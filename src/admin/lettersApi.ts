/** The routes about dead letters. */
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint";
import * as HttpApiGroup from "@effect/platform/HttpApiGroup";
import * as Schema from "@effect/schema";
import { hookEventNames } from "../domain/HookEvent.ts";
import { LETTER_PLACE } from "../webhook/outbox/LetterBox.ts";
import { parseMoment } from "../webhook/outbox/LetterFilter.ts";
import { after, flag, limit, optional } from "./fields.ts";
import { Problem } from "./Problem.ts";

const moment = (which: string) =>
  optional(
    Schema.String.pipe(
      Schema.filter((text) =>
        parseMoment(text, 0) !== undefined || "expected a date, or how long ago (2h)"
      ),
    ).annotations({
      description:
        `Given up ${which}: a date, with or without a time, or how long ago, as 90m, 2h, 7d.`,
    }),
  );

/** Of all that is said, everything has to hold. */
const filters = {
  url: optional(Schema.String),
  event: optional(Schema.Literal(...hookEventNames)),
  reason: optional(Schema.String),
  clientid: optional(Schema.String),
  since: moment("then or later"),
  until: moment("before"),
  id: optional(Schema.String.annotations({ description: "The webhook-id." })),
};

const letter = {
  id: Schema.NullOr(Schema.String).annotations({
    description: "The webhook-id; null: of a group that cannot be read.",
  }),
  seq: Schema.NullOr(Schema.Number).annotations({ description: "The webhook-seq." }),
  url: Schema.String,
  event: Schema.NullOr(Schema.Literal(...hookEventNames)),
  clientid: Schema.NullOr(Schema.String),
  reason: Schema.String,
  detail: Schema.String,
  born_at: Schema.NullOr(Schema.Number).annotations({
    description: "When the event came, in milliseconds since 1970.",
  }),
  given_up_at: Schema.Number,
  replay: Schema.Boolean.annotations({ description: "Whether it is to be sent again." }),
  bytes: Schema.Int,
};

export const LetterRow = Schema.Struct(letter).annotations({ identifier: "DeadLetter" });
export type LetterRow = typeof LetterRow.Type;

export const WholeLetter = Schema.Struct({
  ...letter,
  body: Schema.Unknown.annotations({
    description: "As it was sent, its payload with payloads = true in [http_api] alone.",
  }),
}).annotations({ identifier: "DeadLetterWithBody" });

const all = Schema.Boolean.annotations({
  description: "Said instead of a filter: all that there are.",
});

const ReplayBody = Schema.Struct({
  ...filters,
  all: optional(all),
  to: optional(
    Schema.String.annotations({ description: "The URL to send to, where it is another." }),
  ),
}).annotations({ identifier: "ReplayBody" });

export const lettersGroup = HttpApiGroup.make("dead-letters")
  .add(
    HttpApiEndpoint.get("letters", "/dead-letters").setUrlParams(
      Schema.Struct({ _limit: limit, after: after(LETTER_PLACE), ...filters }),
    ).addSuccess(Schema.Array(LetterRow)).addError(Problem, { status: 409 }),
  )
  .add(
    HttpApiEndpoint.get("letter", "/dead-letters/:id").setPath(Schema.Struct({ id: Schema.String }))
      .addSuccess(WholeLetter).addError(Problem, { status: 404 }),
  )
  .add(
    HttpApiEndpoint.post("replay", "/dead-letters/replay").setPayload(ReplayBody)
      .addSuccess(Schema.Struct({ replayed: Schema.Int })).addError(Problem, { status: 422 }),
  )
  .add(
    HttpApiEndpoint.del("purge", "/dead-letters").setUrlParams(
      Schema.Struct({ ...filters, all: flag }),
    ).addSuccess(Schema.Struct({ purged: Schema.Int })).addError(Problem, { status: 422 }),
  );
