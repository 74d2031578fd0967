/**
 * What a broker holds for each idle connection, subscription and retained message: resident memory
 * before and after, each after a garbage collection where there is a collector, divided by their number.
 */
import { collectGarbage } from "../shared/inspector.ts";
import { LoadClient } from "../shared/LoadClient.ts";
import {
  joined,
  PUBACK_LENGTH,
  publishFrame,
  subackLength,
  subscribeFrame,
} from "../shared/mqttFrames.ts";
import { anonymousBytes } from "../shared/processUsage.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";
import { freePort } from "../shared/ServerProcess.ts";
import type { Peer } from "./peers.ts";

/** A broker whose memory can be told. */
export interface MemoryProbe {
  readonly server: ServerProcess;
  readonly bytes: () => Promise<number>;
}

/** Starts a peer for this: a process of its own, since memory remembers what went before. */
export const startProbe = async (peer: Peer): Promise<MemoryProbe> => {
  const inspector = freePort();
  const server = await peer.start([`--inspect=127.0.0.1:${inspector}`]);
  const bytes = async () => {
    if (peer.onDeno) await collectGarbage(inspector);
    return anonymousBytes(server.pid);
  };
  return { server, bytes };
};

/** Bytes for each of `count` things that `add` adds; `warmUp` has loaded the code that does. */
const bytesPerThing = async (
  { bytes }: MemoryProbe,
  count: number,
  warmUp: () => Promise<void>,
  add: () => Promise<void>,
): Promise<number> => {
  await warmUp();
  const before = await bytes();
  await add();
  return (await bytes() - before) / count;
};

const openMany = async (port: number, prefix: string, count: number) => {
  const clients: Array<LoadClient> = [];
  const lane = async () => {
    while (clients.length < count) {
      const place = clients.length;
      clients.length++;
      clients[place] = await LoadClient.open(port, `${prefix}-${place}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, lane));
  return clients;
};

/** Connected clients without a subscription, that say nothing. */
export const bytesPerConnection = async (probe: MemoryProbe, count: number): Promise<number> => {
  const { port } = probe.server;
  const clients: Array<LoadClient> = [];
  const warmUp = async () => {
    for (const client of await openMany(port, "warm", 500)) client.close();
  };
  const add = async () => {
    clients.push(...await openMany(port, "idle", count));
  };
  try {
    return await bytesPerThing(probe, count, warmUp, add);
  } finally {
    for (const client of clients) client.close();
  }
};

const FILTERS_AT_ONCE = 50;

/** Filters that match no topic of the bench: plain ones, and with each kind of wildcard. */
const filterOf = (n: number): string => {
  switch (n % 4) {
    case 0:
      return `bench/+/state/${n}`;
    case 1:
      return `bench/0/state/${n}/#`;
    default:
      return `devices/${n}/telemetry`;
  }
};

/** Subscribes to the filters numbered `from` to `to`, by a few clients that stay. */
export const subscribeMany = async (
  port: number,
  from: number,
  to: number,
): Promise<ReadonlyArray<LoadClient>> => {
  const clients: Array<LoadClient> = [];
  const perClient = 5000;
  for (let start = from; start < to; start += perClient) {
    const client = await LoadClient.open(port, `subscriptions-${start}`);
    clients.push(client);
    const end = Math.min(to, start + perClient);
    for (let at = start; at < end; at += FILTERS_AT_ONCE) {
      const count = Math.min(FILTERS_AT_ONCE, end - at);
      const filters = Array.from({ length: count }, (_, i) => filterOf(at + i));
      await client.write(subscribeFrame(filters, 0));
      await client.exactly(subackLength(count));
    }
  }
  return clients;
};

export const bytesPerSubscription = async (probe: MemoryProbe, count: number): Promise<number> => {
  const { port } = probe.server;
  const clients: Array<LoadClient> = [];
  const warmUp = async () => {
    clients.push(...await subscribeMany(port, 0, 1000));
  };
  const add = async () => {
    clients.push(...await subscribeMany(port, 1000, 1000 + count));
  };
  try {
    return await bytesPerThing(probe, count, warmUp, add);
  } finally {
    for (const client of clients) client.close();
  }
};

const payload = new TextEncoder().encode(
  '{"temperature":21.5,"humidity":48,"battery":0.87,"rssi":-61}',
);

const retainMany = async (client: LoadClient, from: number, to: number): Promise<void> => {
  const atOnce = 50;
  for (let at = from; at < to; at += atOnce) {
    const frames = Array.from(
      { length: Math.min(atOnce, to - at) },
      (_, i) =>
        publishFrame(`devices/${at + i}/state`, payload, { qos: 1, retain: true, packetId: i + 1 }),
    );
    await client.write(joined(frames));
    await client.exactly(frames.length * PUBACK_LENGTH);
  }
};

/** Retained messages of 60 bytes, each on a topic of its own. */
export const bytesPerRetained = async (probe: MemoryProbe, count: number): Promise<number> => {
  const client = await LoadClient.open(probe.server.port, "retainer");
  try {
    return await bytesPerThing(
      probe,
      count,
      () => retainMany(client, 0, 1000),
      () => retainMany(client, 1000, 1000 + count),
    );
  } finally {
    client.close();
  }
};
