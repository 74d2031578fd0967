/**
 * Milliseconds until a wait for what should come counts as failed. Only failures take so long, and a machine that
 * others use too may need some of it.
 */
export const PATIENCE = 60_000;
