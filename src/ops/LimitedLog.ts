/**
 * Log lines from plain code that runs thousands of times a second: of what happens again and again to one
 * subject, a URL or a listener, the first line at once, and then one in 10 s that says how often. A line must
 * never hold a payload, a header's value or a password.
 */
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as LogLevel from "effect/LogLevel";
import * as Runtime from "effect/Runtime";
import { monotonicMillis } from "./monotonic.ts";

/** What a line says beside its message, in this order. */
export type Fields = Readonly<Record<string, string | number | ReadonlyArray<string>>>;

const INTERVAL_MS = 10_000;

/** A line that was said, and what has happened since that it would have been said of as well. */
interface Said {
  readonly message: string;
  level: LogLevel.LogLevel;
  at: number;
  leftOut: number;
  /** Of what was left out last. */
  fields: Fields;
}

export class LimitedLog {
  /** By subject, and by message and reason. */
  readonly #said = new Map<string, Map<string, Said>>();
  readonly #runtime: Runtime.Runtime<never>;
  readonly #clock: Clock.Clock;
  readonly #leftOut = Effect.unsafeMakeLatch(false);

  constructor(runtime: Runtime.Runtime<never>, clock: Clock.Clock) {
    this.#runtime = runtime;
    this.#clock = clock;
  }

  /**
   * Says that `message` happened to `subject`. Within 10 s of a line with the same message and kind it is
   * counted only. There must be few kinds: each is kept for 10 s.
   *
   * @param kind absent: the `reason` among its fields
   */
  limited(
    level: LogLevel.LogLevel,
    subject: string,
    message: string,
    fields: Fields = {},
    kind: string = String(fields["reason"] ?? ""),
  ): void {
    let said = this.#said.get(subject);
    if (said === undefined) this.#said.set(subject, said = new Map());
    const key = `${message} ${kind}`;
    const last = said.get(key);
    const now = monotonicMillis(this.#clock);
    if (last === undefined) {
      said.set(key, { message, level, at: now, leftOut: 0, fields });
      this.always(level, message, { ...fields, count: 1 });
      return;
    }
    last.leftOut++;
    last.level = level;
    last.fields = fields;
    if (now - last.at >= INTERVAL_MS) this.#tell(last, now);
    else if (last.leftOut === 1) this.#leftOut.unsafeOpen();
  }

  /** Says how much was left out, each 10 s after the line before; to be run as long as lines are said. */
  get timer(): Effect.Effect<never> {
    return Effect.suspend(() => {
      const due = this.#tellDue();
      if (due !== Infinity) {
        return Effect.sleep(Math.max(1, Math.ceil(due - monotonicMillis(this.#clock))));
      }
      this.#leftOut.unsafeClose();
      return this.#leftOut.await;
    }).pipe(Effect.forever);
  }

  /** Says at once what was left out of this subject's lines, of all subjects' where none is named, and forgets them. */
  flush(subject?: string): void {
    for (const [name, said] of this.#said) {
      if (subject !== undefined && name !== subject) continue;
      for (const one of said.values()) if (one.leftOut > 0) this.#tell(one, one.at);
      this.#said.delete(name);
    }
  }

  /** Says a line, whatever was said before. */
  always(level: LogLevel.LogLevel, message: string, fields: Fields): void {
    Runtime.runFork(this.#runtime)(Effect.logWithLevel(level, message, fields));
  }

  /** Says what is due, and forgets what has not happened again; answers when the next is due. */
  #tellDue(): number {
    const now = monotonicMillis(this.#clock);
    let next = Infinity;
    for (const [name, said] of this.#said) {
      for (const [key, one] of said) {
        if (now - one.at >= INTERVAL_MS) {
          if (one.leftOut === 0) said.delete(key);
          else this.#tell(one, now);
        }
        if (one.leftOut > 0) next = Math.min(next, one.at + INTERVAL_MS);
      }
      if (said.size === 0) this.#said.delete(name);
    }
    return next;
  }

  #tell(said: Said, now: number): void {
    this.always(said.level, said.message, { ...said.fields, count: said.leftOut });
    said.at = now;
    said.leftOut = 0;
  }
}
