/**
 * One request and what becomes of it: the pool's unit of work, and its caller's handle on it. Knows no
 * sockets; never tells its end twice.
 */
import type { HeaderLines, RequestBody, RequestHead } from "./RequestWriter.ts";
import type { ResponseHead } from "./ResponseReader.ts";
import type { TransportError } from "./TransportError.ts";

/** A request as the pool sends it. The pool reads `body` until the exchange is over; do not change it before. */
export interface TransportRequest {
  readonly head: RequestHead;
  /** The headers that this request has beside those of `head`. */
  readonly lines: HeaderLines;
  readonly body: RequestBody;
  /** Milliseconds from `send` to the whole response, connecting included; Infinity: no limit. */
  readonly timeout: number;
}

/** A whole response, or what came of one whose body was larger than the limit. Its body was thrown away. */
export interface TransportResponse {
  readonly _tag: "Response";
  /** 200 to 599. */
  readonly status: number;
  readonly head: ResponseHead;
}

/** How an exchange ends. */
export type TransportResult = TransportResponse | TransportError;

/** The pool's handle on the connection that carries an exchange. */
interface Carrier {
  close(): void;
}

/** A request on its way. Made by `ConnectionPool.send`; a caller only needs `abort`. */
export class Exchange {
  readonly request: TransportRequest;
  /** In the pool's time. */
  readonly deadline: number;
  /** Absent once the exchange is over. */
  #done: ((result: TransportResult) => void) | undefined;
  #carrier: Carrier | undefined;

  constructor(
    request: TransportRequest,
    deadline: number,
    done: (result: TransportResult) => void,
  ) {
    this.request = request;
    this.deadline = deadline;
    this.#done = done;
  }

  /**
   * Gives the exchange up: its callback is not called any more, and its connection is closed, for the
   * response could still come on it. The receiver may have acted on the request. Later calls do nothing.
   */
  abort(): void {
    if (this.#done === undefined) return;
    this.#done = undefined;
    this.#carrier?.close();
  }

  /** For the pool: who carries the exchange now. */
  carriedBy(carrier: Carrier): void {
    this.#carrier = carrier;
  }

  /** For the pool: ends the exchange. Only the first end counts. */
  settle(result: TransportResult): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    done(result);
  }
}
