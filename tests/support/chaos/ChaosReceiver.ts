/**
 * A webhook receiver of the worst kind: path by path it answers as chance has it, late, half or not at
 * all, and writes down every request with what became of it. It must never forget one.
 */
import { Buffer } from "node:buffer";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { Random } from "../fuzz/Random.ts";

/** What a request may meet. `cut`: half an answer, and the connection closed. */
export type Fate = "200" | "500" | "503" | "404" | "410" | "slow" | "hang" | "reset" | "cut";

/** One request as it arrived, in the order of arrival over all connections. */
export interface Seen {
  readonly path: string;
  /** Its `webhook-id`. */
  readonly id: string;
  /** Its `webhook-seq`. */
  readonly seq: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly fate: Fate;
  /** Whether the whole answer, or what there is of one, was handed to the socket. */
  answered: boolean;
}

const statusLine: Readonly<Partial<Record<Fate, string>>> = {
  "200": "200 OK",
  slow: "200 OK",
  "500": "500 Internal Server Error",
  "503": "503 Service Unavailable\r\nretry-after: 1",
  "404": "404 Not Found",
  "410": "410 Gone",
};

/** How late a slow answer is, in milliseconds. */
const SLOWEST = 40;

export class ChaosReceiver {
  readonly seen: Array<Seen> = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  readonly #random: Random;
  readonly #fates: Readonly<Record<string, ReadonlyArray<Fate>>>;

  private constructor(
    random: Random,
    fates: Readonly<Record<string, ReadonlyArray<Fate>>>,
  ) {
    this.#random = random;
    this.#fates = fates;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Listens on a port that the system chooses. `fates`: what each path chooses from, evenly. */
  static async start(
    random: Random,
    fates: Readonly<Record<string, ReadonlyArray<Fate>>>,
  ): Promise<ChaosReceiver> {
    const receiver = new ChaosReceiver(random, fates);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  url(path: string): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `http://127.0.0.1:${address.port}${path}`;
  }

  /** The requests of one path. */
  at(path: string): ReadonlyArray<Seen> {
    return this.seen.filter((seen) => seen.path === path);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on("error", () => {}); // a sender that died, or was told to: "close" follows
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const headEnd = bytes.indexOf("\r\n\r\n");
        if (headEnd === -1) return;
        const head = bytes.toString("latin1", 0, headEnd + 2);
        const end = headEnd + 4 + Number(field(head, "content-length"));
        if (bytes.length < end) return;
        const body = JSON.parse(bytes.toString("utf8", headEnd + 4, end));
        bytes = bytes.subarray(end);
        this.#receive(socket, head, body);
      }
    });
  }

  #receive(socket: Socket, head: string, body: Seen["body"]): void {
    const path = head.split(" ", 2)[1] as string; // the request line has three parts
    const fate = this.#random.pick(this.#fates[path] as ReadonlyArray<Fate>); // every path in use has some
    const seen: Seen = {
      path,
      id: field(head, "webhook-id"),
      seq: Number(field(head, "webhook-seq")),
      body,
      fate,
      answered: false,
    };
    this.seen.push(seen);
    switch (fate) {
      case "hang":
        return;
      case "reset":
        return void socket.resetAndDestroy();
      case "cut":
        seen.answered = true; // its status is, and that counts
        return void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
      case "slow": {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          this.#answer(socket, seen);
        }, this.#random.below(SLOWEST));
        this.#timers.add(timer);
        return;
      }
      default:
        return this.#answer(socket, seen);
    }
  }

  #answer(socket: Socket, seen: Seen): void {
    if (socket.destroyed) return;
    seen.answered = true;
    socket.write(`HTTP/1.1 ${statusLine[seen.fate]}\r\ncontent-length: 0\r\n\r\n`);
  }
}

/** Whether the sender may have got the status of a 2xx. */
export const isSuccess = ({ fate, answered }: Seen): boolean =>
  answered && (fate === "200" || fate === "slow" || fate === "cut");

/** Whether the sender may have got a whole answer that ends the event. */
export const isRefusal = ({ fate, answered }: Seen): boolean =>
  answered && (fate === "404" || fate === "410");

const field = (head: string, name: string): string => {
  const value = new RegExp(`\r\n${name}: ([^\r]*)\r\n`, "i").exec(head)?.[1];
  if (value === undefined) throw new Error(`no ${name} in ${head}`);
  return value;
};
