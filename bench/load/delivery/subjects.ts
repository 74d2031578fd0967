/** What is compared: Hookline with different numbers of workers, aedes with undici, and RMQTT where there is one. */
import { mostWorkers } from "../../../src/webhook/worker/mostWorkers.ts";
import { findRmqtt, startRmqtt } from "../shared/rmqtt.ts";
import { ServerProcess } from "../shared/ServerProcess.ts";
import { startCommand } from "../shared/startCommand.ts";

/** What a subject is to do for one measurement. */
export interface Job {
  /** Each message goes to each of them. */
  readonly urls: ReadonlyArray<string>;
  /** Lines of web-hook.toml beside the defaults; others have no such settings. */
  readonly settings?: ReadonlyArray<string>;
}

export interface Subject {
  readonly name: string;
  readonly start: (job: Job) => Promise<ServerProcess>;
}

/** What each URL has in its table, and what that is called. */
export interface EndpointKeys {
  readonly name: string;
  readonly keys: ReadonlyArray<string>;
}

/**
 * `deno task start` with one rule. `workers`: undefined, as many as it has by default. `folder`: for its
 * configuration files. `before`: another checkout.
 */
export const hookline = (
  workers: number | undefined,
  folder: string,
  before?: string,
  endpoint?: EndpointKeys,
): Subject => ({
  name: `${before === undefined ? "hookline" : "before"}, ${
    workers === undefined ? "default" : `${workers} worker${workers === 1 ? "" : "s"}`
  }${endpoint === undefined ? "" : `, ${endpoint.name}`}`,
  start: async ({ urls, settings = [] }) => {
    const brokerFile = `${folder}/broker.toml`;
    const webHookFile = `${folder}/web-hook.toml`;
    await Deno.writeTextFile(brokerFile, '[listener.tcp.bench]\naddr = "127.0.0.1:0"\n');
    await Deno.writeTextFile(
      webHookFile,
      [
        ...(workers === undefined ? [] : [`worker_threads = ${workers}`]),
        `http_urls = ${JSON.stringify(urls)}`,
        ...settings,
        'rule.message_publish = [{ action = "message_publish" }]',
        ...urls.flatMap((url) =>
          endpoint === undefined
            ? []
            : ["[[endpoint]]", `url = ${JSON.stringify(url)}`, ...endpoint.keys]
        ),
        "",
      ].join("\n"),
    );
    return ServerProcess.start(await startCommand(brokerFile, webHookFile, before));
  },
});

/** The peer that the others are compared with. */
export const PEER_NAME = "aedes + undici";

const aedesUndici: Subject = {
  name: PEER_NAME,
  start: ({ urls }) =>
    ServerProcess.start({
      command: Deno.execPath(),
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--lock=tests/deno.lock",
        "--allow-net",
        "--allow-env",
        "--allow-sys",
        "--allow-read",
        new URL("aedesUndiciServer.ts", import.meta.url).pathname,
        ...urls,
      ],
      port: /listening on (\d+)/,
    }),
};

/** RMQTT with its web-hook plugin alone, as far as it is installed. `folder`: for its configuration files. */
const rmqttSubjects = (folder: string): ReadonlyArray<Subject> => {
  const command = findRmqtt();
  if (command === undefined) return [];
  return [{
    name: "rmqtt",
    start: ({ urls }) =>
      startRmqtt(command, folder, [
        `http_urls = ${JSON.stringify(urls)}`,
        'rule.message_publish = [{ action = "message_publish" }]',
      ]),
  }];
};

/** Of these numbers of workers those that this machine has cores for; says which are left out. */
const withinCores = (numbers: ReadonlyArray<number>): ReadonlyArray<number> => {
  const cores = navigator.hardwareConcurrency;
  const isWithin = (workers: number) => mostWorkers(workers, cores) === workers;
  const beyond = numbers.filter((workers) => !isWithin(workers));
  if (beyond.length > 0) console.log(`left out, with ${cores} cores: ${beyond.join(", ")} workers`);
  return numbers.filter(isWithin);
};

/** `before`: an older checkout to be measured beside this one. */
export const makeSubjects = (folder: string, before?: string): ReadonlyArray<Subject> => [
  ...[undefined, ...withinCores([0, 1, 3])].flatMap((workers) => [
    hookline(workers, folder),
    ...(before === undefined ? [] : [hookline(workers, folder, before)]),
  ]),
  aedesUndici,
  ...rmqttSubjects(folder),
];

/** What the table of a URL may have. Each is measured beside a subject without any, by as many workers. */
export const BATCHED: ReadonlyArray<EndpointKeys> = [
  { name: "array", keys: ['batch = "array"'] },
  { name: "array, gzip", keys: ['batch = "array"', 'compression = "gzip"'] },
];

/** One secret, as most have. */
export const SIGNED: ReadonlyArray<EndpointKeys> = [
  { name: "signed", keys: [`signing_secrets = ["whsec_${new Uint8Array(32).toBase64()}"]`] },
];

/** By 0 workers and by 3, where there are cores for these: without a table, and with each. */
export const shapedSubjects = (
  folder: string,
  shapes: ReadonlyArray<EndpointKeys>,
): ReadonlyArray<Subject> => [
  ...withinCores([0, 3]).flatMap((workers) => [
    hookline(workers, folder),
    ...shapes.map((shape) => hookline(workers, folder, undefined, shape)),
  ]),
  aedesUndici,
];

/** The name of the subject that one with a table is compared with. */
export const plainOf = (name: string): string => name.split(", ").slice(0, 2).join(", ");
