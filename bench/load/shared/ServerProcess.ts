/**
 * A server under load, as a process of its own: started by a command, known by its pid, found by the
 * port it prints or was given. It must never outlive the bench.
 */

/** How to start a server. */
export interface ServerCommand {
  readonly command: string;
  readonly args: ReadonlyArray<string>;
  /** The port it will listen on, or what to find it by in its output: the first group. */
  readonly port: number | RegExp;
  /** Where it is started; the repository's root unless told otherwise. */
  readonly folder?: string;
}

/** The repository's root. */
export const repository: string = new URL("../../../", import.meta.url).pathname;

/** How long a server may take to listen. */
const PATIENCE = 20_000;

export class ServerProcess {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<void>;

  private constructor(child: Deno.ChildProcess, output: Promise<void>, readonly port: number) {
    this.#child = child;
    this.#output = output;
  }

  /** Starts it and waits until it listens. What it prints is shown only when it does not. */
  static async start(
    { command, args, port, folder = repository }: ServerCommand,
  ): Promise<ServerProcess> {
    const child = new Deno.Command(command, {
      args: [...args],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let said = "";
    let found: (port: number) => void;
    const printed = new Promise<number>((resolve) => found = resolve);
    const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        if (said.length > 100_000) continue; // read on, so that the server never waits for its log
        said += text;
        const match = typeof port === "number" ? null : port.exec(said);
        if (match !== null) found(Number(match[1]));
      }
    };
    const output = Promise.all([follow(child.stdout), follow(child.stderr)]).then(() => {});
    const late = Promise.withResolvers<never>();
    const deadline = setTimeout(() => late.reject(new Error("not listening")), PATIENCE);
    const ended = child.status.then(() => Promise.reject(new Error("ended at once")));
    ended.catch(() => {}); // it ends after the race too, when the bench stops it
    try {
      const listening = typeof port === "number" ? accepts(port, late.promise) : printed;
      return new ServerProcess(child, output, await Promise.race([listening, ended, late.promise]));
    } catch (error) {
      await child.status.catch(() => {});
      throw new Error(`${command}: ${(error as Error).message}\n${said}`);
    } finally {
      clearTimeout(deadline);
      late.promise.catch(() => {}); // nobody waits any more
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL"); // it holds nothing that matters
    await this.#child.status;
    await this.#output;
  }
}

const accepts = async (port: number, late: Promise<never>): Promise<number> => {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), late]);
  }
};

/** A port that is free now, for servers that cannot choose one. */
export const freePort = (): number => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr; // a TCP listener's address
  listener.close();
  return port;
};
