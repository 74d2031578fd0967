/** The publishers of the bench, all in its own process: as fast as PUBACKs come, or at a fixed rate. */
import { LoadClient } from "../shared/LoadClient.ts";
import { joined, PUBACK_LENGTH, publishFrame } from "../shared/mqttFrames.ts";
import { nowMicros } from "./now.ts";
import { untimedPayload, writeTime } from "./timedPayload.ts";

const topicOf = (n: number): string => `bench/${n}/telemetry`;

let runs = 0;

const openClients = (port: number, count: number): Promise<ReadonlyArray<LoadClient>> => {
  const run = runs++;
  return Promise.all(
    Array.from({ length: count }, (_, n) => LoadClient.open(port, `publisher-${run}-${n}`)),
  );
};

/** Messages that one client of a burst has unacknowledged. */
const BURST_WINDOW = 16;

/** A burst under way. Times are by `nowMicros`. */
export interface Burst {
  readonly startedAt: number;
  /** Messages acknowledged so far. */
  readonly acknowledged: () => number;
  /** When the last PUBACK came. */
  readonly done: Promise<number>;
}

/** Publishes so many QoS 1 messages as fast as the broker acknowledges them. */
export const startBurst = async (port: number, count: number, publishers = 32): Promise<Burst> => {
  const clients = await openClients(port, publishers);
  let left = count;
  let acknowledged = 0;
  const done = Promise.withResolvers<number>();
  const sendFrom = (client: LoadClient, n: number) => {
    // Twice over, so that any run of frames is one piece.
    const frames = joined(
      Array.from(
        { length: 2 * BURST_WINDOW },
        (_, i) =>
          publishFrame(topicOf(n), untimedPayload, { qos: 1, packetId: i % BURST_WINDOW + 1 }),
      ),
    );
    const frameLength = frames.length / (2 * BURST_WINDOW);
    let next = 0;
    const send = (most: number) => {
      const sent = Math.min(most, left);
      if (sent === 0) return;
      left -= sent;
      const bytes = frames.subarray(next * frameLength, (next + sent) * frameLength);
      next = (next + sent) % BURST_WINDOW;
      client.write(bytes).catch(done.reject);
    };
    client.follow(PUBACK_LENGTH, (_, acks) => {
      acknowledged += acks;
      if (acknowledged === count) done.resolve(nowMicros());
      else send(acks);
    }).catch(done.reject);
    send(BURST_WINDOW);
  };
  const startedAt = nowMicros();
  clients.forEach(sendFrom);
  return {
    startedAt,
    acknowledged: () => acknowledged,
    done: done.promise.finally(() => clients.forEach((client) => client.close())),
  };
};

const STEADY_CLIENTS = 20;

/**
 * Publishes QoS 1 messages at a fixed rate, each written by itself with its time in its payload; answers
 * the microseconds from each PUBLISH to its PUBACK, once all have come.
 */
export const publishSteadily = async (
  port: number,
  count: number,
  perSecond: number,
): Promise<Float64Array> => {
  const clients = await openClients(port, STEADY_CLIENTS);
  const latencies = new Float64Array(count);
  let acknowledged = 0;
  const done = Promise.withResolvers<void>();
  const senders = clients.map((client, n) => {
    const sentAt: Array<number> = []; // PUBACKs come in order [MQTT-4.6.0-2]
    let oldest = 0;
    client.follow(PUBACK_LENGTH, (_, acks) => {
      const now = nowMicros();
      for (let i = 0; i < acks; i++) latencies[acknowledged++] = now - sentAt[oldest++]!; // it was sent
      if (acknowledged === count) done.resolve();
    }).catch(done.reject);
    return () => {
      const packetId = sentAt.length % 0xffff + 1;
      const bytes = publishFrame(topicOf(n), untimedPayload, { qos: 1, packetId });
      const now = nowMicros();
      writeTime(bytes, now);
      sentAt.push(now);
      client.write(bytes).catch(done.reject);
    };
  });
  const started = performance.now();
  let sent = 0;
  const tick = () => {
    const due = Math.min(count, Math.floor((performance.now() - started) / 1000 * perSecond));
    for (; sent < due; sent++) senders[sent % senders.length]!(); // there are some
    if (sent < count) setTimeout(tick, 1);
  };
  tick();
  try {
    await done.promise;
    return latencies;
  } finally {
    for (const client of clients) client.close();
  }
};
