/**
 * The real process, started by the very command of `deno task start`, with configuration files of
 * its own in a temporary folder. It must never outlive its test: whoever starts one stops it.
 */
import config from "../../deno.json" with { type: "json" };
import { PATIENCE } from "./patience.ts";

/** How a process ended, and all that it said. */
export interface Exit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The repository's root, from which the shipped configuration's relative paths start. */
export const repository: string = new URL("../../", import.meta.url).pathname;

/** A task of deno.json as the words of a command, without the task runner, and where it runs. */
export const taskWords = (
  task: keyof typeof config.tasks,
  args: ReadonlyArray<string>,
): { readonly cwd: string; readonly words: readonly [deno: string, ...ReadonlyArray<string>] } => {
  const [, ...own] = config.tasks[task].command.split(" ");
  return { cwd: repository, words: [Deno.execPath(), ...own, ...args] };
};

/**
 * A task of deno.json as a command: started without the task runner, signals reach it directly. `env` is
 * added to this process's own environment; `descriptors`: it has so many and no more.
 */
export const taskCommand = (
  task: keyof typeof config.tasks,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
  descriptors?: number,
): Deno.Command => {
  const { cwd, words: [deno, ...own] } = taskWords(task, args);
  const limited = ["-c", `ulimit -n ${descriptors} && exec "$0" "$@"`, deno];
  return new Deno.Command(descriptors === undefined ? deno : "sh", {
    args: [...(descriptors === undefined ? [] : limited), ...own],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
};

/** Runs `deno task start` with these arguments until it ends by itself. */
export const runBroker = async (...args: ReadonlyArray<string>): Promise<Exit> => {
  const { code, stdout, stderr } = await taskCommand("start", args).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
};

/** The two files' texts. */
export interface Files {
  readonly broker: string;
  readonly webHook: string;
}

/** What tests look for in a log is what people read there, unless a test says otherwise. */
const withReadableLog = (broker: string): string =>
  /^(\[?log\b)/m.test(broker) ? broker : `log.format = "pretty"\n${broker}`;

/** A started broker. */
export class BrokerProcess {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #exit: Promise<Exit>;
  readonly #waiting = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #ended = false;
  #reading: Promise<void> = Promise.resolve();

  private constructor(child: Deno.ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    const said = [
      this.#follow(child.stdout, (text) => this.#stdout += text),
      this.#follow(child.stderr, (text) => this.#stderr += text),
    ];
    this.#exit = Promise.all([child.status, ...said]).then(([{ code }]) => {
      this.#ended = true;
      this.#wake();
      return { code, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /**
   * Starts it and waits until the listeners named here listen. `env`, `descriptors`: see `taskCommand`;
   * `program`: what is started by the broker's arguments, where it is not the task.
   */
  static async start(
    files: Files,
    listeners: ReadonlyArray<string> = ["external"],
    env: Readonly<Record<string, string>> = {},
    descriptors?: number,
    program = (args: ReadonlyArray<string>): Deno.Command =>
      taskCommand("start", args, env, descriptors),
  ): Promise<BrokerProcess> {
    const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
    await Deno.writeTextFile(`${folder}/broker.toml`, withReadableLog(files.broker));
    await Deno.writeTextFile(`${folder}/web-hook.toml`, files.webHook);
    const child = program([
      "--config",
      `${folder}/broker.toml`,
      "--web-hook",
      `${folder}/web-hook.toml`,
    ]).spawn();
    const broker = new BrokerProcess(child, folder);
    try {
      for (const listener of listeners) await broker.#listening(listener);
    } catch (error) {
      await broker.stop("SIGKILL");
      throw error;
    }
    return broker;
  }

  /** The process's temporary folder; removed when it stops. */
  get folder(): string {
    return this.#folder;
  }

  /** The log so far. */
  get log(): string {
    return this.#stdout + this.#stderr;
  }

  /** The port that a listener got. */
  port(listener = "external"): number {
    const port = this.#portOf(listener);
    if (port === undefined) throw new Error(`${listener} does not listen:\n${this.log}`);
    return port;
  }

  /** Resolves when the process has ended, whether or not all that it said is read. */
  get ended(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** Stops reading what it says, as a reader of the log that hangs, until the answer is called. */
  holdLog(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    return resolve;
  }

  /** Sends it a signal that does not end it. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Resolves with the log as soon as it matches; rejects with it after `within` milliseconds, or at the end. */
  logged(pattern: RegExp, within = PATIENCE): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const look = () => {
      if (pattern.test(this.log)) resolve(this.log);
      else if (this.#ended) reject(new Error(`ended without ${pattern}:\n${this.log}`));
    };
    const deadline = setTimeout(
      () => reject(new Error(`no ${pattern} within ${within} ms:\n${this.log}`)),
      within,
    );
    this.#waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(deadline);
      this.#waiting.delete(look);
    });
  }

  /** Signals it and waits for its end; after `within` milliseconds it is killed and this rejects. */
  async stop(signal: Deno.Signal = "SIGTERM", within = PATIENCE): Promise<Exit> {
    if (!this.#ended) this.#child.kill(signal);
    let late = false;
    const deadline = setTimeout(() => {
      late = true;
      this.#child.kill("SIGKILL");
    }, within);
    const exit = await this.#exit;
    clearTimeout(deadline);
    await Deno.remove(this.#folder, { recursive: true });
    if (late) throw new Error(`not ended ${within} ms after ${signal}:\n${this.log}`);
    return exit;
  }

  #listening(listener: string, within = PATIENCE): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#portOf(listener) !== undefined) return settle(resolve);
        if (this.#ended) {
          settle(() => reject(new Error(`ended before ${listener} listened:\n${this.log}`)));
        }
      };
      const deadline = setTimeout(() => {
        settle(() => reject(new Error(`${listener} not listening in ${within} ms:\n${this.log}`)));
      }, within);
      const settle = (how: () => void) => {
        clearTimeout(deadline);
        this.#waiting.delete(look);
        how();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #portOf(listener: string): number | undefined {
    // The last piece is no whole line yet: its port could be cut short.
    for (const line of this.#stdout.split("\n").slice(0, -1)) {
      if (!/\blistening\b/.test(line) || !line.includes(`listener=${listener} `)) continue;
      const port = /\baddr=\S*:(\d+)/.exec(line)?.[1];
      if (port !== undefined) return Number(port);
    }
    return undefined;
  }

  async #follow(
    stream: ReadableStream<Uint8Array<ArrayBuffer>>,
    append: (text: string) => void,
  ): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      append(text);
      this.#wake();
      await this.#reading;
    }
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}
