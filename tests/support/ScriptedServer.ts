/**
 * A raw TCP or TLS server that plays a script on each connection, byte by byte: the receiver that does
 * what no HTTP library would. Counts what it sees; never answers by itself.
 */

import type { Server, Socket } from "node:net";
import { createServer } from "node:net";

/** What a peer needs of a connection. */
interface Conn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
  reset(): void;
}

/** One accepted connection, as a script sees it. */
export class Peer {
  /** 0 for the first connection that the server accepted. */
  readonly nth: number;
  readonly #conn: Conn;
  readonly #counted: () => void;
  #bytes = new Uint8Array(0);

  constructor(conn: Conn, nth: number, counted: () => void) {
    this.nth = nth;
    this.#conn = conn;
    this.#counted = counted;
  }

  /** The next whole request, in Latin-1; undefined when the client is gone. */
  async request(): Promise<string | undefined> {
    const head = await this.head();
    if (head === undefined) return undefined;
    const length = Number(/\r\ncontent-length: ([0-9]+)\r\n/i.exec(head)?.[1] ?? 0);
    while (this.#bytes.length < head.length + length) {
      if (!await this.#more()) return undefined;
    }
    const request = latin1(this.#bytes.subarray(0, head.length + length));
    this.#bytes = this.#bytes.slice(head.length + length);
    this.#counted();
    return request;
  }

  /** The next request's head, and as little of its body as the reads bring; leaves it to `request`. */
  async head(): Promise<string | undefined> {
    for (;;) {
      const text = latin1(this.#bytes.subarray(0, 16 * 1024));
      const end = text.indexOf("\r\n\r\n");
      if (end !== -1) return text.slice(0, end + 4);
      if (!await this.#more()) return undefined;
    }
  }

  /** Resolves once the client has closed or reset the connection; bytes before that are thrown away. */
  async gone(): Promise<void> {
    while (await this.#more()) this.#bytes = new Uint8Array(0);
  }

  /** Says this, in Latin-1, in one write. A client that is gone does not matter. */
  async say(text: string): Promise<void> {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    for (let at = 0; at < bytes.length;) {
      const count = await this.#conn.write(bytes.subarray(at)).catch(ifGone);
      if (count === undefined) return;
      at += count;
    }
  }

  /** Says this one byte per write. */
  async trickle(text: string): Promise<void> {
    for (const c of text) await this.say(c);
  }

  /** Waits for the client's first bytes, and throws them away. */
  async read(): Promise<void> {
    await this.#more();
  }

  /** Breaks the connection off; only with a `resettable` server. */
  reset(): void {
    this.#conn.reset();
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(16 * 1024);
    const count = await this.#conn.read(buffer).catch(ifGone);
    if (count === null || count === undefined) return false;
    const joined = new Uint8Array(this.#bytes.length + count);
    joined.set(this.#bytes);
    joined.set(buffer.subarray(0, count), this.#bytes.length);
    this.#bytes = joined;
    return true;
  }
}

/** What happens on a connection; at its end the server closes it. */
export type Script = (peer: Peer) => Promise<void>;

export interface ServerOptions {
  readonly hostname?: string;
  readonly tls?: Deno.TlsCertifiedKeyPem;
  /** Scripts may reset connections: by node:net, because Deno's own sockets cannot. */
  readonly resettable?: boolean;
}

export class ScriptedServer {
  readonly port: number;
  readonly #script: Script;
  /** Those that run, and those that failed. */
  readonly #scripts = new Set<Promise<void>>();
  readonly #stop: () => Promise<void>;
  #connections = 0;
  #requests = 0;

  private constructor(script: Script, listening: (server: ScriptedServer) => Listening) {
    this.#script = script;
    const { port, stop } = listening(this);
    this.port = port;
    this.#stop = stop;
  }

  /** Listens on a port that the system chooses. */
  static async listen(script: Script, options: ServerOptions = {}): Promise<ScriptedServer> {
    const hostname = options.hostname ?? "127.0.0.1";
    if (options.resettable !== true) {
      const listener = options.tls === undefined
        ? Deno.listen({ hostname, port: 0 })
        : Deno.listenTls({ hostname, port: 0, ...options.tls });
      return new ScriptedServer(script, (server) => acceptAll(listener, server));
    }
    const net = createServer();
    await new Promise<void>((resolve) => net.listen(0, hostname, resolve));
    return new ScriptedServer(script, (server) => acceptAllOfNode(net, server));
  }

  get connections(): number {
    return this.#connections;
  }

  /** Whole requests that scripts took. */
  get requests(): number {
    return this.#requests;
  }

  /** Waits for the scripts' ends; rejects with what a script failed with. */
  async close(): Promise<void> {
    await this.#stop();
    await Promise.all(this.#scripts);
  }

  /** For the listeners below: plays the script on a new connection. */
  play(conn: Conn): void {
    const peer = new Peer(conn, this.#connections++, () => this.#requests++);
    const script = this.#script(peer).finally(() => conn.close());
    this.#scripts.add(script);
    script.then(() => this.#scripts.delete(script), () => {}); // `close` tells of a failure
  }
}

interface Listening {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

const acceptAll = (listener: Deno.Listener, server: ScriptedServer): Listening => {
  const accepting = (async () => {
    for await (const conn of listener) {
      server.play({
        read: (into) => conn.read(into),
        write: (bytes) => conn.write(bytes),
        close: () => conn.close(),
        reset: () => {
          throw new Error("this server is not resettable");
        },
      });
    }
  })();
  const stop = async () => {
    listener.close();
    await accepting;
  };
  return { port: (listener.addr as Deno.NetAddr).port, stop }; // a TCP listener's address
};

const acceptAllOfNode = (net: Server, server: ScriptedServer): Listening => {
  net.on("connection", (socket) => server.play(connOf(socket)));
  const address = net.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP listener");
  const stop = () => new Promise<void>((resolve) => net.close(() => resolve()));
  return { port: address.port, stop };
};

const connOf = (socket: Socket): Conn => {
  const chunks = socket.iterator({ destroyOnReturn: false });
  let chunk = new Uint8Array(0);
  return {
    read: async (into) => {
      if (chunk.length === 0) {
        const next = await chunks.next();
        if (next.done === true) return null;
        chunk = next.value;
      }
      const count = Math.min(chunk.length, into.length);
      into.set(chunk.subarray(0, count));
      chunk = chunk.subarray(count);
      return count;
    },
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))
      ),
    close: () => socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  };
};

const latin1 = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

/** A client that went away, or broke off a TLS handshake, is an end and not a failure. */
const ifGone = (error: unknown): undefined => {
  if (
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.InvalidData
  ) return undefined;
  throw error;
};
