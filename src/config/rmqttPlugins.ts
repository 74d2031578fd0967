/** What is known of the plugins of RMQTT that rmqtt.toml may name, as data. docs/migrating.md is made of it. */

/** One plugin. */
export interface RmqttPlugin {
  readonly name: string;
  /** What of it is here, and how it is set. */
  readonly here: string;
  /** Whether nothing is different with it: no warning. */
  readonly isHere: boolean;
}

const here = (name: string, here: string): RmqttPlugin => ({ name, here, isHere: true });

const different = (name: string, here: string): RmqttPlugin => ({ name, here, isHere: false });

const NO_BRIDGE = "there is no bridge; web-hook.toml's URLs are what leaves this broker";
const NO_CLUSTER = "there is no cluster, this broker is one node";
const USERS = "it is not asked; users are those of auth.users";
const PERSISTENCE = "write persistence = true at the top of the file instead";
const EXAMPLE = "it is an example, there is nothing of it";

/** The plugins, by name. */
export const RMQTT_PLUGINS: ReadonlyArray<RmqttPlugin> = [
  different("rmqtt-acl", "write [[acl]] entries instead of rmqtt-acl.toml's rules"),
  different("rmqtt-auth-http", USERS),
  different("rmqtt-auth-jwt", USERS),
  different("rmqtt-auto-subscription", "clients subscribe by themselves only"),
  different("rmqtt-bridge-egress-kafka", NO_BRIDGE),
  different("rmqtt-bridge-egress-mqtt", NO_BRIDGE),
  different("rmqtt-bridge-egress-nats", NO_BRIDGE),
  different("rmqtt-bridge-egress-pulsar", NO_BRIDGE),
  different("rmqtt-bridge-egress-reductstore", NO_BRIDGE),
  different("rmqtt-bridge-ingress-kafka", NO_BRIDGE),
  different("rmqtt-bridge-ingress-mqtt", NO_BRIDGE),
  different("rmqtt-bridge-ingress-nats", NO_BRIDGE),
  different("rmqtt-bridge-ingress-pulsar", NO_BRIDGE),
  different("rmqtt-bridge-origin", NO_BRIDGE),
  different("rmqtt-cluster-broadcast", NO_CLUSTER),
  different("rmqtt-cluster-raft", NO_CLUSTER),
  different("rmqtt-counter", "its counts are not kept; the log tells what became of events"),
  different("rmqtt-delayed", "no message is delayed, $delayed/... is a topic like any other"),
  different("rmqtt-flapping", "nobody is banned for coming often; see max_conn_rate"),
  different("rmqtt-http-api", "rmqtt-http-api.toml is not read, its keys go under [http_api] here"),
  different("rmqtt-http-web", "rmqtt-http-web.toml is not read"),
  different(
    "rmqtt-message-storage",
    "messages are kept for the sessions that are there and as retained ones, and no others",
  ),
  different("rmqtt-metrics", "its counts are not kept; the log tells what became of events"),
  different("rmqtt-p2p-messaging", "a topic p2p/... is a topic like any other"),
  different("rmqtt-plugin-helloworld", EXAMPLE),
  different("rmqtt-plugin-template", EXAMPLE),
  here("rmqtt-retainer", "built in; its limits are the table retain"),
  different("rmqtt-session-storage", PERSISTENCE),
  here("rmqtt-shared-subscription", "built in"),
  different("rmqtt-stats", "its counts are not kept; the log tells what became of events"),
  different("rmqtt-storage", PERSISTENCE),
  different("rmqtt-sys-topic", "nothing is published to $SYS/...; the events tell the same"),
  different("rmqtt-time-injector", "messages are delivered as they were published"),
  different("rmqtt-topic-rewrite", "topics stay as clients write them"),
  here("rmqtt-web-hook", "built in; --web-hook names its file"),
];
