/** What is to be known of this process itself, without a permission that a broker does not have. */
import nodeProcess from "node:process";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { DelayFigures } from "./LoopDelay.ts";
import { LoopDelay } from "./LoopDelay.ts";

/** Milliseconds between two looks at the event loop. */
const PERIOD_MS = 50;
/** The same, of a loop that has nothing to do: it keeps nobody waiting. */
const IDLE_PERIOD_MS = 1000;
/** The part of a core below which it has nothing to do. */
const IDLE = 0.02;

export interface ProcessFigures {
  /** Of user and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Since 1970. */
  readonly startSeconds: number;
  readonly delay: DelayFigures;
}

/** Watches the event loop until the scope closes; the answer is how the figures are now. */
export const watchProcess: Effect.Effect<() => ProcessFigures, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => {
      const delay = new LoopDelay();
      const timer = { stop: () => clearTimeout(next) };
      let asked = performance.now();
      let period = PERIOD_MS;
      let used = cpuMillis();
      const look = () => {
        const now = performance.now();
        delay.add(Math.max(0, now - asked - period), now);
        const usedBefore = used;
        used = cpuMillis();
        period = used - usedBefore < IDLE * (now - asked) ? IDLE_PERIOD_MS : PERIOD_MS;
        asked = now;
        next = setTimeout(look, period);
      };
      let next = setTimeout(look, period);
      return { delay, timer };
    }),
    ({ timer }) => Effect.sync(() => timer.stop()),
  ),
  ({ delay }) => () => {
    return {
      cpuSeconds: cpuMillis() / 1e3,
      residentBytes: Deno.memoryUsage().rss,
      startSeconds: performance.timeOrigin / 1e3,
      delay: delay.figures(),
    };
  },
);

/** Of all threads so far. */
const cpuMillis = (): number => {
  const { user, system } = nodeProcess.cpuUsage();
  return (user + system) / 1e3;
};
