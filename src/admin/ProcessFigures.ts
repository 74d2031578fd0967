/** What is to be known of this process itself, without a permission that a broker does not have. */
import nodeProcess from "node:process";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { DelayFigures } from "./LoopDelay.ts";
import { LoopDelay } from "./LoopDelay.ts";

/** Milliseconds between two looks at the event loop. */
const PERIOD_MS = 50;

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
      let asked = performance.now();
      const timer = setInterval(() => {
        const now = performance.now();
        delay.add(Math.max(0, now - asked - PERIOD_MS), now);
        asked = now;
      }, PERIOD_MS);
      return { delay, timer };
    }),
    ({ timer }) => Effect.sync(() => clearInterval(timer)),
  ),
  ({ delay }) => () => {
    const { user, system } = nodeProcess.cpuUsage();
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: Deno.memoryUsage().rss,
      startSeconds: performance.timeOrigin / 1e3,
      delay: delay.figures(),
    };
  },
);
