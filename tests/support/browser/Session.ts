/** One conversation in the DevTools protocol: of the browser, or by it of one page. */

type Json = { readonly [key: string]: unknown };
type Listener = (params: Json) => void;

interface Wire {
  readonly socket: WebSocket;
  readonly waiting: Map<number, PromiseWithResolvers<Json>>;
  readonly sessions: Map<string, Session>;
  last: number;
}

export class Session {
  readonly #wire: Wire;
  readonly #id: string;
  readonly #listeners = new Map<string, Array<Listener>>();

  private constructor(wire: Wire, id: string) {
    this.#wire = wire;
    this.#id = id;
    wire.sessions.set(id, this);
  }

  static async open(address: string): Promise<Session> {
    const socket = new WebSocket(address);
    const opened = Promise.withResolvers<void>();
    socket.onopen = () => opened.resolve();
    socket.onerror = () => opened.reject(new Error(`no answer at ${address}`));
    await opened.promise;
    const wire: Wire = { socket, waiting: new Map(), sessions: new Map(), last: 0 };
    socket.onmessage = ({ data }) => receive(wire, JSON.parse(String(data)));
    socket.onclose = () => {
      for (const { reject } of wire.waiting.values()) reject(new Error("the browser has gone"));
      wire.waiting.clear();
    };
    return new Session(wire, "");
  }

  /** That of a page, by the same socket. */
  of(id: string): Session {
    return new Session(this.#wire, id);
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...this.#listeners.get(event) ?? [], listener]);
  }

  send(method: string, params: Json): Promise<Json> {
    const id = ++this.#wire.last;
    const answer = Promise.withResolvers<Json>();
    this.#wire.waiting.set(id, answer);
    const sessionId = this.#id === "" ? {} : { sessionId: this.#id };
    this.#wire.socket.send(JSON.stringify({ id, method, params, ...sessionId }));
    return answer.promise;
  }

  tell(event: string, params: Json): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(params);
  }

  close(): void {
    this.#wire.socket.close();
  }
}

/** What the browser says: an answer, or an event. */
interface Message {
  readonly id?: number;
  readonly result?: Json;
  readonly error?: { readonly message: string };
  readonly method?: string;
  readonly params?: Json;
  readonly sessionId?: string;
}

const receive = (wire: Wire, message: Message): void => {
  const { id, result = {}, error, method, params = {}, sessionId = "" } = message;
  if (id === undefined) return wire.sessions.get(sessionId)?.tell(String(method), params);
  const waiting = wire.waiting.get(id);
  wire.waiting.delete(id);
  if (error === undefined) waiting?.resolve(result);
  else waiting?.reject(new Error(error.message));
};
