/**
 * A forward proxy for tests: it takes requests in absolute-form [RFC 9112-3.2.2] and passes each on to the
 * local port that its host stands for. It must never resolve a name by DNS: what it does not know is a 502.
 */
import type { Peer } from "./ScriptedServer.ts";
import { ScriptedServer } from "./ScriptedServer.ts";

/** A running proxy; one request per connection. */
export class ForwardProxy {
  /** The first line of each request that came, in order, whether it could be passed on or not. */
  readonly requestLines: Array<string> = [];
  readonly #origins: ReadonlyMap<string, number>;
  #server: ScriptedServer | undefined;

  private constructor(origins: ReadonlyMap<string, number>) {
    this.#origins = origins;
  }

  /** Listens on a port that the system chooses. `origins` has a local port for each host. */
  static async listen(origins: Readonly<Record<string, number>>): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(new Map(Object.entries(origins)));
    proxy.#server = await ScriptedServer.listen((peer) => proxy.#forward(peer));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server!.port}`; // since `listen`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.close();
  }

  async #forward(peer: Peer): Promise<void> {
    const request = await peer.request();
    if (request === undefined) return;
    const [requestLine = "", ...rest] = request.split("\r\n");
    this.requestLines.push(requestLine);
    const [method, target = "", version] = requestLine.split(" ");
    const url = URL.parse(target); // null for an origin-form, which no proxy can pass on
    const port = this.#origins.get(url?.host ?? "");
    if (url === null || port === undefined) {
      return await peer.say("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    }
    const originForm = `${method} ${url.pathname}${url.search} ${version}`;
    const passedOn = [originForm, "connection: close", ...rest].join("\r\n");
    using origin = await Deno.connect({ hostname: "127.0.0.1", port });
    // The Peer reads Latin-1: a character is a byte.
    await origin.writable.getWriter().write(Uint8Array.from(passedOn, (c) => c.charCodeAt(0)));
    await peer.say(await new Response(origin.readable).text());
  }
}
