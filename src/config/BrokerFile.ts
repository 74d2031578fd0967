/** broker.toml: its keys with their defaults, and the settings they make. Source of both: shared/contract.md. */
import * as Schema from "@effect/schema";
import { isPasswordHash, parsePasswordHash } from "../auth/PasswordHash.ts";
import type { BrokerSettings, ListenerSettings } from "../domain/BrokerSettings.ts";
import { expecting } from "./expectation.ts";
import {
  byteSize,
  expiry,
  listenerAddress,
  LONGEST_EXPIRY,
  number,
  oneOf,
  optional,
  pemFile,
  secret,
  text,
  timer,
  topicFilters,
  wholeNumber,
  withDefault,
} from "./fields.ts";
import { formatListenerAddress } from "./ListenerAddress.ts";

/** The largest MQTT packet there can be: five bytes of fixed header before 2^28 - 1 others. [MQTT-2.2.3] */
const LARGEST_PACKET = 268_435_455 + 5;

const limits = {
  /** RMQTT's switch for a listener that is written down but not wanted. */
  enable: withDefault(Schema.Boolean, true),
  allow_anonymous: withDefault(Schema.Boolean, true),
  max_connections: withDefault(wholeNumber(1), 1_024_000),
  handshake_timeout: withDefault(timer(1), 30_000),
  max_packet_size: withDefault(byteSize(LARGEST_PACKET), 1024 * 1024),
  max_inflight: withDefault(wholeNumber(1, 65535), 16),
  max_mqueue_len: withDefault(wholeNumber(0), 1000),
  max_qos_allowed: withDefault(
    Schema.Literal(0, 1, 2).pipe(expecting({ expected: "0, 1 or 2" })),
    2,
  ),
  max_clientid_len: withDefault(wholeNumber(1, 65535), 65535),
  max_topic_levels: withDefault(wholeNumber(0), 0),
  max_topic_aliases: withDefault(wholeNumber(0, 65535), 32),
  allow_zero_keepalive: withDefault(Schema.Boolean, true),
  // Up to 16 the longest keep-alive, 65535 s x 16 x 2, is still a time that a timer can wait.
  keepalive_backoff: withDefault(
    number("a number over 0.5 and at most 16", (n) => n > 0.5 && n <= 16),
    0.75,
  ),
  session_expiry_interval: withDefault(expiry, 7_200_000),
  max_session_expiry_interval: withDefault(expiry, 0),
  message_expiry_interval: withDefault(expiry, 300_000),
  /** Read and not used: 3.x resends on reconnect only, and later versions forbid anything else. [MQTT-4.4.0-1] */
  message_retry_interval: withDefault(expiry, 20_000),
};

const address = (hostname: string, port: number) =>
  withDefault(listenerAddress, { hostname, port });

const TcpListener = Schema.Struct({ addr: address("0.0.0.0", 1883), ...limits });

const TlsListener = Schema.Struct({
  addr: address("0.0.0.0", 8883),
  cert: pemFile("CERTIFICATE"),
  key: pemFile("PRIVATE KEY"),
  ...limits,
});

const WsListener = Schema.Struct({
  addr: address("0.0.0.0", 8080),
  path: withDefault(
    Schema.String.pipe(
      Schema.pattern(/^\/[^\s?#]*$/),
      expecting({ expected: `a path like "/mqtt"` }),
    ),
    "/mqtt",
  ),
  ...limits,
});

/** Listeners of one transport by name. */
const named = <A, I, R>(listener: Schema.Schema<A, I, R>) =>
  withDefault(Schema.Record({ key: Schema.String, value: listener }), {});

const Listeners = Schema.Struct({
  tcp: named(TcpListener),
  tls: named(TlsListener),
  ws: named(WsListener),
}).pipe(
  expecting({ key: "a known transport" }),
  Schema.filter((listeners) => {
    const taken = new Set<string>();
    return Object.entries(listeners).flatMap(([transport, named]) =>
      Object.entries<Listener>(named).flatMap(([name, { enable, addr }]) => {
        const shown = formatListenerAddress(addr);
        if (!enable || addr.port === 0) return [];
        if (!taken.has(shown)) return taken.add(shown), [];
        return [{ path: [transport, name, "addr"], message: `"${shown}" a second time` }];
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

const User = Schema.Struct({ username: text, password });

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

const AclEntry = Schema.Struct({
  permit: oneOf("allow", "deny"),
  action: withDefault(oneOf("publish", "subscribe", "all"), "all"),
  user: optional(Schema.String),
  clientid: optional(Schema.String),
  topics: withDefault(topicFilters, []),
});

/** What broker.toml may hold. */
export const BrokerFile = Schema.Struct({
  node: withDefault(
    Schema.Struct({ id: withDefault(wholeNumber(0), 1) }),
    { id: 1 },
  ),
  listener: withDefault(Listeners, { tcp: {}, tls: {}, ws: {} }),
  auth: withDefault(Schema.Struct({ users: withDefault(Users, []) }), { users: [] }),
  acl: withDefault(Schema.Array(AclEntry), []),
});
export type BrokerFile = typeof BrokerFile.Type;

/** The settings that a broker.toml makes; a file that names no listener gets one. */
export const brokerSettings = (file: BrokerFile): BrokerSettings => {
  const { tcp, tls, ws } = file.listener;
  const isEmpty = [tcp, tls, ws].every((listeners) => Object.keys(listeners).length === 0);
  const listeners: ReadonlyArray<ListenerSettings> = [
    ...enabled(isEmpty ? { external: Schema.decodeSync(TcpListener)({}) } : tcp, () => ({
      transport: "tcp" as const,
    })),
    ...enabled(tls, ({ cert, key }) => ({
      transport: "tls" as const,
      certFile: cert,
      keyFile: key,
    })),
    ...enabled(ws, ({ path }) => ({ transport: "ws" as const, path })),
  ];
  return {
    node: file.node,
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

const enabled = <L extends Listener, T>(
  listeners: { readonly [name: string]: L },
  transport: (listener: L) => T,
) =>
  Object.entries(listeners).filter(([, listener]) => listener.enable).map(([name, listener]) => ({
    name,
    ...listener.addr,
    ...transport(listener),
    limits: {
      allowAnonymous: listener.allow_anonymous,
      maxConnections: listener.max_connections,
      handshakeTimeout: listener.handshake_timeout,
      // RMQTT: 0 means unlimited; MQTT has a limit of its own.
      maxPacketSize: listener.max_packet_size || LARGEST_PACKET,
      maxInflight: listener.max_inflight,
      maxMqueueLen: listener.max_mqueue_len,
      maxQosAllowed: listener.max_qos_allowed,
      maxClientidLen: listener.max_clientid_len,
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
