/** The bench's handle on a receiver process: starts it, asks it what it has counted. */
import { ServerProcess } from "../shared/ServerProcess.ts";

/** What a receiver has seen since `begin`. */
export interface ReceiverFigures {
  /** Events. */
  readonly count: number;
  /** POSTs that were answered 200. */
  readonly accepted: number;
  /** Requests that brought them. */
  readonly posts: number;
  /** When the last came, by `nowMicros`. */
  readonly lastAt: number;
  /** Microseconds from PUBLISH to POST, when it was told to time them. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** What a receiver answers a POST. */
export type Answer = "200" | "500" | "never";

/** Without a POST for so long, what is missing is lost. */
const PATIENCE = 20_000;

const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

export class Receiver {
  private constructor(readonly server: ServerProcess) {}

  static async start(answer: Answer): Promise<Receiver> {
    const script = new URL("receiverServer.ts", import.meta.url).pathname;
    return new Receiver(
      await ServerProcess.start({
        command: Deno.execPath(),
        args: ["run", "--quiet", "--no-prompt", "--allow-net", script, "--answer", answer],
        port: /listening on (\d+)/,
      }),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}/mqtt/webhook`;
  }

  /** Counts from zero on. `timed`: every body has a time in its payload. */
  async begin({ timed }: { readonly timed: boolean }): Promise<void> {
    await this.#get(timed ? "/begin-timed" : "/begin");
  }

  /** From now on it answers so. */
  async answer(answer: Answer): Promise<void> {
    await this.#get(`/answer/${answer}`);
  }

  figures(): Promise<ReceiverFigures> {
    return this.#get("/figures");
  }

  /** Waits until so many events have come. Rejects when they stop coming, or when there are more. */
  async until(count: number): Promise<ReceiverFigures> {
    let progress = { count: -1, at: 0 };
    for (;;) {
      const figures = await this.figures();
      if (figures.count > count) throw new Error(`${figures.count} deliveries of ${count} events`);
      if (figures.count === count) return figures;
      const now = performance.now();
      if (figures.count > progress.count) progress = { count: figures.count, at: now };
      if (now - progress.at > PATIENCE) throw new Error(`${figures.count} of ${count} events came`);
      await pause(20);
    }
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  async #get(path: string): Promise<ReceiverFigures> {
    const response = await fetch(`http://127.0.0.1:${this.server.port}${path}`);
    return await response.json() as ReceiverFigures; // receiverServer.ts
  }
}
