/** broker.toml: its keys with their defaults, and the settings they make. docs/broker-toml.md is made of it. */
import * as Schema from "@effect/schema";
import * as Redacted from "effect/Redacted";
import { isPasswordHash, parsePasswordHash } from "../auth/PasswordHash.ts";
import type {
  BrokerSettings,
  ListenerSettings,
  TlsIdentity,
  WebSocketDoor,
} from "../domain/BrokerSettings.ts";
import { GUARDS } from "./closedNotOpen.ts";
import { expecting } from "./expectation.ts";
import { HttpApiFile, httpApiSettings } from "./HttpApiFile.ts";
import {
  byteSize,
  certificateFile,
  expiry,
  keyFile,
  listenerAddress,
  LONGEST_EXPIRY,
  number,
  oneOf,
  optional,
  origin,
  required,
  secret,
  text,
  timer,
  topicFilters,
  wholeNumber,
  withDefault,
} from "./fields.ts";
import { formatListenerAddress } from "./ListenerAddress.ts";
import { overlap } from "./overlaps.ts";

/** The largest MQTT packet there can be: five bytes of fixed header before 2^28 - 1 others. [MQTT-2.2.3] */
const LARGEST_PACKET = 268_435_455 + 5;

/** Bytes that no machine has: no limit at all, for people to read. */
const LARGEST_SIZE = 2 ** 50;

const limits = {
  enable: withDefault(
    Schema.Boolean,
    true,
    "false: a listener that is written down but not started.",
  ),
  allow_anonymous: withDefault(
    Schema.Boolean,
    true,
    "false: a CONNECT needs a user of auth.users.",
  ),
  max_connections: withDefault(
    wholeNumber(1),
    1_024_000,
    "Clients that may be connected at a time; a CONNECT beyond them is refused. There are fewer " +
      "where the process may not have as many descriptors (ulimit -n), and the log says so.",
  ),
  max_handshaking_limit: withDefault(
    wholeNumber(0),
    500,
    "Sockets that may be on their way in at a time, from accept to CONNACK, TLS and " +
      "WebSocket handshakes included. Beyond them the newest is closed, of the address that has " +
      "the most. 0: no limit.",
  ),
  max_conn_rate: withDefault(
    wholeNumber(0),
    0,
    "Sockets that are let in per second; those beyond are closed. 0: no limit.",
  ),
  handshake_timeout: withDefault(
    timer(1),
    30_000,
    "How long a CONNECT may take to arrive, TLS and WebSocket handshakes before it included.",
  ),
  max_packet_size: withDefault(
    byteSize(LARGEST_PACKET),
    1024 * 1024,
    "A larger packet closes its connection. 0: only MQTT's own limit of 256 MB.",
  ),
  max_first_packet_size: withDefault(
    byteSize(LARGEST_PACKET),
    100 * 1024,
    "The same for what a client sends before it is let in: its CONNECT. 0: as max_packet_size.",
  ),
  max_inflight: withDefault(
    wholeNumber(1, 65535),
    16,
    "Unacknowledged QoS 1 and 2 messages to one client; told to 5.0 clients as Receive Maximum.",
  ),
  max_mqueue_len: withDefault(
    wholeNumber(0),
    1000,
    "Messages queued for one session while it is away or behind; what comes beyond is dropped, " +
      "with an event.",
  ),
  max_mqueue_bytes: withDefault(
    byteSize(LARGEST_SIZE),
    16 * 1024 * 1024,
    "Bytes of those messages: topics, payloads and properties. 0: no limit.",
  ),
  max_subscriptions: withDefault(
    wholeNumber(0),
    10_000,
    "Subscriptions of one client. One to a filter of more than 8 levels or 256 characters counts " +
      "once for each 8 or 256, one with more than two + twice as much for each more. 0: no limit.",
  ),
  max_qos_allowed: withDefault(
    Schema.Literal(0, 1, 2).pipe(expecting({ expected: "0, 1 or 2" })),
    2,
    "The highest QoS: a PUBLISH above it closes its connection, and a subscription is granted " +
      "no more.",
  ),
  max_clientid_len: withDefault(
    wholeNumber(1, 65535),
    65535,
    "The longest client identifier, in bytes.",
  ),
  client_id: withDefault(
    oneOf("free", "username"),
    "free",
    "What a client identifier may be: any, or the client's user name alone, so that nobody can come " +
      "with another's and end his session.",
  ),
  max_topic_levels: withDefault(
    wholeNumber(0),
    128,
    "The most levels of a topic, filter or will. 0: no limit.",
  ),
  max_topic_aliases: withDefault(
    wholeNumber(0, 65535),
    32,
    "Topic aliases that one 5.0 client may set.",
  ),
  allow_zero_keepalive: withDefault(
    Schema.Boolean,
    true,
    "Whether a client may do without keep-alive. false: a 3.x client is refused, a 5.0 client " +
      "is given 60 seconds.",
  ),
  keepalive_backoff: withDefault(
    // Up to 16 the longest keep-alive, 65535 s x 16 x 2, is still a time that a timer can wait.
    number("a number over 0.5 and at most 16", (n) => n > 0.5 && n <= 16),
    0.75,
    "A client is gone after its keep-alive x this x 2.",
  ),
  session_expiry_interval: withDefault(
    expiry,
    7_200_000,
    "How long a 3.x session without clean_session outlives its connection; 5.0 clients say it " +
      "themselves.",
  ),
  max_session_expiry_interval: withDefault(
    expiry,
    0,
    'The longest that a 5.0 client may ask for. "0s": no limit.',
  ),
  message_expiry_interval: withDefault(
    expiry,
    300_000,
    'How long a message waits for its recipient if it says nothing itself. "0s": without end.',
  ),
  // Later versions forbid anything else. [MQTT-4.4.0-1]
  message_retry_interval: withDefault(
    expiry,
    20_000,
    "Kept for compatibility, without effect: messages are sent again on reconnect only " +
      "(MQTT 3.1.1, 4.4).",
  ),
};

const address = (hostname: string, port: number) =>
  withDefault(
    listenerAddress,
    { hostname, port },
    'Where to listen: "host:port", IPv6 as "[::]:1883". Port 0: any free port, which the log tells.',
  );

const TcpListener = Schema.Struct({ addr: address("0.0.0.0", 1883), ...limits });

/** What a listener over TLS has beside. */
const identity = {
  cert: required(
    certificateFile,
    "The certificate and its chain, PEM, in any order; the key may be in the same file.",
  ),
  key: required(keyFile, "Its private key, PEM, not encrypted."),
};

/** What one over WebSocket has. */
const door = {
  path: withDefault(
    Schema.String.pipe(
      Schema.pattern(/^\/[^\s?#]*$/),
      expecting({ expected: `a path like "/mqtt"` }),
    ),
    "/mqtt",
    "The path of the WebSocket's URL; any other is answered with 404.",
  ),
  allowed_origins: withDefault(
    Schema.Array(origin),
    [],
    "The origins of the pages whose scripts may connect: others are answered with 403. Clients that " +
      "are no browser name no origin and are let in. Empty: any.",
  ),
};

const TlsListener = Schema.Struct({ addr: address("0.0.0.0", 8883), ...identity, ...limits });

const WsListener = Schema.Struct({ addr: address("0.0.0.0", 8080), ...door, ...limits });

const WssListener = Schema.Struct({
  addr: address("0.0.0.0", 8443),
  ...identity,
  ...door,
  ...limits,
});

/** The keys that listeners have, of whatever kind. */
export const LISTENER_KEYS: ReadonlyArray<string> = Object.keys(WssListener.fields);

/** Listeners of one transport by name. */
const named = <A, I, R>(listener: Schema.Schema<A, I, R>, description: string) =>
  withDefault(Schema.Record({ key: Schema.String, value: listener }), {}, description);

const Listeners = Schema.Struct({
  tcp: named(TcpListener, "MQTT over TCP."),
  tls: named(TlsListener, "MQTT over TLS, with all keys of a tcp listener and these."),
  ws: named(WsListener, "MQTT over WebSocket, with all keys of a tcp listener and these."),
  wss: named(
    WssListener,
    "MQTT over WebSocket over TLS, for the scripts of https pages, with all keys of a tls and of a " +
      "ws listener.",
  ),
}).pipe(
  expecting({ key: "a known transport" }),
  Schema.filter((listeners) => {
    const taken: Array<{ readonly addr: Listener["addr"]; readonly by: string }> = [];
    return Object.entries(listeners).flatMap(([transport, named]) =>
      Object.entries<Listener>(named).flatMap(([name, { enable, addr }]) => {
        if (!enable) return [];
        const other = taken.find((other) => overlap(other.addr, addr));
        taken.push({ addr, by: `${transport}.${name}` });
        if (other === undefined) return [];
        const [mine, theirs] = [formatListenerAddress(addr), formatListenerAddress(other.addr)];
        const message = `"${mine}", which cannot be beside "${theirs}" of listener.${other.by}`;
        return [{
          path: [transport, name, "addr"],
          message: mine === theirs ? `"${mine}", which listener.${other.by} has` : message,
        }];
      })
    );
  }),
  expecting({ expected: "an address of its own for each listener", key: "a known transport" }),
);

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
    { metrics_open: false, max_row_limit: 1000 },
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
  const { tcp, tls, ws, wss } = file.listener;
  const isEmpty = [tcp, tls, ws, wss].every((listeners) => Object.keys(listeners).length === 0);
  const listeners: ReadonlyArray<ListenerSettings> = [
    ...enabled(isEmpty ? { external: Schema.decodeSync(TcpListener)({}) } : tcp, () => ({
      transport: "tcp" as const,
    })),
    ...enabled(tls, (listener) => ({ transport: "tls" as const, ...identityOf(listener) })),
    ...enabled(ws, (listener) => ({ transport: "ws" as const, ...doorOf(listener) })),
    ...enabled(wss, (listener) => ({
      transport: "wss" as const,
      ...identityOf(listener),
      ...doorOf(listener),
    })),
  ];
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
    listeners,
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

type Listener = typeof TcpListener.Type;

const identityOf = (
  { cert, key }: Pick<typeof TlsListener.Type, keyof typeof identity>,
): TlsIdentity => ({
  certFile: cert.path,
  keyFile: key.path,
  cert: cert.pem,
  key: Redacted.make(key.pem),
});

const doorOf = (
  { path, allowed_origins }: Pick<typeof WsListener.Type, keyof typeof door>,
): WebSocketDoor => ({ path, allowedOrigins: allowed_origins });

const enabled = <L extends Listener, T extends { readonly transport: string }>(
  listeners: { readonly [name: string]: L },
  transport: (listener: L) => T,
) =>
  Object.entries(listeners).filter(([, listener]) => listener.enable).map(([name, listener]) => ({
    name,
    ...listener.addr,
    ...transport(listener),
    limits: {
      listener: `${transport(listener).transport}.${name}`,
      allowAnonymous: listener.allow_anonymous,
      maxConnections: listener.max_connections,
      maxHandshaking: listener.max_handshaking_limit,
      maxConnRate: listener.max_conn_rate,
      handshakeTimeout: listener.handshake_timeout,
      // RMQTT: 0 means unlimited; MQTT has a limit of its own.
      maxPacketSize: listener.max_packet_size || LARGEST_PACKET,
      maxFirstPacketSize: Math.min(
        listener.max_first_packet_size || LARGEST_PACKET,
        listener.max_packet_size || LARGEST_PACKET,
      ),
      maxInflight: listener.max_inflight,
      maxMqueueLen: listener.max_mqueue_len,
      maxMqueueBytes: listener.max_mqueue_bytes,
      maxSubscriptions: listener.max_subscriptions,
      maxQosAllowed: listener.max_qos_allowed,
      maxClientidLen: listener.max_clientid_len,
      clientId: listener.client_id,
      maxTopicLevels: listener.max_topic_levels,
      maxTopicAliases: listener.max_topic_aliases,
      allowZeroKeepalive: listener.allow_zero_keepalive,
      keepaliveBackoff: listener.keepalive_backoff,
      sessionExpiryInterval: listener.session_expiry_interval,
      maxSessionExpiryInterval: listener.max_session_expiry_interval,
      // RMQTT: 0 means that messages do not expire, and takes the longest time there is for it.
      messageExpiryInterval: listener.message_expiry_interval || LONGEST_EXPIRY,
    },
  }));
