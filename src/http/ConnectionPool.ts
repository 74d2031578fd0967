/**
 * The keep-alive connections to one origin, and the fast path of a delivery: `send`.
 *
 * Opens a connection when none is idle, so that there are at most as many as the caller ever has
 * requests in flight; the caller's concurrency is the limit. Callbacks only: no fiber, no Promise and
 * no timer of its own per request. Never retries but in one case: on a connection that the server
 * had closed before the request reached it, where a fresh connection costs less than a back-off and the
 * failure tells nothing about the receiver.
 */
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { ConnectionOwner } from "./Connection.ts";
import { Connection } from "./Connection.ts";
import type { Exchange, TransportRequest, TransportResult } from "./Exchange.ts";
import type { Connect, TlsOptions } from "./Socket.ts";
import { connectTo } from "./Socket.ts";
import type { Timer } from "./Timer.ts";
import { timerFromClock } from "./Timer.ts";
import { TransportError } from "./TransportError.ts";

/** What the connections of a pool have in common. */
export interface PoolOptions extends Partial<TlsOptions> {
  /** Instead of real sockets. */
  readonly connect?: Connect;
}

/** How many connections there are, and were. */
export interface PoolStats {
  /** Connecting, busy or idle. */
  readonly open: number;
  readonly idle: number;
  /** Since the start. */
  readonly opened: number;
  /** Requests sent a second time, because their connection was closed already. */
  readonly resent: number;
}

/**
 * Milliseconds that an unused connection is kept. Under nginx's 75 s; servers with less (Apache and Node:
 * 5 s) say so by `Keep-Alive: timeout`. Against one that says nothing and closes sooner, there is the second
 * sending.
 */
const IDLE_TIMEOUT = 15_000;

/** Milliseconds; a connection is given up this long before the server says it would, so that the two do not meet. */
const KEEP_ALIVE_MARGIN = 1000;

/**
 * The others follow after a turn of the event loop: a receiver that hangs has a hundred requests time out
 * in the same moment, which kept everything else waiting for 25 ms. Of more than 128 a sixteenth, so that
 * thousands are not late by seconds.
 */
const EXPIRED_AT_ONCE = 8;

/** The connections to one origin; see `make` and `send`. */
export class ConnectionPool implements ConnectionOwner {
  readonly #connect: Connect;
  readonly #timer: Timer;
  readonly #connections = new Set<Connection>();
  /** The last one used comes first: it is the least likely to be stale, and the others can run out. */
  readonly #idle: Array<Connection> = [];
  /** Those whose request is to be written at the end of this turn. */
  #unwritten: Array<Connection> = [];
  /** The time of the first of them. */
  #turnAt = 0;
  #opened = 0;
  #resent = 0;
  #closed = false;

  /** The one timer: set for the earliest deadline known when it was set, or earlier. */
  #alarm = Infinity;
  #cancelAlarm: (() => void) | undefined;

  private constructor(url: URL, timer: Timer, options: PoolOptions) {
    this.#connect = options.connect ?? connectTo(
      url,
      { caCerts: [], ...options },
      timer.now,
    );
    this.#timer = timer;
  }

  /**
   * The pool for the origin of `url`, on the Effect Clock. When the scope closes, connections are
   * closed and requests in flight end with `shutdown`.
   */
  static make(
    url: URL,
    options: PoolOptions = {},
  ): Effect.Effect<ConnectionPool, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.clockWith((clock) =>
        Effect.sync(() => new ConnectionPool(url, timerFromClock(clock), options))
      ),
      (pool) => Effect.sync(() => pool.#close()),
    );
  }

  /**
   * Sends a request whose head belongs to this pool's origin.
   *
   * `done` is called once, never before `send` returns, and must not throw; it may send the next
   * request, which then takes the same connection.
   */
  send(request: TransportRequest, done: (result: TransportResult) => void): void {
    if (this.#closed) {
      queueMicrotask(() => done(shutdown("the HTTP client is closed")));
      return;
    }
    // The clock is not read again for each request of one turn.
    const now = this.#unwritten.length === 0 ? this.#timer.now() : this.#turnAt;
    const exchange = { request, deadline: now + request.timeout, done };
    const connection = this.#idle.pop();
    if (connection === undefined) this.#open(exchange);
    else connection.send(exchange);
    this.#watch(exchange.deadline);
  }

  get stats(): PoolStats {
    return {
      open: this.#connections.size,
      idle: this.#idle.length,
      opened: this.#opened,
      resent: this.#resent,
    };
  }

  /** For connections. */
  idle(connection: Connection): void {
    this.#idle.push(connection);
  }

  /** For connections. */
  resting(connection: Connection, keepAlive: number | undefined): void {
    const kept = keepAlive === undefined
      ? IDLE_TIMEOUT
      : Math.min(IDLE_TIMEOUT, Math.max(keepAlive - KEEP_ALIVE_MARGIN, keepAlive / 2));
    const deadline = this.#timer.now() + kept;
    connection.keepUntil(deadline);
    this.#watch(deadline);
  }

  /** For connections. */
  closed(connection: Connection): void {
    this.#connections.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  /** For connections. */
  stale(exchange: Exchange): void {
    this.#resent++;
    this.#open(exchange);
  }

  /** For connections. */
  unwritten(connection: Connection): void {
    if (this.#unwritten.push(connection) > 1) return;
    this.#turnAt = this.#timer.now();
    queueMicrotask(this.#flush);
  }

  // Requests are written one right after the other, behind the callbacks of all responses that came in
  // this turn: a receiver that is woken by the first then finds the others there, and need not be woken
  // for each. It saves 0.5 µs here and as much there.
  readonly #flush = (): void => {
    const due = this.#unwritten;
    this.#unwritten = [];
    for (const connection of due) connection.flush();
  };

  #open(exchange: Exchange): void {
    this.#opened++;
    this.#connections.add(new Connection(this, this.#connect, exchange));
  }

  // Deadlines are read when the timer fires, not entered when a request begins: with one time-out for
  // all requests the timer is set again once per time-out, and a request costs one comparison.
  #watch(deadline: number): void {
    if (deadline >= this.#alarm) return;
    this.#cancelAlarm?.();
    this.#alarm = deadline;
    this.#cancelAlarm = this.#timer.schedule(
      Math.max(0, Math.ceil(deadline - this.#timer.now())), // not a fraction early: timers are in whole ms
      this.#expireDue,
    );
  }

  readonly #expireDue = (): void => {
    this.#alarm = Infinity;
    this.#cancelAlarm = undefined;
    const now = this.#timer.now();
    const due = Array.from(this.#connections).filter((connection) => connection.deadline <= now);
    for (const connection of due.slice(0, Math.max(EXPIRED_AT_ONCE, due.length >> 4))) {
      // The callbacks of those before may have used or closed this one.
      if (connection.deadline <= now) connection.expire();
    }
    let next = Infinity;
    for (const connection of this.#connections) next = Math.min(next, connection.deadline);
    this.#watch(next);
  };

  #close(): void {
    this.#closed = true;
    this.#cancelAlarm?.();
    for (const connection of Array.from(this.#connections)) {
      const exchange = connection.exchange;
      connection.close();
      exchange?.done(shutdown("the HTTP client was closed"));
    }
  }
}

const shutdown = (message: string): TransportError =>
  new TransportError({ fault: "shutdown", message });
