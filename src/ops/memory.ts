/** How much memory the process has, and may have. */
import { totalmem } from "node:os";
import { constrainedMemory } from "node:process";
import { getHeapStatistics } from "node:v8";

/** What part of the memory may be in use before nothing new is taken: the rest is for what is there. */
const SHARE = 0.75;

/** What the system knows of memory, in bytes. */
export interface AskSystem {
  readonly total: () => number;
  /** Of the cgroup; 0: it is not known. */
  readonly constrained: () => number;
}

/** Bytes that the process occupies, and that its JavaScript heap holds. */
export interface MemoryInUse {
  readonly rss: number;
  readonly heapUsed: number;
}

/**
 * Makes the question whether too much is in use.
 *
 * @param limit bytes of the whole process; 0: three quarters of what the machine has, or its cgroup where
 *   that is less. The heap's own limit, at which the process would end, counts in any case.
 */
export const makeIsMemoryShort = (
  limit: number,
  { machine, heapLimit, inUse }: {
    readonly machine: number;
    readonly heapLimit: number;
    readonly inUse: () => MemoryInUse;
  } = {
    machine: machineMemory(),
    heapLimit: getHeapStatistics().heap_size_limit,
    inUse: Deno.memoryUsage,
  },
): () => boolean => {
  const most = limit > 0 ? limit : SHARE * machine;
  return () => {
    const { rss, heapUsed } = inUse();
    return rss >= most || heapUsed >= SHARE * heapLimit;
  };
};

/**
 * Bytes that the machine has, or the process's cgroup where that is less; Infinity: it is not known. Deno asks
 * the system for it with --allow-sys=systemMemoryInfo, and opens no file of /proc or /sys/fs without --allow-all.
 */
export const machineMemory = (ask: AskSystem = SYSTEM): number => {
  try {
    // 0: no limit is known. Version 1 of cgroups writes none as a number beyond all memory.
    return Math.min(ask.total(), ask.constrained() || Infinity);
  } catch {
    return Infinity; // no permission: not known
  }
};

const SYSTEM: AskSystem = { total: totalmem, constrained: constrainedMemory };
