/** The kinds of values that the keys of both files hold, each as a Schema that says what it expects. */
import * as Schema from "@effect/schema";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import * as ParseResult from "effect/ParseResult";
import * as Redacted from "effect/Redacted";
import { isTopicFilter } from "../domain/TopicFilter.ts";
import { formatByteSize, parseByteSize } from "./ByteSize.ts";
import { ConfigSource } from "./ConfigSource.ts";
import { formatDuration, parseDuration } from "./Duration.ts";
import { parseEndpointUrl } from "./EndpointUrl.ts";
import { expecting } from "./expectation.ts";
import { formatListenerAddress, parseListenerAddress } from "./ListenerAddress.ts";
import { parseOrigin } from "./Origin.ts";
import { parseRateLimit } from "./RateLimit.ts";

// Every key says what it means: docs/ is made of that, and the shipped files say the same.

/** An optional key with its default. */
export const withDefault = <A, I, R>(
  schema: Schema.Schema<A, I, R>,
  value: NoInfer<A>,
  description: string,
) =>
  Schema.optionalWith(schema, { exact: true, default: () => value }).annotations({
    default: value,
    description,
  });

/** An optional key without a default. */
export const optional = <A, I, R>(schema: Schema.Schema<A, I, R>, description: string) =>
  Schema.optionalWith(schema, { exact: true }).annotations({ description });

/** A key that must be there. */
export const required = <A, I, R>(schema: Schema.Schema<A, I, R>, description: string) =>
  Schema.propertySignature(schema).annotations({ description });

/** A general key once more, where its value may be another for one table alone. */
export const override = <A, I, R>(general: { readonly from: Schema.Schema<A, I, R> }) =>
  optional(general.from, "The general key's value, for this table alone.");

/** A whole number in a range; `max` is 2^53 - 1 when not given. */
export const wholeNumber = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  Schema.Int.pipe(
    Schema.between(min, max),
    expecting({
      expected: max === Number.MAX_SAFE_INTEGER
        ? `a whole number, ${min} or more`
        : `a whole number from ${min} to ${max}`,
    }),
  );

/** A finite number for which `holds`; `expected` says which. */
export const number = (expected: string, holds: (n: number) => boolean) =>
  Schema.Finite.pipe(Schema.filter(holds), expecting({ expected }));

/** One of a few words. */
export const oneOf = <const Words extends readonly [string, ...ReadonlyArray<string>]>(
  ...words: Words
) =>
  Schema.Literal(...words).pipe(
    expecting({ expected: orList(words), candidates: words }),
  );

/** A text that is not empty. */
export const text = Schema.NonEmptyString.pipe(expecting({ expected: "a text that is not empty" }));

/**
 * The longest time that a timer can wait: a longer one would fire at once.
 * https://developer.mozilla.org/en-US/docs/Web/API/Window/setTimeout#maximum_delay_value
 */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A duration in milliseconds that a timer waits for, at least `min`. */
export const timer = (min: 0 | 1) => duration(min, LONGEST_TIMER, "24d");

/** The longest interval of MQTT 5.0, 2^32 - 1 seconds, in milliseconds. [MQTT 5.0, 3.1.2.11.2 and 3.3.2.3.3] */
export const LONGEST_EXPIRY = (2 ** 32 - 1) * 1000;

/** A duration in milliseconds after which something expires; no timer has to wait for it. */
export const expiry = duration(0, LONGEST_EXPIRY, "7101w");

function duration(min: 0 | 1, max: number, shownMax: string) {
  const range = min === 0 ? `of at most ${shownMax}` : `over 0 and of at most ${shownMax}`;
  return parsed(Schema.String, Schema.Number, (value) => {
    const milliseconds = parseDuration(value);
    return milliseconds === undefined || milliseconds < min || milliseconds > max
      ? Either.left(JSON.stringify(value))
      : Either.right(milliseconds);
  }, formatDuration).pipe(expecting({ expected: `a duration like "8s" or "1m30s", ${range}` }));
}

/** Bytes, as a number or as a text like `"1MB"`. */
export const byteSize = (max: number) => {
  const expected = `bytes from 0 to ${max}, as a number or like "64KB" or "1m"`;
  const inRange = Schema.Int.pipe(Schema.between(0, max));
  return Schema.Union( // the text first: a default is shown as one
    parsed(Schema.String, inRange, (value) => {
      const bytes = parseByteSize(value);
      return bytes === undefined || bytes > max
        ? Either.left(JSON.stringify(value))
        : Either.right(bytes);
    }, formatByteSize),
    inRange,
  ).pipe(expecting({ expected }));
};

/** So many in a time. */
export const rateLimit = parsed(
  Schema.String,
  Schema.Struct({ count: Schema.Number, period: Schema.Number }),
  (value) => Either.fromNullable(parseRateLimit(value), () => JSON.stringify(value)),
).pipe(
  expecting({
    expected: `a number of attempts and a time, like "30/s" or "10000/5m", 1 or more in over 0`,
  }),
);

/** Where a listener listens. */
export const listenerAddress = parsed(
  Schema.String,
  Schema.Struct({ hostname: Schema.String, port: Schema.Number }),
  (value) => Either.fromNullable(parseListenerAddress(value), () => JSON.stringify(value)),
  formatListenerAddress,
).pipe(expecting({ expected: `an address like "0.0.0.0:1883" or "[::1]:1883"` }));

/** What a browser says in `Origin` of the page whose script connects. RFC 6454 section 6.2 */
export const origin = parsed(
  Schema.String,
  Schema.String,
  (value) => Either.fromNullable(parseOrigin(value), () => JSON.stringify(value)),
).pipe(
  expecting({ expected: `an origin like "https://example.com", without a path, or "null"` }),
);

/** A URL to deliver to. */
export const endpointUrl = parsed(Schema.String, Schema.String, parseEndpointUrl).pipe(
  expecting({ expected: "an absolute http://, https:// or file:/// URL", secret: true }),
);

/** Topic filters. */
export const topicFilters = Schema.Array(
  Schema.String.pipe(
    Schema.filter(isTopicFilter),
    expecting({ expected: "a topic filter [MQTT 4.7]" }),
  ),
);

/**
 * A secret text: as it stands, or `"env:NAME"` for the value of an environment variable.
 *
 * `check` answers what is wrong with a value, in words that do not show it.
 */
export const secret = (
  expected: string,
  check: (value: string) => string | undefined,
) =>
  parsed(Schema.String, Schema.RedactedFromSelf(Schema.String), (value) => {
    const found = (secret: string, prefix = "") => {
      const wrong = check(secret);
      return wrong === undefined
        ? Either.right(Redacted.make(secret))
        : Either.left(prefix + wrong);
    };
    if (!value.startsWith("env:")) return found(value);
    const name = value.slice("env:".length);
    return Effect.flatMap(ConfigSource, (source) => {
      return Either.match(source.env(name), {
        onLeft: (reason) => Either.left(`"env:${name}", and ${reason}`),
        onRight: (value) => found(value, `"env:${name}", which is `),
      });
    });
  }).pipe(expecting({ expected, secret: true }));

/**
 * The path of a PEM file for which `check`, a function of ./pem.ts, finds what it looks for; `pem` is what it
 * found. Loaded with the
 * first such file: node:crypto takes 2 MB.
 */
const pemFile = (
  expected: string,
  check: (from: typeof import("./pem.ts"), pem: string) => Either.Either<string, string>,
) =>
  parsed(
    Schema.String,
    Schema.Struct({ path: Schema.String, pem: Schema.String }),
    (path) =>
      Effect.gen(function* () {
        const shown = JSON.stringify(path);
        const { readTextFile } = yield* ConfigSource;
        const pem = yield* Effect.mapError(readTextFile(path), (reason) => `${shown} (${reason})`);
        const from = yield* Effect.promise(() => import("./pem.ts"));
        return yield* Either.match(check(from, pem), {
          onLeft: (found) => Effect.fail(`${shown}, ${found}`),
          onRight: (pem) => Effect.succeed({ path, pem }),
        });
      }),
  ).pipe(expecting({ expected }));

/** Certificates, read. */
export const certificateFile = pemFile(
  "the path of a PEM file with a CERTIFICATE",
  (from, pem) => from.readCertificates(pem),
);

/** Certificates to trust, read. */
export const trustedFile = pemFile(
  "the path of a PEM file with a CERTIFICATE",
  (from, pem) => from.readTrusted(pem),
);

/** A private key that is not encrypted; the file may hold more. `pem` is the file's text. */
export const keyFile = pemFile(
  "the path of a PEM file with a PRIVATE KEY",
  (from, pem) => Either.map(from.readKey(pem), () => pem),
);

/**
 * A value that `parse` makes of another. `parse` fails with what was found, in words. `format` is the
 * way back: only defaults are ever written, in docs/, so that a kind without one has none.
 */
function parsed<A, I, R>(
  from: Schema.Schema<I>,
  to: Schema.Schema<A>,
  parse: (value: I) => Effect.Effect<A, string, R>,
  format?: (value: A) => I,
): Schema.transformOrFail<Schema.Schema<I>, Schema.Schema<A>, R> {
  return Schema.transformOrFail(from, to, {
    strict: true,
    decode: (value, _, ast) =>
      ParseResult.mapError(parse(value), (found) => new ParseResult.Type(ast, value, found)),
    encode: (value, _, ast) =>
      format === undefined
        ? ParseResult.fail(new ParseResult.Forbidden(ast, value, "it is never written"))
        : ParseResult.succeed(format(value)),
  });
}

const orList = (words: ReadonlyArray<string>): string => {
  const quoted = words.map((w) => JSON.stringify(w));
  return `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
};
