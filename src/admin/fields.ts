/** Parameters that several routes take. */
import * as Schema from "@effect/schema";

/** Rows of a page where nothing is asked for. */
export const PAGE_ROWS = 100;

/** A key that may be absent, and is never undefined. */
export const optional = <A, I, R>(schema: Schema.Schema<A, I, R>) =>
  Schema.optionalWith(schema, { exact: true });

export const limit = optional(
  Schema.NumberFromString.pipe(Schema.int(), Schema.greaterThanOrEqualTo(1)).annotations({
    description: `Rows at most; ${PAGE_ROWS} where absent, and never more than max_row_limit.`,
  }),
);

export const flag = optional(
  Schema.BooleanFromString.annotations({ jsonSchema: { type: "boolean" } }),
);

/** Where the next page begins: as the `link` header of the one before has it. */
export const after = (form: RegExp) =>
  optional(
    Schema.String.pipe(Schema.pattern(form)).annotations({
      description: "As the link header of the page before has it.",
    }),
  );
