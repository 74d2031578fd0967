/** broker.toml: its keys with their defaults, and the settings they make. docs/broker-toml.md is made of it. */
import * as Schema from "@effect/schema";
import { isPasswordHash, parsePasswordHash } from "../auth/PasswordHash.ts";
import type { BrokerSettings } from "../domain/BrokerSettings.ts";
import { GUARDS } from "./closedNotOpen.ts";
import { expecting } from "./expectation.ts";
import { HttpApiFile, httpApiSettings } from "./HttpApiFile.ts";
import {
  byteSize,
  oneOf,
  optional,
  required,
  secret,
  text,
  topicFilters,
  wholeNumber,
  withDefault,
} from "./fields.ts";
import { LARGEST_PACKET, LARGEST_SIZE, Listeners, listenerSettings } from "./ListenerFile.ts";
const password = secret(
  `a password, "env:NAME" or a hash made by "deno task hash-password"`,
  (value) => {
    if (value === "") return "empty";
    if (isPasswordHash(value)) {
      return parsePasswordHash(value) === undefined ? "a malformed $scrypt$ hash" : undefined;
    }
    // A password by chance of this form is less likely than one copied from another broker.
    return /^\$(2[abxy]?|argon2\w*|pbkdf2[\w-]*|[1567y])\$/.test(value)
      ? "a hash of another kind than scrypt"
      : undefined;
  },
);

const User = Schema.Struct({
  username: required(text, "The user name of a CONNECT."),
  password: required(
    password,
    'Plain text, "env:NAME" for an environment variable, or a hash that ' +
      "`deno task hash-password` makes.",
  ),
});

const Users = Schema.Array(User).pipe(
  Schema.filter((users) =>
    users.flatMap(({ username }, i) =>
      users.findIndex((other) => other.username === username) === i ? [] : [{
        path: [i, "username"],
        message: `${JSON.stringify(username)} a second time`,
      }]
    )
  ),
  expecting({ expected: "each user once" }),
);

const Auth = Schema.Struct({
  users: withDefault(
    Users,
    [],
    "The users that there are: a CONNECT with a user name of theirs needs the password.",
  ),
});

const AclEntry = Schema.Struct({
  permit: required(oneOf("allow", "deny"), "What the entry decides."),
  action: withDefault(
    oneOf("publish", "subscribe", "all"),
    "all",
    "What it is about.",
  ),
  user: optional(Schema.String, "Whom it is about, by user name. Absent: any."),
  clientid: optional(Schema.String, "Whom it is about, by client identifier. Absent: any."),
  topics: withDefault(
    topicFilters,
    [],
    "Topic filters, in which %c stands for the client identifier and %u for the user name. " +
      "Empty: all topics.",
  ),
});

const Mqtt = Schema.Struct({
  max_sessions: withDefault(
    wholeNumber(0),
    0,
    "Sessions, of clients that are away too; a CONNECT that needs one more is refused. 0: no limit.",
  ),
  max_memory: withDefault(
    byteSize(LARGEST_SIZE),
    0,
    "Memory of the process: from there on new sessions, subscriptions, retained and queued messages " +
      "are refused. 0: three quarters of what the machine or its cgroup has. Three quarters of the " +
      "JavaScript heap's limit count as well.",
  ),
});

const Retain = Schema.Struct({
  max_retained_messages: withDefault(wholeNumber(0), 0, "Topics that may have one. 0: no limit."),
  max_payload_size: withDefault(
    byteSize(LARGEST_PACKET),
    1024 * 1024,
    "Bytes of a retained message's payload. 0: no limit.",
  ),
});

const Log = Schema.Struct({
  level: withDefault(
    oneOf("error", "warn", "info", "debug", "trace"),
    "info",
    "What is logged: this, and what is worse. debug tells of each client that comes and goes as well; " +
      "RMQTT's trace is taken as debug.",
  ),
  format: optional(
    oneOf("pretty", "logfmt", "json"),
    "pretty for people, logfmt or json (an object a line, with time, level and message) for what " +
      "collects logs. Absent: pretty on a terminal, logfmt elsewhere.",
  ),
});

/** What broker.toml may hold. */
export const BrokerFile = Schema.Struct({
  accept_without: withDefault(
    Schema.Array(oneOf(...GUARDS)),
    [],
    "Of an rmqtt.toml: what keeps clients out in RMQTT and does not here, each an error unless it is named: " +
      "cross_certificate, proxy_protocol, rmqtt-auth-http, rmqtt-auth-jwt.",
  ),
  persistence: withDefault(
    Schema.Boolean,
    false,
    "Whether retained messages and the sessions of absent clients outlive the process, an end by kill -9 " +
      "too: what is acknowledged is kept, in web-hook.toml's outbox_dir, as safe as its outbox_sync says. " +
      "false: they end with it.",
  ),
  node: withDefault(
    Schema.Struct({
      id: withDefault(
        wholeNumber(0),
        1,
        "The number of this broker in every event: `node` and `from_node`.",
      ),
    }),
    { id: 1 },
    "Which broker this is, where a receiver hears of several.",
  ),
  log: withDefault(Log, { level: "info" }, "What the log says, and how it is written."),
  http_api: withDefault(
    HttpApiFile,
    { metrics_open: false, page: true, payloads: false, max_row_limit: 1000 },
    "What can be seen, asked and changed over HTTP: docs/operating.md.",
  ),
  mqtt: withDefault(
    Mqtt,
    { max_sessions: 0, max_memory: 0 },
    "What all clients together may occupy. Beyond it new work is refused, and what is there stays.",
  ),
  retain: withDefault(
    Retain,
    { max_retained_messages: 0, max_payload_size: 1024 * 1024 },
    "What retained messages may occupy. One beyond it is refused, to subscribers too.",
  ),
  listener: withDefault(
    Listeners,
    { tcp: {}, tls: {}, ws: {}, wss: {} },
    "Where clients come in: any number of each kind, each with a name of its own. A file without any " +
      "has one, tcp.external.",
  ),
  auth: withDefault(Auth, { users: [] }, "Who may come in."),
  acl: withDefault(
    Schema.Array(AclEntry),
    [],
    "Who may publish and subscribe to what: the first entry that applies decides, none allows.",
  ),
});
export type BrokerFile = typeof BrokerFile.Type;

/** The settings that a broker.toml makes; a file that names no listener gets one. */
export const brokerSettings = (file: BrokerFile): BrokerSettings => {
  const { level, format } = file.log;
  return {
    persistence: file.persistence,
    node: file.node,
    log: { level: level === "trace" ? "debug" : level, format },
    httpApi: httpApiSettings(file.http_api),
    limits: {
      maxSessions: file.mqtt.max_sessions,
      maxMemory: file.mqtt.max_memory,
      maxRetainedMessages: file.retain.max_retained_messages,
      maxRetainedPayload: file.retain.max_payload_size,
    },
    listeners: listenerSettings(file.listener),
    users: file.auth.users,
    acl: file.acl.map((entry) => ({
      permit: entry.permit,
      action: entry.action,
      user: entry.user,
      clientid: entry.clientid,
      topics: entry.topics,
    })),
  };
};
