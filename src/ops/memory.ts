/** How much memory the process has, and may have. It must never ask for a permission that the broker has not. */
import { getHeapStatistics } from "node:v8";

/** What part of the memory may be in use before nothing new is taken: the rest is for what is there. */
const SHARE = 0.75;

/** The text of a file; undefined where there is none. */
export type ReadFile = (path: string) => string | undefined;

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
    machine: machineMemory(readFile),
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

/** Bytes that the machine has, or the process's cgroup where that is less; Infinity: it is not known. */
export const machineMemory = (read: ReadFile): number => {
  const total = /^MemTotal: +(\d+) kB$/m.exec(read("/proc/meminfo") ?? "")?.[1];
  const machine = total === undefined ? Infinity : Number(total) * 1024;
  return Math.min(
    machine,
    ...cgroupFiles(read("/proc/self/cgroup") ?? "").map((file) => {
      const bytes = /^\d+$/.exec((read(file) ?? "").trim())?.[0]; // "max": none
      return bytes === undefined ? Infinity : Number(bytes);
    }),
  );
};

/**
 * The files with the limit of the cgroup, of both versions, and of those around it. In a container they
 * are often at the root, whatever the path says. cgroups(7)
 */
const cgroupFiles = (cgroups: string): ReadonlyArray<string> =>
  cgroups.split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    const paths = path.split("/").filter((part) => part !== "")
      .reduce<ReadonlyArray<string>>((all, part) => [...all, `${all.at(-1)}/${part}`], [""]);
    if (controllers === "") return paths.map((p) => `/sys/fs/cgroup${p}/memory.max`);
    return controllers?.split(",").includes("memory")
      ? paths.map((p) => `/sys/fs/cgroup/memory${p}/memory.limit_in_bytes`)
      : [];
  });

function readFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // another system, or no permission: not known
  }
}
