/** The `[[endpoint]]` tables of web-hook.toml: their keys, and the settings that they make of each URL. */
import * as Schema from "@effect/schema";
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { displayUrl } from "../domain/displayUrl.ts";
import { endpointNames } from "../domain/endpointNames.ts";
import type { TlsIdentity } from "../domain/TlsIdentity.ts";
import type { EndpointSettings } from "../domain/WebHookSettings.ts";
import { isFramingField } from "../http/RequestWriter.ts";
import { isAttemptHeader } from "../webhook/attempt/attemptHeaders.ts";
import {
  batchKeys,
  batchSettings,
  unfitForCompression,
  unfitForFile,
  unusedLimits,
} from "./batchKeys.ts";
import type { KeyPath } from "./ConfigError.ts";
import type { Doubt } from "./Doubt.ts";
import type { UnplacedFault } from "./expectation.ts";
import { matchIdentity } from "./matchIdentity.ts";
import { expecting } from "./expectation.ts";
import {
  certificateFile,
  endpointUrl,
  keyFile,
  number,
  oneOf,
  optional,
  override,
  required,
  secret,
  timer,
  trustedFile,
  wholeNumber,
  withDefault,
} from "./fields.ts";
import { nearest } from "./nearest.ts";

/** Keys that the file has in general and an `[[endpoint]]` table for its URL alone. */
export const deliveryKeys = {
  http_timeout: withDefault(
    timer(1),
    8000,
    "From sending a request to having its whole response; once a status line is read it only ends " +
      "the wait for the rest.",
  ),
  concurrency_limit: withDefault(
    wholeNumber(1, 65535),
    128,
    "HTTP requests in flight, over all workers and URLs.",
  ),
  retry_initial_interval: withDefault(
    timer(1),
    500,
    "The wait between the first attempt, where it fails, and the second.",
  ),
  retry_multiplier: withDefault(
    number("a number from 1 to 1000", (n) => n >= 1 && n <= 1000),
    2.5,
    "How many times longer each further wait is.",
  ),
  retry_max_interval: withDefault(
    timer(1),
    60_000,
    "The longest wait between two attempts, before jitter.",
  ),
  retry_jitter: withDefault(
    number("a number from 0 to 1", (n) => n >= 0 && n <= 1),
    0.5,
    "How far a wait may randomly lie from its length: 0.5 is from half to one and a half times.",
  ),
  retry_max_elapsed_time: withDefault(
    timer(0),
    60_000,
    'No attempt starts later than this after the first one failed. "0s": one attempt only.',
  ),
  retry_status: withDefault(
    oneOf("transient", "all"),
    "transient",
    'What is tried again: "transient" (network errors, time-outs, 408, 425, 429, 5xx) or "all" ' +
      "(every non-2xx but 410).",
  ),
};

/** What this broker writes itself: a second one would contradict it or break the framing. */
const isOwnHeader = (name: string): boolean =>
  isFramingField(name) || isAttemptHeader(name) || name.toLowerCase() === "content-type";

const Headers = Schema.Record({
  // A token. [RFC 9110, 5.6.2]
  key: Schema.String.pipe(
    Schema.filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !isOwnHeader(name)),
  ),
  value: secret(
    `a header's value or "env:NAME"`,
    // A field value, without what could end it. [RFC 9110, 5.5]
    (value) =>
      /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? undefined : "a text that no header can hold",
  ),
}).pipe(expecting({ key: "the name of a header that this broker does not set itself" }));

/** Base64 with its padding. RFC 4648 section 4 */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** How long a secret may be, in bytes, as Standard Webhooks has it. */
const SECRET_BYTES = { least: 24, most: 64 };

const signingSecret = secret(
  `"whsec_" and base64 of 24 to 64 bytes, or "env:NAME"`,
  (value) => {
    if (!value.startsWith(SECRET_PREFIX)) return `a text without "${SECRET_PREFIX}" before it`;
    const text = value.slice(SECRET_PREFIX.length);
    if (!BASE64.test(text)) return `"${SECRET_PREFIX}" and what is no base64 with its padding`;
    const { length } = keyOf(value);
    if (length < SECRET_BYTES.least) return "a secret that is too short";
    return length > SECRET_BYTES.most ? "a secret that is too long" : undefined;
  },
);

const SECRET_PREFIX = "whsec_";

const keyOf = (secret: string): Uint8Array =>
  Uint8Array.fromBase64(secret.slice(SECRET_PREFIX.length));

// A URL is what others are called that have no name.
const nameText = Schema.String.pipe(
  Schema.filter((name) => /^[^\p{C}]{1,100}$/u.test(name) && !name.includes("://")),
  expecting({ expected: "a text of at most 100 characters that is no URL" }),
);

const Endpoint = Schema.Struct({
  url: required(endpointUrl, "The URL, as the rules write it."),
  name: optional(
    nameText,
    "What log, metrics and the API call it, in place of the URL: without it, the URL without user, password " +
      "and query.",
  ),
  headers: withDefault(
    Headers,
    {},
    'Sent with every request; a value may be "env:NAME" for an environment variable.',
  ),
  signing_secrets: withDefault(
    Schema.Array(signingSecret),
    [],
    "Signs each request, once with each of them, as Standard Webhooks 1.0 says: the newest first. Each is " +
      '"whsec_" and base64 of 24 to 64 bytes, or "env:NAME". docs/receivers.md',
  ),
  ca_file: optional(
    trustedFile,
    "Certificates to trust beside the system's, PEM: of authorities, or the receiver's own, self-signed one.",
  ),
  client_cert: optional(
    certificateFile,
    "A certificate and its chain, PEM, shown to a receiver that asks who comes (mutual TLS); the key may " +
      "be in the same file.",
  ),
  client_key: optional(keyFile, "The private key of client_cert, PEM, not encrypted."),
  payload: withDefault(
    oneOf("base64", "text", "json", "none"),
    "base64",
    'How bodies have a message\'s payload: "base64"; "text": as a string where it is UTF-8, else base64 ' +
      'with "payload_encoding": "base64"; "json": as it stands where it is JSON, else as "text"; ' +
      '"none": left out.',
  ),
  http_timeout: override(deliveryKeys.http_timeout),
  concurrency_limit: override(deliveryKeys.concurrency_limit),
  retry_initial_interval: override(deliveryKeys.retry_initial_interval),
  retry_multiplier: override(deliveryKeys.retry_multiplier),
  retry_max_interval: override(deliveryKeys.retry_max_interval),
  retry_jitter: override(deliveryKeys.retry_jitter),
  retry_max_elapsed_time: override(deliveryKeys.retry_max_elapsed_time),
  retry_status: override(deliveryKeys.retry_status),
  ...batchKeys,
}).pipe(
  Schema.filter(unfitForFile),
  expecting({ expected: '"none" for a file:// URL, which gets a line for each event' }),
  Schema.filter(unfitForCompression),
  expecting({ expected: "no content-encoding beside that of compression" }),
);
export type Endpoint = typeof Endpoint.Type;

/** The tables `endpoint`. */
export const Endpoints = Schema.Array(Endpoint).pipe(
  Schema.filter((endpoints) =>
    endpoints.flatMap(({ url }, i) =>
      endpoints.findIndex((other) => other.url === url) === i ? [] : [{
        path: [i, "url"],
        message: `${JSON.stringify(displayUrl(url))} a second time`,
      }]
    )
  ),
  expecting({ expected: "one table for each URL" }),
  Schema.filter((endpoints) =>
    endpoints.flatMap(({ name }, i) =>
      name === undefined || endpoints.findIndex((other) => other.name === name) === i ? [] : [{
        path: [i, "name"],
        message: `${JSON.stringify(name)} a second time`,
      }]
    )
  ),
  expecting({ expected: "a name of its own for each URL" }),
);

/** What the tables make of `urls`; what a table does not say, the file in general does. */
export const endpointSettings = (
  urls: ReadonlyArray<string>,
  file: General & { readonly endpoint: ReadonlyArray<Endpoint> },
): ReadonlyMap<string, EndpointSettings> => {
  const tables = new Map(file.endpoint.map((table) => [table.url, table]));
  const own = file.endpoint.flatMap(({ url, name }) =>
    name === undefined ? [] : [[url, name] as const]
  );
  const names = endpointNames(urls, new Map(own));
  return new Map(
    // Each has one.
    urls.map((url) => [url, settingsOf(url, names.get(url)!, tables.get(url), file)]),
  );
};

type General = Schema.Schema.Type<Schema.Struct<typeof deliveryKeys>>;

const settingsOf = (
  url: string,
  name: string,
  own: Endpoint | undefined,
  general: General,
): EndpointSettings => {
  const {
    headers = {},
    signing_secrets = [],
    payload = "base64",
    ca_file,
    client_cert: _certificate,
    client_key: _key,
    name: _name,
    ...overrides
  }: Partial<Endpoint> = own ?? {};
  const merged = { ...general, ...overrides };
  return {
    url,
    name,
    headers: Object.entries(headers),
    signingKeys: signing_secrets.map((secret) => Redacted.make(keyOf(Redacted.value(secret)))),
    payload,
    identity: own && identityOf(own),
    ca: ca_file === undefined ? undefined : { file: ca_file.path, pem: ca_file.pem },
    httpTimeout: merged.http_timeout,
    concurrencyLimit: merged.concurrency_limit,
    batch: own && batchSettings(own),
    compression: own?.compression ?? "none",
    rateLimit: own?.rate_limit,
    retry: {
      initialInterval: merged.retry_initial_interval,
      multiplier: merged.retry_multiplier,
      maxInterval: merged.retry_max_interval,
      jitter: merged.retry_jitter,
      maxElapsedTime: merged.retry_max_elapsed_time,
      status: merged.retry_status,
    },
  };
};

const identityOf = (
  { client_cert, client_key }: Partial<Endpoint>,
): TlsIdentity | undefined =>
  client_cert && client_key && {
    certFile: client_cert.path,
    keyFile: client_key.path,
    cert: client_cert.pem,
    key: Redacted.make(client_key.pem),
  };

/** The table with its certificate and key in the form that TLS takes; fails where they are two things. */
export const withIdentity = (
  endpoint: Endpoint,
  path: KeyPath,
): Effect.Effect<Endpoint, UnplacedFault> => {
  const identity = identityOf(endpoint);
  return identity === undefined ? Effect.succeed(endpoint) : Effect.map(
    matchIdentity(identity, path),
    ({ certFile, keyFile, cert, key }) => ({
      ...endpoint,
      client_cert: { path: certFile, pem: cert },
      client_key: { path: keyFile, pem: Redacted.value(key) },
    }),
  );
};

/** What is doubtful about the tables where rules send to the URLs `used`. */
export const endpointDoubts = (
  endpoints: ReadonlyArray<Endpoint>,
  used: ReadonlyArray<string>,
): ReadonlyArray<Doubt> =>
  endpoints.flatMap((endpoint, i) => doubtsOf(endpoint, ["endpoint", i], used));

const doubtsOf = (
  endpoint: Endpoint,
  path: KeyPath,
  used: ReadonlyArray<string>,
): ReadonlyArray<Doubt> => {
  const { url, ca_file, client_cert, headers, signing_secrets } = endpoint;
  const doubt = (key: string, text: string): Doubt => ({ path: [...path, key], text });
  if (!used.includes(url)) {
    const near = nearest(url, used);
    const hint = near === undefined ? "" : `; did you mean ${JSON.stringify(displayUrl(near))}?`;
    const shown = JSON.stringify(displayUrl(url));
    return [doubt("url", `no rule sends to ${shown}, the table is not used${hint}`)];
  }
  const { protocol } = new URL(url);
  return [
    ...(ca_file !== undefined && protocol !== "https:"
      ? [doubt("ca_file", "only https:// URLs have certificates, the file is not used")]
      : []),
    ...(client_cert !== undefined && protocol !== "https:"
      ? [doubt("client_cert", "only https:// receivers ask for one, the file is not used")]
      : []),
    ...(Object.keys(headers).length > 0 && protocol === "file:"
      ? [doubt("headers", "a file:// URL has no headers, they are not used")]
      : []),
    ...(signing_secrets.length > 0 && protocol === "file:"
      ? [doubt("signing_secrets", "the lines of a file:// URL are not signed")]
      : []),
    ...unusedLimits(endpoint).map((key) =>
      doubt(key, "without batch there are none to limit, it is not used")
    ),
  ];
};
