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

/** Resident memory that is its own: anonymous pages, without the program's file. */
export const anonymousBytes = (pid: number): number => statusBytes(pid, "RssAnon");

/** Resident memory at its highest since the process began, the program's file included. */
export const peakBytes = (pid: number): number => statusBytes(pid, "VmHWM");
