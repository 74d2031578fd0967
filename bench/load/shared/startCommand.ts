/** How a checkout of this repository is started: its own task, whatever its age. */
import type { ServerCommand } from "./ServerProcess.ts";
import { repository } from "./ServerProcess.ts";

/** The command of `deno task start` in `checkout` (this one unless told otherwise), its files beside. */
export const startCommand = async (
  brokerFile: string,
  webHookFile: string,
  checkout: string = repository,
  denoOptions: ReadonlyArray<string> = [],
): Promise<ServerCommand> => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${checkout}/deno.json`));
  const [, run, ...args] = tasks.start.command.split(" ");
  return {
    command: Deno.execPath(),
    args: [run, ...denoOptions, ...args, "--config", brokerFile, "--web-hook", webHookFile],
    port: /listening .*addr=\S+:(\d+)/,
    folder: checkout,
  };
};
