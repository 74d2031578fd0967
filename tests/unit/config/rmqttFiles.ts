/** Configuration files as RMQTT's users have them. */

/** The first TOML block of the WebHook page in RMQTT's documentation, as it stands there. */
export const REFERENCE_GENERAL =
  `##--------------------------------------------------------------------
## rmqtt-web-hook
##--------------------------------------------------------------------
##
#    Method: POST
#    Body: <JSON>
#    Payload: BASE64
#

## web hook general config
# Since WebHook starts a separate Tokio runtime environment, it is necessary to specify the number of core worker threads allowed for this runtime.
worker_threads = 3
# The message queue capacity.
queue_capacity = 300_000
# The maximum number of parallel WebHook HTTP requests to send.
concurrency_limit = 128
# The default WebHook URL address(es) that can be specified with multiple addresses.
http_urls = ["http://127.0.0.1:5656/mqtt/webhook"] #default urls
# The timeout duration for HTTP requests.
http_timeout = "8s"

# This configuration option sets the maximum retry backoff time. If an HTTP request fails, it will be retried approximately 2, 4, 7, 11, 18, or 42 seconds later.
retry_max_elapsed_time = "60s"
# The retry factor, defaulting to 2.5.
retry_multiplier = 2.5
`;

/** The example rules of its second block; the lines before them are prose. */
export const REFERENCE_RULES = `rule.session_created = [{action = "session_created" } ]
rule.session_terminated = [{action = "session_terminated" } ]
rule.session_subscribed = [{action = "session_subscribed" , topics=["x/y/z", "foo/#"] } ]
rule.session_unsubscribed = [{action = "session_unsubscribed" , topics=["x/y/z", "foo/#"] } ]

rule.client_connect = [{action = "client_connect"}]
rule.client_connack = [{action = "client_connack"} ]
rule.client_connected = [{action = "client_connected"}, {action = "client_connected_2", urls = ["http://127.0.0.1:5657/mqtt/webhook"] } ]
rule.client_disconnected = [{action = "client_disconnected" } ]
rule.client_subscribe = [{action = "client_subscribe", topics=["x/y/z", "foo/#"]} ]
rule.client_unsubscribe = [{action = "client_unsubscribe", topics=["x/y/z", "foo/#"] } ]

rule.message_publish = [{action = "message_publish" }]
rule.message_delivered = [{action = "message_delivered", topics=["x/y/z", "foo/#"] } ]
rule.message_acked = [{action = "message_acked", topics=["x/y/z", "foo/#"] } ]
rule.message_dropped = [{action = "message_dropped" } ]
`;

/** The keys of an older rmqtt-web-hook.toml. */
export const OLDER_WEB_HOOK = `worker_threads = 1
async_queue_capacity = 100_000
http_urls = ["http://127.0.0.1:5656/mqtt/webhook"] #default urls
http_timeout = "8s"
rule.client_connect = [
    {action = "client_connect"},
    {action = "client_connect", urls = ["http://127.0.0.1:5656/mqtt/webhook", "http://127.0.0.1:5656/mqtt/webhook"] },
]
`;

/** The keys of RMQTT's rmqtt.toml, with one listener of each kind. */
export const RMQTT_BROKER = `node.id = 7
rpc.server_addr = "0.0.0.0:5363"
rpc.server_workers = 4
log.to = "console"
log.level = "info"
plugins.dir = "rmqtt-plugins/"
plugins.default_startups = [
    #    "rmqtt-auth-http",
]
listener.tcp.external.addr = "0.0.0.0:1883"
listener.tcp.external.workers = 5
listener.tcp.external.max_connections = 1024000
listener.tcp.external.max_handshaking_limit = 500
listener.tcp.external.handshake_timeout = "30s"
listener.tcp.external.max_packet_size = "1m"
listener.tcp.external.backlog = 1024
listener.tcp.external.idle_timeout = "20s"
listener.tcp.external.allow_anonymous = false
listener.tcp.external.min_keepalive = 0
listener.tcp.external.keepalive_backoff = 0.75
listener.tcp.external.max_inflight = 16
listener.tcp.external.max_mqueue_len = 1000
listener.tcp.external.mqueue_rate_limit = "1000,1s"
listener.tcp.external.max_clientid_len = 65535
listener.tcp.external.max_qos_allowed = 2
listener.tcp.external.max_topic_levels = 0
listener.tcp.external.retain_available = true
listener.tcp.external.session_expiry_interval = "2h"
listener.tcp.external.message_retry_interval = "20s"
listener.tcp.external.message_expiry_interval = "5m"
listener.tcp.external.max_awaiting_rel = 100
listener.tcp.external.await_rel_timeout = "5m"
listener.tcp.external.max_subscriptions = 0
listener.tcp.external.shared_subscription = true
listener.tcp.internal.enable = false
listener.tcp.internal.addr = "0.0.0.0:11883"
listener.tls.external.addr = "0.0.0.0:8883"
listener.tls.external.cert = "./rmqtt-bin/rmqtt.pem"
listener.tls.external.key = "./rmqtt-bin/rmqtt.key"
listener.wss.external.addr = "0.0.0.0:8443"
listener.wss.external.cert = "./rmqtt-bin/rmqtt.pem"
listener.wss.external.key = "./rmqtt-bin/rmqtt.key"
listener.quic.external.addr = "0.0.0.0:14567"
`;

/** The keys and values of the rmqtt.toml that RMQTT ships today; files that it names need not be there. */
export const TODAYS_RMQTT = `task.exec_workers = 2000
task.exec_queue_max = 300_000
node.id = 1
node.busy.check_enable = false
node.busy.update_interval = "2s"
node.busy.loadavg = 80.0
node.busy.cpuloadavg = 90.0
node.busy.handshaking = 0
rpc.server_addr = "0.0.0.0:5363"
rpc.reuseaddr = true
rpc.reuseport = false
rpc.server_workers = 4
rpc.batch_size = 128
rpc.client_concurrency_limit = 128
rpc.client_timeout = "10s"
log.to = "both"
log.level = "info"
log.dir = "/var/log/rmqtt"
log.file = "rmqtt.log"
plugins.dir = "rmqtt-plugins/"
plugins.default_startups = [
    #"rmqtt-acl",
    "rmqtt-retainer",
    "rmqtt-shared-subscription",
    "rmqtt-web-hook",
    "rmqtt-http-api"
]
plugins.disabled_default_startups = []
mqtt.delayed_publish_max = 100_000
mqtt.delayed_publish_immediate = true
mqtt.max_sessions = 0
listener.tcp.external.enable = true
listener.tcp.external.addr = "0.0.0.0:1883"
listener.tcp.external.workers = 8
listener.tcp.external.max_connections = 1024000
listener.tcp.external.max_handshaking_limit = 500
listener.tcp.external.handshake_timeout = "30s"
listener.tcp.external.max_packet_size = "1m"
listener.tcp.external.backlog = 1024
listener.tcp.external.nodelay = false
listener.tcp.external.tcp_keepalive = true
listener.tcp.external.proxy_protocol = false
listener.tcp.external.proxy_protocol_timeout = "5s"
listener.tcp.external.allow_anonymous = true
listener.tcp.external.min_keepalive = 0
listener.tcp.external.max_keepalive = 65535
listener.tcp.external.allow_zero_keepalive = true
listener.tcp.external.keepalive_backoff = 0.75
listener.tcp.external.max_inflight = 16
listener.tcp.external.max_mqueue_len = 1000
listener.tcp.external.mqueue_rate_limit = "1000,1s"
listener.tcp.external.max_clientid_len = 65535
listener.tcp.external.max_qos_allowed = 2
listener.tcp.external.max_topic_levels = 0
listener.tcp.external.session_expiry_interval = "2h"
listener.tcp.external.max_session_expiry_interval = "0h"
listener.tcp.external.message_retry_interval = "20s"
listener.tcp.external.message_expiry_interval = "5m"
listener.tcp.external.max_subscriptions = 0
listener.tcp.external.shared_subscription = true
listener.tcp.external.max_topic_aliases = 32
listener.tcp.external.limit_subscription = false
listener.tcp.external.delayed_publish = false
listener.tcp.internal.enable = true
listener.tcp.internal.addr = "0.0.0.0:11883"
listener.tcp.internal.allow_anonymous = true
listener.tcp.internal.workers = 4
listener.tcp.internal.max_inflight = 128
listener.tcp.internal.mqueue_rate_limit = "5000,1s"
listener.tls.external.enable = false
listener.tls.external.addr = "0.0.0.0:8883"
listener.tls.external.cross_certificate = true
listener.tls.external.cert = "./rmqtt-bin/rmqtt.fullchain.pem"
listener.tls.external.key = "./rmqtt-bin/rmqtt.key"
listener.tls.external.cert_cn_as_username = false
listener.ws.external.enable = false
listener.ws.external.addr = "0.0.0.0:8080"
listener.wss.external.enable = false
listener.wss.external.addr = "0.0.0.0:8443"
listener.wss.external.cert = "./rmqtt-bin/rmqtt.fullchain.pem"
listener.wss.external.key = "./rmqtt-bin/rmqtt.key"
listener.quic.external.enable = false
listener.quic.external.addr = "0.0.0.0:9443"
listener.quic.external.cross_certificate = true
listener.quic.external.idle_timeout = "120s"
`;
