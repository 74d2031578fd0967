import type { Gauges } from "../../src/webhook/account/Metrics.ts";

/** Gauges that stand at 0, but for these. */
export const gauges = (but: Partial<Gauges> = {}): Gauges => ({
  backlog: () => 0,
  capacity: () => 0,
  highWater: () => 0,
  heldSeconds: () => 0,
  bodyBytes: () => 0,
  slabBytes: () => 0,
  waitingEvents: () => 0,
  disk: () => undefined,
  now: () => 0,
  ...but,
});
