/**
 * The log lines of the delivery engine, from plain code that runs thousands of times a second: at most
 * one line per URL and kind in 10 s, the next one saying how many were left out. A line must never hold
 * a payload, a header's value or a password.
 */
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as LogLevel from "effect/LogLevel";
import * as Runtime from "effect/Runtime";
import { monotonicMillis } from "../../ops/monotonic.ts";

/** What a line says beside its message. */
export type Fields = Readonly<Record<string, string | number>>;

const INTERVAL_MS = 10_000;

/** When a line was said last, and what was left out since. */
interface Said {
  readonly at: number;
  readonly level: LogLevel.LogLevel;
  leftOut: number;
  events: number;
}

export class DeliveryLog {
  /** By URL and message. */
  readonly #said = new Map<string, Map<string, Said>>();

  readonly #runtime: Runtime.Runtime<never>;
  readonly #clock: Clock.Clock;

  constructor(
    runtime: Runtime.Runtime<never>,
    clock: Clock.Clock,
  ) {
    this.#runtime = runtime;
    this.#clock = clock;
  }

  /**
   * Says that `message` happened, `count` times. Lines of the same `url` and message are said once in
   * 10 s; what was left out since is added to the next line's `count`.
   */
  limited(
    level: LogLevel.LogLevel,
    url: string,
    message: string,
    fields: Fields = {},
    count = 1,
  ): void {
    let said = this.#said.get(url);
    if (said === undefined) this.#said.set(url, said = new Map());
    const now = monotonicMillis(this.#clock);
    const last = said.get(message);
    if (last !== undefined && now - last.at < INTERVAL_MS) {
      last.leftOut++;
      last.events += count;
      return;
    }
    said.set(message, { at: now, level, leftOut: 0, events: 0 });
    this.always(level, message, {
      url,
      ...fields,
      count: count + (last?.events ?? 0),
      ...(last !== undefined && last.leftOut > 0 ? { lines_left_out: last.leftOut } : {}),
    });
  }

  /** Says what was left out of this URL's lines, and forgets them. */
  forget(url: string): void {
    for (const [message, { level, leftOut, events }] of this.#said.get(url) ?? []) {
      if (leftOut > 0) this.always(level, message, { url, count: events, lines_left_out: leftOut });
    }
    this.#said.delete(url);
  }

  /** Says a line, whatever was said before. */
  always(level: LogLevel.LogLevel, message: string, fields: Fields): void {
    Runtime.runFork(this.#runtime)(
      Effect.logWithLevel(level, message).pipe(
        Effect.annotateLogs({ module: "webhook", ...fields }),
      ),
    );
  }
}
