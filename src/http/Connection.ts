/**
 * One keep-alive connection: writes a request, reads its response, waits for the next.
 *
 * A state machine driven by the socket's callbacks; one read is always pending, so that a server's
 * close of an idle connection is noticed when it happens and not by the next request. Never more than
 * one request at a time (no pipelining), and never decides about other connections: that is
 * `ConnectionPool`'s.
 */
import type { AnswerFault } from "./AnswerFault.ts";
import { answerStalled } from "./AnswerFault.ts";
import type { Exchange, TransportResponse } from "./Exchange.ts";
import type { Progress } from "./ResponseReader.ts";
import { ResponseReader } from "./ResponseReader.ts";
import { RequestWriter } from "./RequestWriter.ts";
import type { Connect, Socket } from "./Socket.ts";
import { fromSystemError, TransportError } from "./TransportError.ts";

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** The connection is idle: it may send the next request. */
  idle(connection: Connection): void;
  /** It is still idle after its exchange has ended; `keepAlive` is how long the server said to keep it so, in milliseconds. */
  resting(connection: Connection, keepAlive: number | undefined): void;
  /** The connection is gone; called once, before its exchange is ended or sent again. */
  closed(connection: Connection): void;
  /** The server had closed the connection before the request came: it goes to a fresh one. */
  stale(exchange: Exchange): void;
  /** The connection has a request to write: `flush` is to be called before this turn ends. */
  unwritten(connection: Connection): void;
}

type State =
  | {
    readonly _tag: "Connecting";
    readonly exchange: Exchange;
    readonly controller: AbortController;
  }
  | {
    readonly _tag: "Busy";
    readonly exchange: Exchange;
    readonly socket: Socket;
    /** This is the connection's first request. */
    readonly fresh: boolean;
    /** Whether `flush` has begun to write the request. */
    flushed: boolean;
    /** What of the request is not written yet. */
    unsent: Uint8Array;
  }
  | { readonly _tag: "Idle"; readonly socket: Socket; readonly deadline: number }
  | { readonly _tag: "Closed" };

const NOTHING = new Uint8Array(0);

const SURPLUS: AnswerFault = { kind: "surplus", detail: "bytes came behind its end" };

const CLOSED_EARLY: AnswerFault = {
  kind: "cut_short",
  detail: "the server closed the connection before its end",
};

/**
 * Statuses with which a server, or a gateway before it, gives up on a request: its true answer may still
 * come, and would be taken for that to the next request. What comes later than that request was written
 * nobody can tell from its own answer, and a success must not be made of it.
 */
const mayBeAnsweredAgain = (status: number): boolean => status >= 500 || status === 408;

/** One connection, from connecting to its close; made with the exchange that it is opened for. */
export class Connection {
  readonly #owner: ConnectionOwner;
  readonly #reader = new ResponseReader();
  readonly #writer = new RequestWriter();
  /** Heads of responses fit in; a body of 1 MB takes 256 reads. Times 128 connections: 0.5 MB. */
  readonly #input = new Uint8Array(4 * 1024);
  #state: State;
  /** The last read filled its buffer: a second answer may be there behind the first. */
  #isMoreToRead = false;

  /** Connects, then sends the exchange's request. */
  constructor(owner: ConnectionOwner, connect: Connect, exchange: Exchange) {
    this.#owner = owner;
    const controller = new AbortController();
    this.#state = { _tag: "Connecting", exchange, controller };
    connect(controller.signal).then(this.#connected, this.#connectFailed);
  }

  /** When `expire` is due, in the pool's time. */
  get deadline(): number {
    const state = this.#state;
    if (state._tag === "Idle") return state.deadline;
    return state._tag === "Closed" ? Infinity : state.exchange.deadline;
  }

  /** Sends a request; the connection must be idle. */
  send(exchange: Exchange): void {
    if (this.#state._tag === "Idle") this.#begin(this.#state.socket, exchange, false);
  }

  /** Says until when an idle connection is kept. */
  keepUntil(deadline: number): void {
    if (this.#state._tag === "Idle") {
      this.#state = { _tag: "Idle", socket: this.#state.socket, deadline };
    }
  }

  /** The deadline has passed: an idle connection is closed, a request times out. */
  expire(): void {
    const state = this.#state;
    if (state._tag === "Busy" && this.#reader.isAnswered) {
      this.#breakOff(state.exchange, answerStalled(state.exchange.request.timeout));
    } else if (state._tag === "Connecting" || state._tag === "Busy") {
      const after = `after ${state.exchange.request.timeout} ms`;
      const message = state._tag === "Connecting"
        ? `no connection ${after}`
        : state.unsent.length > 0
        ? `the request was not sent whole ${after}`
        : this.#reader.started
        ? `the response was not whole ${after}`
        : `no response ${after}`;
      this.#fail(state.exchange, new TransportError({ fault: "timeout", message }));
    } else this.close();
  }

  /** Closes without telling the exchange in flight, if there is one. */
  close(): void {
    const state = this.#state;
    if (state._tag === "Closed") return;
    this.#state = { _tag: "Closed" };
    if (state._tag === "Connecting") state.controller.abort();
    else state.socket.close();
    this.#owner.closed(this);
  }

  /** The exchange in flight. */
  get exchange(): Exchange | undefined {
    return this.#state._tag === "Connecting" || this.#state._tag === "Busy"
      ? this.#state.exchange
      : undefined;
  }

  readonly #connected = (socket: Socket): void => {
    if (this.#state._tag !== "Connecting") {
      socket.close(); // given up meanwhile
      return;
    }
    this.#begin(socket, this.#state.exchange, true);
    this.#read(socket);
  };

  readonly #connectFailed = (cause: unknown): void => {
    // Closed: the rejection is our own abort.
    if (this.#state._tag !== "Connecting") return;
    const { exchange } = this.#state;
    this.#fail(
      exchange,
      cause instanceof TransportError ? cause : fromSystemError(cause, "connecting"),
    );
  };

  #begin(socket: Socket, exchange: Exchange, fresh: boolean): void {
    const { head, lines, body } = exchange.request;
    this.#reader.begin();
    const unsent = this.#writer.write(head, lines, body);
    this.#state = { _tag: "Busy", exchange, socket, fresh, flushed: false, unsent };
    this.#owner.unwritten(this);
  }

  /** Writes the request that was begun. */
  flush(): void {
    const state = this.#state;
    if (state._tag !== "Busy" || state.flushed) return;
    state.flushed = true;
    state.socket.write(state.unsent).then(this.#written, this.#writeFailed);
  }

  // A connection is only used again after its request was written whole, so that these two always
  // speak about the request in flight.
  readonly #written = (count: number): void => {
    const state = this.#state;
    if (state._tag !== "Busy") return;
    if (count === state.unsent.length) {
      this.#writer.sent(state.unsent);
      state.unsent = NOTHING;
    } else {
      state.unsent = state.unsent.subarray(count);
      state.socket.write(state.unsent).then(this.#written, this.#writeFailed);
    }
  };

  /**
   * Left to the read that is pending: a server that refuses a request half-way answers and closes, and
   * its answer is worth more than our failure to go on; without an answer, the read fails as well.
   */
  readonly #writeFailed = (_: unknown): void => {};

  #read(socket: Socket): void {
    socket.read(this.#input).then(this.#received, this.#readFailed);
  }

  readonly #received = (count: number | null): void => {
    const state = this.#state;
    this.#isMoreToRead = count === this.#input.length;
    switch (state._tag) {
      case "Connecting":
      case "Closed":
        return;
      case "Idle":
        // Closed by the server, or bytes that answer no request.
        return this.close();
      case "Busy": {
        if (count === null) return this.#ended(state);
        // It came before the request, and so answers something else.
        if (!state.flushed && !state.fresh) return this.#stale(state.exchange);
        this.flush();
        const progress = this.#reader.read(this.#input, count);
        return progress === "more" ? this.#read(state.socket) : this.#over(state, progress);
      }
    }
  };

  #over(state: State & { readonly _tag: "Busy" }, progress: Exclude<Progress, "more">): void {
    const { exchange, socket, unsent } = state;
    if (progress === "malformed") {
      const { isAnswered, fault } = this.#reader;
      if (isAnswered) return this.#endFaulty(exchange, fault);
      const message = `the response is no valid HTTP/1.1: ${fault.detail}`;
      return this.#fail(exchange, new TransportError({ fault: "malformed", message }));
    }
    const { after, status, head, rest } = this.#reader;
    if (rest > 0) return this.#endFaulty(exchange, SURPLUS);
    const response: TransportResponse = { _tag: "Response", status, head, fault: undefined };
    if (
      after._tag === "Close" || progress === "cut" || unsent.length > 0 ||
      mayBeAnsweredAgain(status) || this.#isMoreToRead
    ) {
      this.close();
      return exchange.done(response);
    }
    this.#state = { _tag: "Idle", socket, deadline: Infinity };
    this.#owner.idle(this);
    exchange.done(response);
    // The callback may have sent the next request on this very connection; the read below serves both.
    const now = this.#tag;
    if (now === "Idle") this.#owner.resting(this, after.timeout);
    if (now !== "Closed") this.#read(socket);
  }

  get #tag(): State["_tag"] {
    return this.#state._tag;
  }

  #ended(state: State & { readonly _tag: "Busy" }): void {
    if (this.#reader.end() === "done") return this.#over(state, "done");
    if (!state.fresh && !this.#reader.started) return this.#stale(state.exchange);
    if (this.#reader.isAnswered) {
      return this.#breakOff(state.exchange, CLOSED_EARLY);
    }
    const message = this.#reader.started
      ? "the server closed the connection before a whole status line"
      : "the server closed the connection without a response";
    this.#fail(state.exchange, new TransportError({ fault: "closed", message }));
  }

  readonly #readFailed = (cause: unknown): void => {
    const state = this.#state;
    switch (state._tag) {
      case "Connecting":
      case "Closed":
        return; // the rejection is our own close
      case "Idle":
        return this.close();
      case "Busy": {
        if (!state.fresh && !this.#reader.started) return this.#stale(state.exchange);
        const error = fromSystemError(cause, "reading the response");
        return this.#reader.isAnswered
          ? this.#breakOff(state.exchange, { kind: "cut_short", detail: error.message })
          : this.#fail(state.exchange, error);
      }
    }
  };

  /** The response goes no further. */
  #breakOff(exchange: Exchange, fault: AnswerFault): void {
    this.#reader.breakOff();
    this.#endFaulty(exchange, fault);
  }

  /** The status counts, whatever is wrong behind it. */
  #endFaulty(exchange: Exchange, fault: AnswerFault): void {
    const { status, head } = this.#reader;
    this.close();
    exchange.done({ _tag: "Response", status, head, fault });
  }

  #stale(exchange: Exchange): void {
    this.close();
    this.#owner.stale(exchange);
  }

  #fail(exchange: Exchange, error: TransportError): void {
    this.close();
    exchange.done(error);
  }
}
