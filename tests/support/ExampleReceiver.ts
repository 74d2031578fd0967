/** A receiver of docs/receivers/ as a process of its own. It must never outlive its test: whoever starts one stops it. */
import { repository } from "./BrokerProcess.ts";
import { PATIENCE } from "./patience.ts";

/** How a receiver is made and started; `<file>`, `<folder>` and `<port>` stand for what is chosen for it. */
export interface Language {
  readonly name: string;
  readonly file: string;
  /** Ends with 0 where the language is there. */
  readonly probe: ReadonlyArray<string>;
  readonly build?: ReadonlyArray<string>;
  readonly start: ReadonlyArray<string>;
}

export const LANGUAGES: ReadonlyArray<Language> = [
  {
    name: "TypeScript",
    file: "receiver.ts",
    probe: [Deno.execPath(), "--version"],
    start: [
      Deno.execPath(),
      "run",
      "-q",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      "--allow-env=WEBHOOK_SECRET",
      "<file>",
      "<port>",
    ],
  },
  {
    name: "Python",
    file: "receiver.py",
    probe: ["python3", "--version"],
    start: ["python3", "<file>", "<port>"],
  },
  {
    name: "Go",
    file: "receiver.go",
    probe: ["go", "version"],
    // go run would not hand on its signal; without C and optimization Go's library is built in two thirds of the time.
    build: [
      ...["env", "CGO_ENABLED=0"],
      ...["go", "build", "-gcflags=all=-N -l", "-o", "<folder>/receiver", "<file>"],
    ],
    start: ["<folder>/receiver", "<port>"],
  },
  {
    name: "PHP",
    file: "receiver.php",
    probe: ["php", "--version"],
    start: ["php", "-S", "127.0.0.1:<port>", "<file>"],
  },
];

/** Whether this machine has the language. */
export const isThere = async ({ probe: [command = "", ...args] }: Language): Promise<boolean> => {
  try {
    return (await new Deno.Command(command, { args, stdin: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
};

const freePort = (): number => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
};

export class ExampleReceiver {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #reading: Promise<unknown>;
  readonly #waiting = new Set<() => void>();
  #said = "";

  private constructor(child: Deno.ChildProcess, port: number, folder: string) {
    this.url = `http://127.0.0.1:${port}/`;
    this.#child = child;
    this.#folder = folder;
    this.#reading = Promise.all([this.#follow(child.stdout), this.#follow(child.stderr)]);
  }

  /** Starts it and waits until it listens; `secret`: of the signatures that it asks for. */
  static async start(
    { name, file, build, start }: Language,
    secret: string,
  ): Promise<ExampleReceiver> {
    const folder = await Deno.makeTempDir({ prefix: "hookline-receiver-" });
    const port = freePort();
    const command = ([program = "", ...args]: ReadonlyArray<string>): Deno.Command => {
      const filled = [program, ...args].map((word) =>
        word.replace("<file>", `${repository}docs/receivers/${file}`)
          .replace("<folder>", folder).replace("<port>", String(port))
      );
      return new Deno.Command(filled[0]!, { // the program
        args: filled.slice(1),
        env: { NO_COLOR: "1", RECEIVER_STATE: `${folder}/state.json`, WEBHOOK_SECRET: secret },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      });
    };
    if (build !== undefined) {
      const { success, stderr } = await command(build).output();
      if (!success) throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
    }
    const receiver = new ExampleReceiver(command(start).spawn(), port, folder);
    await receiver.said(/^ready$|Development Server .* started$/m);
    return receiver;
  }

  /** Resolves as soon as what it said matches; rejects with all of it after `within` milliseconds. */
  said(pattern: RegExp, within = PATIENCE): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => pattern.test(this.#said) && resolve();
    const deadline = setTimeout(
      () => reject(new Error(`no ${pattern} in:\n${this.#said}`)),
      within,
    );
    this.#waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(deadline);
      this.#waiting.delete(look);
    });
  }

  /** All of its lines that tell of an event. */
  get lines(): ReadonlyArray<string> {
    return this.#said.split("\n").filter((line) =>
      /^(?:online|offline|event|repeat|stale) /.test(line)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#reading;
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #follow(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#said += text;
      for (const look of [...this.#waiting]) look();
    }
  }
}
