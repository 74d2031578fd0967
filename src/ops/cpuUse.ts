/** Processor time, as the system counts it; no permission is needed for it. */
import nodeProcess from "node:process";

/** Milliseconds of user and system so far, of this thread and of all threads of the process; 50 µs a call. */
export const cpuUse = (): { readonly thread: number; readonly process: number } => ({
  thread: millis(nodeProcess.threadCpuUsage()),
  process: millis(nodeProcess.cpuUsage()),
});

const millis = ({ user, system }: { readonly user: number; readonly system: number }): number =>
  (user + system) / 1000;
