import type { Durable } from "../../store/Durable.ts";
import type { DiskSnapshot } from "../account/Metrics.ts";
import type { DeadLetters } from "./DeadLetters.ts";
import type { Outbox } from "./Outbox.ts";

const NOTHING_WAITS = { groups: 0, events: 0, bytes: 0, written: 0, skipped: 0 };

/** The figures of all that is on disk. */
export const diskSnapshot = (
  { store, windows }: Durable,
  outbox: Outbox | undefined,
  letters: DeadLetters | undefined,
): DiskSnapshot => ({
  ...(outbox?.figures() ?? NOTHING_WAITS),
  ...windows.figures(),
  ...store.figures(),
  letters_lost: letters?.lost ?? 0,
});
