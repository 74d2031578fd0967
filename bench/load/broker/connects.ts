/** Clients that come and go: CONNECT, CONNACK, DISCONNECT, closed. */
import { LoadClient } from "../shared/LoadClient.ts";
import { DISCONNECT_FRAME } from "../shared/mqttFrames.ts";
import { cpuMicros, ownMicros } from "../shared/processUsage.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";
import type { Throughput } from "./traffic.ts";

const AT_ONCE = 64;

let clients = 0;

/** So many connections, 64 at a time. */
export const measureConnects = async (
  { port, pid }: ServerProcess,
  count: number,
): Promise<Throughput> => {
  let left = count;
  const lane = async () => {
    while (left-- > 0) {
      const client = await LoadClient.open(port, `connect-${clients++}`);
      await client.write(DISCONNECT_FRAME);
      client.close();
    }
  };
  const started = performance.now();
  const server = cpuMicros(pid);
  const load = ownMicros();
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return {
    perSecond: count / (performance.now() - started) * 1000,
    serverMicros: (cpuMicros(pid) - server) / count,
    loadMicros: (ownMicros() - load) / count,
  };
};
