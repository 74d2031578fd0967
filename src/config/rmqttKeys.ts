/**
 * What is known of the keys of RMQTT's rmqtt.toml that mean nothing here, as data: every one that a published
 * file has had, 2021 to 2026. docs/migrating.md is made of it.
 */

/** One key. */
export interface RmqttKey {
  /** Dotted; a part in angle brackets stands for any. */
  readonly key: string;
  /** Values with which nothing is different here: RMQTT's default, and what its files ship for tuning. */
  readonly same: ReadonlyArray<string | number | boolean> | "any";
  /** What is different here with another value: completes "KEY = VALUE: ...". Absent where there is none. */
  readonly otherwise?: string;
  /** It is told of the whole table, once, whatever is in it. */
  readonly isTable?: true;
  /** Its value is never shown. */
  readonly isSecret?: true;
  /** This broker has the key, for compatibility only: it is left in the file. */
  readonly isOurs?: true;
}

const NO_CLUSTER = "there is no cluster, nothing listens for other nodes";
const NO_QUEUE =
  "there is no queue of tasks; mqtt.max_memory and web-hook.toml's queue_capacity bound " +
  "what waits";
const NO_LOAD_CHECK =
  "the machine's load is not looked at; see max_handshaking_limit and mqtt.max_memory";
const NO_DELAY = "no message is delayed, $delayed/... is a topic like any other";
const NO_LOG_FILE = "the log goes to the standard output and to no file";
const NO_BREAKER =
  "this is for RMQTT's cluster and storages; a URL that fails has breaker_failures of " +
  "web-hook.toml";
const NO_TLS = "this kind of listener has no TLS, the file is not read";
const NO_CLIENT_CERTIFICATE = "clients are asked for no certificate, users are those of auth.users";
const AWAITED = "a QoS 2 message waits for its PUBREL as long as its session lives";
const SYSTEM_TIMES = "the times of TCP's keep-alive are the system's";

/** Of a listener of any kind. */
const LISTENER: ReadonlyArray<RmqttKey> = [
  { key: "await_rel_timeout", same: ["0s", "5m", "10m"], otherwise: AWAITED },
  { key: "backlog", same: [512, 1024], otherwise: "the system decides how many connections wait" },
  { key: "cert_cn_as_username", same: [false], otherwise: NO_CLIENT_CERTIFICATE },
  { key: "cert_subject_dn_as_username", same: [false], otherwise: NO_CLIENT_CERTIFICATE },
  { key: "client_ca_certs", same: [], otherwise: `the file is not read: ${NO_CLIENT_CERTIFICATE}` },
  {
    key: "collect_cert_info",
    same: [false],
    otherwise: "clients show no certificate, nothing is known of it",
  },
  {
    key: "conn_await_acquire",
    same: [false],
    otherwise: "what comes beyond max_conn_rate is closed, and does not wait",
  },
  // On the kinds where it counts, `true` is an error of ./closedNotOpen.ts.
  { key: "cross_certificate", same: "any" },
  { key: "delayed_publish", same: [false], otherwise: NO_DELAY },
  { key: "idle_timeout", same: "any" }, // for TCP of no effect in RMQTT either; QUIC is not started at all
  {
    key: "limit_subscription",
    same: [false],
    otherwise: "$limit/... and $exclusive/... are filters like any other",
  },
  { key: "max_awaiting_rel", same: [0, 100, 1000], otherwise: AWAITED },
  {
    key: "max_concurrency_limit",
    same: [500, 1000],
    otherwise: "write max_handshaking_limit instead",
  },
  {
    key: "max_handshake_limit",
    same: [500, 1000],
    otherwise: "write max_handshaking_limit instead",
  },
  { key: "max_handshake_rate", same: [5000], otherwise: "write max_conn_rate instead" },
  { key: "max_keepalive", same: [0, 65535], otherwise: "a longer keep-alive is accepted as well" },
  {
    key: "message_retry_interval",
    same: ["0s", "20s", "30s"],
    otherwise: "messages are sent again on reconnect only (MQTT 3.1.1, 4.4)",
    isOurs: true,
  },
  {
    key: "message_storage_available",
    same: [false],
    otherwise: "messages are kept for sessions and as retained ones, and no others",
  },
  { key: "min_keepalive", same: [0], otherwise: "a shorter keep-alive is accepted as well" },
  {
    key: "mqueue_rate_limit",
    same: ["1000,1s", "5000,1s", "4294967295,1s"],
    otherwise: "queued messages are sent as fast as the client acknowledges them (max_inflight)",
  },
  { key: "nodelay", same: "any" }, // always on, and RMQTT's default is off: nobody asks for the delay
  {
    key: "persistent_available",
    same: [false],
    otherwise: "write persistence = true at the top of the file instead",
  },
  // `true` is an error of ./closedNotOpen.ts; the time-out means nothing without it.
  { key: "proxy_protocol", same: "any" },
  { key: "proxy_protocol_timeout", same: "any" },
  { key: "retain_available", same: "any" }, // what RMQTT's files ship was both, for one behaviour
  { key: "reuseaddr", same: [true], otherwise: "it is always true" },
  { key: "reuseport", same: [false], otherwise: "one process has an address to itself" },
  { key: "shared_subscription", same: [true], otherwise: "shared subscriptions are always there" },
  { key: "tcp_keepalive", same: [true], otherwise: "TCP's keep-alive is always on" },
  { key: "tcp_keepalive.idle", same: ["1s"], otherwise: SYSTEM_TIMES },
  { key: "tcp_keepalive.interval", same: ["1s"], otherwise: SYSTEM_TIMES },
  { key: "tcp_keepalive.probes", same: [2], otherwise: SYSTEM_TIMES },
  { key: "workers", same: [4, 5, 8], otherwise: "a listener has no threads of its own" },
];

/** Files that a tls or wss listener has. */
const PLAIN_LISTENER: ReadonlyArray<RmqttKey> = ["tcp", "ws"].flatMap((kind) =>
  ["cert", "key"].map((file) => ({
    key: `listener.${kind}.<name>.${file}`,
    same: [],
    otherwise: NO_TLS,
  }))
);

/** The keys, in the order of RMQTT's file. Of `plugins` the lists are ./rmqttPlugins.ts's. */
export const RMQTT_KEYS: ReadonlyArray<RmqttKey> = [
  { key: "inner_api_addr", same: ["0.0.0.0:6063"], otherwise: NO_CLUSTER },
  { key: "task.exec_workers", same: [1000, 2000], otherwise: NO_QUEUE },
  { key: "task.exec_queue_max", same: [300_000], otherwise: NO_QUEUE },
  { key: "task.local_exec_workers", same: [50], otherwise: NO_QUEUE },
  { key: "task.local_exec_queue_max", same: [10_000], otherwise: NO_QUEUE },
  { key: "task.local_exec_rate_limit", same: ["1000,1s", "4294967295,1s"], otherwise: NO_QUEUE },
  { key: "node.cookie", same: ["rmqttsecretcookie"], otherwise: NO_CLUSTER, isSecret: true },
  {
    key: "node.crash_dump",
    same: ["/var/log/rmqtt/crash.dump"],
    otherwise: "no dump is written",
  },
  { key: "node.busy.check_enable", same: "any" }, // RMQTT's default is true, its files have false
  { key: "node.busy.update_interval", same: ["2s"], otherwise: NO_LOAD_CHECK },
  { key: "node.busy.loadavg", same: [80], otherwise: NO_LOAD_CHECK },
  { key: "node.busy.cpuloadavg", same: [90], otherwise: NO_LOAD_CHECK },
  { key: "node.busy.handshaking", same: [0], otherwise: NO_LOAD_CHECK },
  { key: "rpc.mode", same: ["async"], otherwise: NO_CLUSTER },
  { key: "rpc.server_addr", same: ["0.0.0.0:5363"], otherwise: NO_CLUSTER },
  { key: "rpc.server_workers", same: [4], otherwise: NO_CLUSTER },
  { key: "rpc.reuseaddr", same: [true], otherwise: NO_CLUSTER },
  { key: "rpc.reuseport", same: [false], otherwise: NO_CLUSTER },
  { key: "rpc.timeout", same: ["5s"], otherwise: NO_CLUSTER },
  { key: "rpc.connect_timeout", same: ["5s"], otherwise: NO_CLUSTER },
  { key: "rpc.send_timeout", same: ["5s"], otherwise: NO_CLUSTER },
  { key: "rpc.authentication_timeout", same: ["5s"], otherwise: NO_CLUSTER },
  { key: "rpc.socket_keepalive_count", same: [9], otherwise: NO_CLUSTER },
  { key: "rpc.socket_keepalive_interval", same: ["75s"], otherwise: NO_CLUSTER },
  { key: "rpc.batch_size", same: [128], otherwise: NO_CLUSTER },
  { key: "rpc.client_num", same: [2], otherwise: NO_CLUSTER },
  { key: "rpc.client_concurrency_limit", same: [128], otherwise: NO_CLUSTER },
  { key: "rpc.client_timeout", same: ["5s", "10s"], otherwise: NO_CLUSTER },
  { key: "log.to", same: ["console"], otherwise: NO_LOG_FILE },
  { key: "log.dir", same: ["/var/log/rmqtt"], otherwise: NO_LOG_FILE },
  { key: "log.file", same: ["rmqtt.log"], otherwise: NO_LOG_FILE },
  {
    key: "plugins.dir",
    same: ["rmqtt-plugins/", "./rmqtt-plugins/", "./plugins/"],
    otherwise: "no file is read from there; --web-hook names rmqtt-web-hook.toml",
  },
  // RMQTT's files have it in comments only: whoever has it wants something of it.
  { key: "circuit_breaker", same: [], otherwise: NO_BREAKER, isTable: true },
  ...[
    "failure_rate_threshold",
    "minimum_number_of_calls",
    "sliding_window_duration",
    "sliding_window_size",
    "sliding_window_type",
    "slow_call_duration_threshold",
    "slow_call_rate_threshold",
    "wait_duration_in_open",
  ].map((name): RmqttKey => ({ key: `circuit_breaker.${name}`, same: "any" })),
  { key: "mqtt.delayed_publish_max", same: [100_000], otherwise: NO_DELAY },
  { key: "mqtt.delayed_publish_immediate", same: [true], otherwise: NO_DELAY },
  {
    key: "mqtt.shared_subscription",
    same: [true],
    otherwise: "shared subscriptions are always there",
  },
  ...LISTENER.map((entry) => ({ ...entry, key: `listener.<kind>.<name>.${entry.key}` })),
  ...PLAIN_LISTENER,
  // Of rmqtt-retainer.toml, whose limits the table `retain` has.
  {
    key: "retain.retained_message_ttl",
    same: ["0s"],
    otherwise: "a retained message stays until its own expiry",
  },
  {
    key: "retain.expiry_interval",
    same: ["0s"],
    otherwise: "a retained message stays until its own expiry",
  },
  {
    key: "retain.storage",
    same: [],
    otherwise: "write persistence = true at the top of the file instead",
    isTable: true,
  },
  // Of rmqtt-http-api.toml, whose others the table `http_api` has.
  { key: "http_api.http_request_log", same: [false], otherwise: "requests are not logged" },
  { key: "http_api.http_reuseaddr", same: "any" },
  {
    key: "http_api.http_reuseport",
    same: [false],
    otherwise: "one process has an address to itself",
  },
  { key: "http_api.message_expiry_interval", same: "any" },
  { key: "http_api.message_retain_available", same: "any" },
  { key: "http_api.message_storage_available", same: "any" },
  { key: "http_api.metrics_sample_interval", same: "any" }, // metrics are of the moment
  { key: "http_api.prometheus_metrics_cache_interval", same: "any" },
];
