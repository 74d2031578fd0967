/** RMQTT (`rmqttd` on the PATH) as a peer: on loopback, with its web-hook plugin alone, and nothing written to disk but its log. */
import { freePort, ServerProcess } from "./ServerProcess.ts";

const COMMAND = "rmqttd";

/** Its command, or undefined where it is not installed, which is said. */
export const findRmqtt = (): string | undefined => {
  try {
    new Deno.Command(COMMAND, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return COMMAND;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(`${COMMAND} is not on the PATH: left out`);
    return undefined;
  }
};

/** Starts it. `folder`: for its configuration files; `webHook`: the lines of its rmqtt-web-hook.toml. */
export const startRmqtt = async (
  command: string,
  folder: string,
  webHook: ReadonlyArray<string>,
): Promise<ServerProcess> => {
  const port = freePort();
  const plugins = `${folder}/rmqtt-${port}`;
  await Deno.mkdir(plugins, { recursive: true });
  await Deno.writeTextFile(`${plugins}/rmqtt-web-hook.toml`, `${webHook.join("\n")}\n`);
  const file = `${plugins}/rmqtt.toml`;
  await Deno.writeTextFile(
    file,
    `node.id = 1
rpc.server_addr = "127.0.0.1:${freePort()}"
log.to = "console"
log.level = "warn"
log.dir = "${plugins}"
log.file = "rmqtt.log"
plugins.dir = "${plugins}"
plugins.default_startups = ["rmqtt-web-hook"]
plugins.disabled_default_startups = ["rmqtt-acl", "rmqtt-counter", "rmqtt-http-api", "rmqtt-retainer"]
listener.tcp.external.addr = "127.0.0.1:${port}"
listener.tcp.external.nodelay = true
listener.tcp.external.max_connections = 1024000
listener.tcp.external.allow_anonymous = true
listener.tcp.external.max_mqueue_len = 1000
listener.tcp.external.mqueue_rate_limit = "1000000,1s"
`,
  );
  return await ServerProcess.start({ command, args: ["-f", file], port });
};
