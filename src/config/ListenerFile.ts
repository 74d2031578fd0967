/** The listeners of broker.toml: the keys of each kind, and the settings they make. */
import * as Schema from "@effect/schema";
import * as Redacted from "effect/Redacted";
import type { ListenerSettings, WebSocketDoor } from "../domain/BrokerSettings.ts";
import type { TlsIdentity } from "../domain/TlsIdentity.ts";
import { expecting } from "./expectation.ts";
import {
  byteSize,
  certificateFile,
  expiry,
  keyFile,
  listenerAddress,
  LONGEST_EXPIRY,
  number,
  oneOf,
  origin,
  required,
  timer,
  wholeNumber,
  withDefault,
} from "./fields.ts";
import { formatListenerAddress } from "./ListenerAddress.ts";
import { overlap } from "./overlaps.ts";

/** The largest MQTT packet there can be: five bytes of fixed header before 2^28 - 1 others. [MQTT-2.2.3] */
export const LARGEST_PACKET = 268_435_455 + 5;

/** Bytes that no machine has: no limit at all, for people to read. */
export const LARGEST_SIZE = 2 ** 50;

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

/** The table `listener`. */
export const Listeners = Schema.Struct({
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

/** The settings that the table makes; one without any listener has one, tcp.external. */
export const listenerSettings = (
  { tcp, tls, ws, wss }: typeof Listeners.Type,
): ReadonlyArray<ListenerSettings> => {
  const isEmpty = [tcp, tls, ws, wss].every((listeners) => Object.keys(listeners).length === 0);
  return [
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
