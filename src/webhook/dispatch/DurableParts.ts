/** What of the engine survives the process, as the settings want it, with all that it is tied to. Composition only. */
import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type { OutboxSettings } from "../../domain/OutboxSettings.ts";
import { monotonicMillis } from "../../ops/monotonic.ts";
import type { Durable } from "../../store/Durable.ts";
import type { Backlog } from "../account/Backlog.ts";
import type { BodySlabs } from "../body/BodySlab.ts";
import { DeadLetters } from "../outbox/DeadLetters.ts";
import { DiskUse } from "../outbox/DiskUse.ts";
import { Outbox } from "../outbox/Outbox.ts";
import type { DeliveryIds } from "./DeliveryIds.ts";
import { StoredIds } from "./StoredIds.ts";

export interface DurableParts {
  /** From the store, so that what is read of it has ids of its own for ever. */
  readonly ids: DeliveryIds;
  /** Undefined: deliveries wait in memory alone. */
  readonly outbox: Outbox | undefined;
  /** Undefined: what is given up is gone. */
  readonly letters: DeadLetters | undefined;
}

export interface DurablePartsOptions {
  readonly settings: OutboxSettings;
  readonly clock: Clock.Clock;
  readonly slabs: BodySlabs;
  readonly backlog: Backlog;
}

/** Makes them; done when the first ids are reserved. */
export const make = (
  { store, windows }: Durable,
  { settings, clock, slabs, backlog }: DurablePartsOptions,
): Effect.Effect<DurableParts> =>
  Effect.gen(function* () {
    const now = () => clock.unsafeCurrentTimeMillis();
    const ids = new StoredIds(store, windows, now());
    const letters = settings.deadLetters ? new DeadLetters(windows, now) : undefined;
    const use = new DiskUse(settings.maxBytes, () => look());
    const outbox = settings.kind === "memory" ? undefined : new Outbox({
      owner: windows,
      monotonic: () => monotonicMillis(clock),
      delay: settings.delay,
      lastRow: store.lastRow,
      slabs,
      use,
    });
    for (const journal of [ids, outbox, letters]) if (journal !== undefined) windows.join(journal);
    const look = () =>
      backlog.setDisk(use.isFull ? "full" : outbox && windows.isHigh ? "high" : "open");
    windows.onHigh(look);
    ids.onShort((isShort) => backlog.setHalted(isShort));
    yield* windows.flush;
    return { ids, outbox, letters };
  });
