/** What the machine's disk does by itself, and what a process does to it. */
import { readProc } from "../shared/processUsage.ts";
import { percentile } from "../delivery/percentile.ts";

/** Milliseconds of so many fdatasync calls, each behind an overwritten page: what a commit costs here at least. */
export const syncTimes = async (folder: string, count: number): Promise<{
  readonly p50: number;
  readonly p99: number;
}> => {
  const path = `${folder}/sync`;
  const page = new Uint8Array(4096);
  const times = new Float64Array(count);
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (let i = 0; i < 64; i++) await file.write(page);
  await file.sync();
  for (let i = 0; i < count; i++) {
    await file.seek((i % 64) * page.length, Deno.SeekMode.Start);
    await file.write(page);
    const began = performance.now();
    await file.syncData();
    times[i] = performance.now() - began;
  }
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
};

/** Bytes of all files in a folder. */
export const bytesIn = (folder: string): number => {
  let bytes = 0;
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (isFile) bytes += Deno.statSync(`${folder}/${name}`).size;
  }
  return bytes;
};

/** Write calls of a process so far: to files, sockets and event descriptors alike. */
export const writeCalls = (pid: number): number =>
  Number(/^syscw: (\d+)$/m.exec(readProc(`${pid}/io`))?.[1]);

/** Voluntary context switches of all its threads so far: each is a wait that something has ended. */
export const wakeUps = (pid: number): number => {
  let sum = 0;
  const tasks = new Deno.Command("sh", {
    args: ["-c", `cat /proc/${pid}/task/*/status`],
  }).outputSync();
  for (
    const [, count] of new TextDecoder().decode(tasks.stdout)
      .matchAll(/^voluntary_ctxt_switches:\s+(\d+)$/gm)
  ) sum += Number(count);
  return sum;
};
