/**
 * What another process has used, out of /proc. Linux only. It is read by `cat`, since Deno opens /proc
 * only to those who have all permissions; that takes 2 ms.
 */
import process from "node:process";

/** Linux's USER_HZ: ticks per second in /proc, the same on every architecture that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** A file of /proc: `cpuinfo`, `1234/stat`. */
export const readProc = (path: string): string => {
  const { success, stdout } = new Deno.Command("cat", { args: [`/proc/${path}`] }).outputSync();
  if (!success) throw new Error(`no /proc/${path}`);
  return new TextDecoder().decode(stdout);
};

/** CPU time of all threads, user and system, in microseconds. Its step is 10 ms. */
export const cpuMicros = (pid: number): number => {
  const stat = readProc(`${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name may have spaces
  return (Number(fields[11]) + Number(fields[12])) * 1e6 / TICKS_PER_SECOND;
};

/** What the threads of a process have done since they began, by thread. */
export type ThreadUsage = ReadonlyMap<string, {
  /** Microseconds on a processor, finer than `cpuMicros`. */
  readonly micros: number;
  /** How often it had to wait for something: each is followed by a wake-up. */
  readonly waits: number;
}>;

export const threadUsage = (pid: number): ThreadUsage => {
  const script = `cd /proc/${pid}/task && for t in *; do ` +
    'echo $t $(cat $t/schedstat) $(grep "^voluntary" $t/status); done';
  const { stdout } = new Deno.Command("sh", { args: ["-c", script] }).outputSync();
  return new Map(
    new TextDecoder().decode(stdout).trimEnd().split("\n").map((line) => {
      const [thread = "", nanos, , , , waits] = line.split(" ");
      return [thread, { micros: Number(nanos) / 1000, waits: Number(waits) }];
    }),
  );
};

/** What was done between the two; what threads did that have ended meanwhile is left out. */
export const usageBetween = (
  before: ThreadUsage,
  after: ThreadUsage,
): { readonly micros: number; readonly waits: number } => {
  let micros = 0;
  let waits = 0;
  for (const [thread, now] of after) {
    const then = before.get(thread) ?? { micros: 0, waits: 0 };
    micros += now.micros - then.micros;
    waits += now.waits - then.waits;
  }
  return { micros, waits };
};

/** CPU time of this process, in microseconds. */
export const ownMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** A line of /proc/PID/status that is a size. */
const statusBytes = (pid: number, field: string): number => {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readProc(`${pid}/status`))
    ?.[1];
  if (kilobytes === undefined) throw new Error(`no ${field} of process ${pid}`);
  return Number(kilobytes) * 1024;
};

/** Files, sockets and the like that a process has open. */
export const openDescriptors = (pid: number): number => {
  const { stdout } = new Deno.Command("ls", { args: [`/proc/${pid}/fd`] }).outputSync();
  return new TextDecoder().decode(stdout).trimEnd().split("\n").length;
};

/** Resident memory, the program's file included. */
export const residentBytes = (pid: number): number => statusBytes(pid, "VmRSS");

/** Resident memory that is its own: anonymous pages, without the program's file. */
export const anonymousBytes = (pid: number): number => statusBytes(pid, "RssAnon");

/** Resident memory at its highest since the process began, the program's file included. */
export const peakBytes = (pid: number): number => statusBytes(pid, "VmHWM");
