/** One request and what becomes of it: what a caller of the pool sees, and the pool's unit of work. Types only. */
import type { HeaderLines, RequestBody, RequestHead } from "./RequestWriter.ts";
import type { AnswerFault } from "./AnswerFault.ts";
import type { ResponseHead } from "./ResponseHead.ts";
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

/**
 * A response, whole or as much as came of it: its body was larger than the limit, or `fault` ended it, after
 * which its connection is closed. Its body was thrown away.
 */
export interface TransportResponse {
  readonly _tag: "Response";
  /** 200 to 999, or 101. */
  readonly status: number;
  /** With a `fault`: the fields before it. */
  readonly head: ResponseHead;
  readonly fault: AnswerFault | undefined;
}

/** How an exchange ends. */
export type TransportResult = TransportResponse | TransportError;

/** A request on its way, for the pool and its connections. Whoever takes it over ends it, once. */
export interface Exchange {
  readonly request: TransportRequest;
  /** In the pool's time. */
  readonly deadline: number;
  readonly done: (result: TransportResult) => void;
}
