/** From the start of a process that finds so many events in its outbox to its first POST. */
import { freePort, ServerProcess } from "../shared/ServerProcess.ts";
import { startCommand } from "../shared/startCommand.ts";
import { peakBytes } from "../shared/processUsage.ts";
import { startBurst } from "../delivery/publishers.ts";

export interface Recovery {
  /** Seconds from exec to the first POST. */
  readonly firstPost: number;
  /** Seconds from exec to the first POST of a process that finds nothing, for one event that it is sent. */
  readonly empty: number;
  /** Resident bytes at their highest. */
  readonly bytes: number;
}

export const measureRecovery = async (folder: string, events: number): Promise<Recovery> => {
  const port = freePort(); // nobody listens on it until the restart
  const url = `http://127.0.0.1:${port}/`;
  const start = async (outbox: string) => {
    const [broker, webHook] = [
      `${folder}/recovery-broker.toml`,
      `${folder}/recovery-web-hook.toml`,
    ];
    await Deno.writeTextFile(broker, '[listener.tcp.bench]\naddr = "127.0.0.1:0"\n');
    await Deno.writeTextFile(
      webHook,
      [
        "worker_threads = 0",
        `http_urls = ["${url}"]`,
        `queue_capacity = ${Math.ceil(events * 2.5)}`,
        "endpoint_share = 1.0",
        'retry_max_elapsed_time = "24h"',
        'outbox = "disk"',
        `outbox_dir = "${folder}/${outbox}"`,
        'outbox_max_bytes = "16GB"',
        "rule.message_publish = [{}]",
        "",
      ].join("\n"),
    );
    return ServerProcess.start(await startCommand(broker, webHook));
  };
  const before = await start("recovery");
  await (await startBurst(before.port, events, 64)).done;
  await before.stop(); // kill -9

  let first: (at: number) => void = () => {};
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    async (request) => {
      first(performance.now());
      await request.arrayBuffer();
      return new Response(null, { status: 204 });
    },
  );
  try {
    const firstAfter = async (begin: () => Promise<ServerProcess>) => {
      const came = new Promise<number>((resolve) => first = resolve);
      const began = performance.now();
      const server = await begin();
      const seconds = (await came - began) / 1000;
      const bytes = peakBytes(server.pid);
      await server.stop();
      return { seconds, bytes };
    };
    const { seconds: firstPost, bytes } = await firstAfter(() => start("recovery"));
    const { seconds: empty } = await firstAfter(async () => {
      const server = await start("empty");
      await (await startBurst(server.port, 1, 1)).done;
      return server;
    });
    return { firstPost, empty, bytes };
  } finally {
    await receiver.shutdown();
  }
};
