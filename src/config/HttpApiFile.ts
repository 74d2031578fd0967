/** `[http_api]` of broker.toml, with the names of RMQTT's rmqtt-http-api.toml beside our own. */
import * as Schema from "@effect/schema";
import type { HttpApiSettings } from "../domain/BrokerSettings.ts";
import { expecting } from "./expectation.ts";
import { listenerAddress, optional, secret, wholeNumber, withDefault } from "./fields.ts";
import { formatListenerAddress } from "./ListenerAddress.ts";

/** RFC 6750 section 2.1, and no more: it has to stand in a header. */
const token = secret(`a token of visible ASCII characters, or "env:NAME"`, (value) => {
  if (value === "") return "empty";
  return /^[\x21-\x7e]+$/.test(value) ? undefined : "a text with others";
});

const Keys = Schema.Struct({
  addr: optional(
    listenerAddress,
    'Where the API listens: "host:port", port 0: any free one, which the log tells. Absent: there is ' +
      "none, and nothing of it is loaded.",
  ),
  token: optional(
    token,
    'What whoever asks has to show, as "authorization: Bearer TOKEN": a text, or "env:NAME" for an ' +
      "environment variable. It may be absent on 127.0.0.1, [::1] and localhost alone: then only those " +
      "names lead to the API, and no page of another origin can change anything.",
  ),
  metrics_open: withDefault(
    Schema.Boolean,
    false,
    "true: /metrics asks for no token.",
  ),
  page: withDefault(
    Schema.Boolean,
    true,
    "false: there is no live page at /. The page itself holds nothing and asks for the token.",
  ),
  payloads: withDefault(
    Schema.Boolean,
    false,
    "true: deliveries, and with them the page, show payloads too where it is asked for.",
  ),
  max_row_limit: withDefault(
    wholeNumber(1, 10_000),
    1000,
    "Rows of one answer at most; its link header says where the next ones are.",
  ),
  http_laddr: optional(listenerAddress, "RMQTT's name for addr."),
  http_bearer_token: optional(token, "RMQTT's name for token."),
});

/** What of two names of one key is there a second time. */
const twice = (file: typeof Keys.Type) => [
  ...(file.addr !== undefined && file.http_laddr !== undefined
    ? [{ path: ["http_laddr"], message: "it beside addr" }]
    : []),
  ...(file.token !== undefined && file.http_bearer_token !== undefined
    ? [{ path: ["http_bearer_token"], message: "it beside token" }]
    : []),
];

const isLoopback = (hostname: string): boolean =>
  /^127\./.test(hostname) || hostname === "::1" || hostname.toLowerCase() === "localhost";

export const HttpApiFile = Keys.pipe(
  Schema.filter(twice),
  expecting({ expected: "either the one name or the other" }),
  Schema.filter((file) => {
    const addr = file.addr ?? file.http_laddr;
    if (addr === undefined || isLoopback(addr.hostname)) return true;
    if ((file.token ?? file.http_bearer_token) !== undefined) return true;
    return {
      path: [file.addr === undefined ? "http_laddr" : "addr"],
      message: `${JSON.stringify(formatListenerAddress(addr))} and no token`,
    };
  }),
  expecting({
    expected:
      'token = "env:NAME" beside an address that others can reach, or one of this machine alone',
  }),
);

/** Undefined: there is no API. */
export const httpApiSettings = (file: typeof HttpApiFile.Type): HttpApiSettings | undefined => {
  const addr = file.addr ?? file.http_laddr;
  return addr && {
    ...addr,
    token: file.token ?? file.http_bearer_token,
    metricsOpen: file.metrics_open,
    page: file.page,
    payloads: file.payloads,
    mostRows: file.max_row_limit,
  };
};
