/**
 * One ConnectionPool for each origin, all with the same options. It must never keep a pool to itself:
 * whoever sends to an origin shares its connections.
 */
import * as Effect from "effect/Effect";
import * as ExecutionStrategy from "effect/ExecutionStrategy";
import * as Scope from "effect/Scope";
import type { PoolOptions } from "./ConnectionPool.ts";
import { ConnectionPool } from "./ConnectionPool.ts";

/** The pools of all origins that were asked for. */
export interface ConnectionPools {
  /** The pool for the origin of `url`, made when it is asked for first. */
  readonly of: (url: URL) => ConnectionPool;
}

/** Pools whose connections live until the scope closes. */
export const make = (
  options: PoolOptions = {},
): Effect.Effect<ConnectionPools, never, Scope.Scope> =>
  Effect.zipWith(forkedScope, Effect.clock, (scope, clock) => {
    const pools = new Map<string, ConnectionPool>();
    return {
      of(url) {
        let pool = pools.get(url.origin);
        if (pool === undefined) {
          pool = Effect.runSync(
            ConnectionPool.make(url, options).pipe(Scope.extend(scope), Effect.withClock(clock)),
          );
          pools.set(url.origin, pool);
        }
        return pool;
      },
    };
  });

/**
 * The pools' scope, opened before any of them: finalizers that were added to the caller's scope before
 * the first request (a drain, say) must still find its connections open.
 */
const forkedScope = Effect.flatMap(
  Effect.scope,
  (scope) => Scope.fork(scope, ExecutionStrategy.sequential),
);
