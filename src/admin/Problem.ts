/** What is wrong with a request, as RFC 9457 has it. */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema";
import * as Schema from "@effect/schema";

/** The words of a status, as RFC 9110 section 15 has them. */
const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

export type ProblemStatus = keyof typeof TITLES;

/** One fault of a configuration file. */
export const Fault = Schema.Struct({
  file: Schema.String,
  line: Schema.optional(Schema.Int),
  key: Schema.optional(Schema.String),
  expected: Schema.optional(Schema.String),
  found: Schema.optional(Schema.String),
  nearest: Schema.optional(
    Schema.String.annotations({ description: "The known key or value that was probably meant." }),
  ),
  message: Schema.String.annotations({ description: "All of that in one line." }),
}).annotations({ identifier: "Fault" });

export const PROBLEM_TYPE = "application/problem+json";

const Members = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  instance: Schema.optional(Schema.String),
  faults: Schema.optional(Schema.Array(Fault)),
});

/** A problem as a body, `application/problem+json`. RFC 9457 section 3 */
export const Problem = HttpApiSchema.withEncoding(
  Members.annotations({ identifier: "Problem", description: "RFC 9457" }),
  { kind: "Json", contentType: PROBLEM_TYPE },
);
export type Problem = typeof Problem.Type;

/** A problem of this status. `more`: its members beyond those that every one has. */
export const problem = (
  status: ProblemStatus,
  detail: string,
  more: Pick<Problem, "instance" | "faults"> = {},
): Problem => ({ type: "about:blank", title: TITLES[status], status, detail, ...more });

/** The whole answer, for what no route of the HttpApi answers. */
export const problemResponse = (
  status: ProblemStatus,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response =>
  new Response(JSON.stringify(problem(status, detail)), {
    status,
    headers: { "content-type": PROBLEM_TYPE, ...headers },
  });
