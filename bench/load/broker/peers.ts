/** The brokers that are compared, and how each is started: with its defaults, and nothing written to disk. */
import type { ServerCommand } from "../shared/ServerProcess.ts";
import { freePort, ServerProcess } from "../shared/ServerProcess.ts";
import { findRmqtt, startRmqtt } from "../shared/rmqtt.ts";
import { startCommand } from "../shared/startCommand.ts";

export interface Peer {
  readonly name: string;
  /** Options for the runtime, where there is one. */
  readonly start: (denoOptions: ReadonlyArray<string>) => Promise<ServerProcess>;
  /** Whether it is a Deno process. */
  readonly onDeno: boolean;
}

const deno = (
  options: ReadonlyArray<string>,
  [run, ...args]: ReadonlyArray<string>,
  port: RegExp,
): ServerCommand => ({
  command: Deno.execPath(),
  args: [run as string, ...options, ...args], // a command line begins with `run`
  port,
});

/** `deno task start`, with no rule: no event is wanted. `before`: of another checkout. */
const hookline = (folder: string, before?: string): Peer => ({
  name: before === undefined ? "hookline" : "before",
  onDeno: true,
  start: async (options) => {
    const brokerFile = `${folder}/broker.toml`;
    const webHookFile = `${folder}/web-hook.toml`;
    await Deno.writeTextFile(brokerFile, '[listener.tcp.bench]\naddr = "127.0.0.1:0"\n');
    await Deno.writeTextFile(webHookFile, "");
    return ServerProcess.start(await startCommand(brokerFile, webHookFile, before, options));
  },
});

const aedes: Peer = {
  name: "aedes",
  onDeno: true,
  start: (options) => {
    const script = new URL("aedesServer.ts", import.meta.url).pathname;
    const args = [
      "run",
      "--quiet",
      "--no-prompt",
      "--lock=tests/deno.lock",
      "--allow-net",
      "--allow-env",
      "--allow-sys",
      script,
    ];
    return ServerProcess.start(deno(options, args, /listening on (\d+)/));
  },
};

const mosquitto = (command: string, folder: string): Peer => ({
  name: "mosquitto",
  onDeno: false,
  start: async () => {
    const port = freePort();
    const file = `${folder}/mosquitto-${port}.conf`;
    await Deno.writeTextFile(file, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
    return ServerProcess.start({ command, args: ["-c", file], port });
  },
});

const rmqtt = (command: string, folder: string): Peer => ({
  name: "rmqtt",
  onDeno: false,
  start: () => startRmqtt(command, folder, []),
});

const mosquittoCommand = async (): Promise<string | undefined> => {
  for (const command of ["mosquitto", "/usr/sbin/mosquitto"]) {
    try {
      await new Deno.Command(command, { args: ["-h"], stdout: "null", stderr: "null" }).output();
      return command;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
};

/**
 * All peers there are on this machine. `folder`: for their configuration files. `before`: an older checkout
 * to be measured beside this one.
 */
export const findPeers = async (
  folder: string,
  before?: string,
): Promise<ReadonlyArray<Peer>> => {
  const command = await mosquittoCommand();
  if (command === undefined) console.log("mosquitto is not installed: left out");
  const rmqttCommand = findRmqtt();
  return [
    hookline(folder),
    ...(before === undefined ? [] : [hookline(folder, before)]),
    aedes,
    ...(command === undefined ? [] : [mosquitto(command, folder)]),
    ...(rmqttCommand === undefined ? [] : [rmqtt(rmqttCommand, folder)]),
  ];
};
