/** What an Endpoint is made with: what all of them share, and how its own attempts are made. */
import type * as Clock from "effect/Clock";
import type * as Effect from "effect/Effect";
import type { Arrivals } from "../account/Arrivals.ts";
import type { Backlog } from "../account/Backlog.ts";
import type { ClientShares } from "../account/ClientShares.ts";
import type { LimitedLog } from "../../ops/LimitedLog.ts";
import type { DeliveryPace } from "../account/DeliveryPace.ts";
import type { ConcurrencyBudget } from "../attempt/ConcurrencyBudget.ts";
import type { Executor } from "../attempt/Executor.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import type { DeadLetters } from "../outbox/DeadLetters.ts";
import type { Outbox } from "../outbox/Outbox.ts";
import type { DeliveryTap } from "../tap/DeliveryTap.ts";
import type { ReadGroups } from "./Spill.ts";

export interface EndpointContext {
  readonly clock: Clock.Clock;
  /** Milliseconds since 1970, as one turn of the event loop has them. */
  readonly now: () => number;
  /** Runs an effect that never waits. */
  readonly runSync: <A>(effect: Effect.Effect<A>) => A;
  readonly log: LimitedLog;
  readonly backlog: Backlog;
  readonly arrivals: Arrivals;
  readonly shares: ClientShares;
  readonly pace: DeliveryPace;
  readonly slabs: BodySlabs;
  readonly tap: DeliveryTap;
  /** Undefined: deliveries wait in memory alone. */
  readonly disk: EndpointDisk | undefined;
  /** Undefined: what is given up is gone. */
  readonly letters: DeadLetters | undefined;
  /** An attempt could not be made for want of descriptors or memory. */
  readonly onShortage: () => void;
  /** Failures in a row that open a breaker. */
  readonly breakerFailures: () => number;
}

/** Where deliveries wait beside memory. */
export interface EndpointDisk {
  readonly outbox: Outbox;
  readonly read: ReadGroups;
  /** Has what was given up because this URL failed as a whole wait again; its endpoint is told of it. */
  readonly replay: (url: string) => void;
  /** Whether what waited at the start is with its endpoints; an endpoint that is made later finds what is its own. */
  readonly isRunning: () => boolean;
}

export interface EndpointTransport {
  readonly executor: Executor;
  /** Undefined: attempts need no permit. */
  readonly budget: ConcurrencyBudget | undefined;
  /** Attempts are made in the order of events, retries included: nothing overtakes one that waits. */
  readonly sequential: boolean;
}
