/** One measurement each: of a broker that delivers to a receiver, or of the receiver alone. */
import { cpuMicros, ownMicros, peakBytes } from "../shared/processUsage.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";
import { postWithoutBroker } from "./ceiling.ts";
import { nowMicros } from "./now.ts";
import { percentile } from "./percentile.ts";
import { publishSteadily, startBurst } from "./publishers.ts";
import type { Receiver } from "./Receiver.ts";

const perSecond = (count: number, micros: number): number => count / micros * 1e6;

/** CPU times are in microseconds per event. */
export interface Throughput {
  readonly perSecond: number;
  /** Of the broker, all its threads. */
  readonly serverMicros: number;
  /** Of the publishers, or of what posts without a broker. */
  readonly loadMicros: number;
  readonly receiverMicros: number;
  /** Events in one request. */
  readonly perPost: number;
}

/** From the first PUBLISH of a burst to the last of its POSTs. */
export const measureThroughput = async (
  server: ServerProcess,
  receiver: Receiver,
  count: number,
): Promise<Throughput> => {
  await receiver.begin({ timed: false });
  const before = usage(receiver, server);
  const { startedAt, done } = await startBurst(server.port, count);
  await done;
  const { lastAt, posts } = await receiver.until(count);
  const perPost = count / posts;
  return { perSecond: perSecond(count, lastAt - startedAt), perPost, ...before.perEvent(count) };
};

/** The same number of POSTs without a broker. */
export const measureCeiling = async (receiver: Receiver, count: number): Promise<Throughput> => {
  await receiver.begin({ timed: false });
  const before = usage(receiver, undefined);
  const startedAt = nowMicros();
  await postWithoutBroker(receiver.url, count);
  const { lastAt } = await receiver.until(count);
  return { perSecond: perSecond(count, lastAt - startedAt), perPost: 1, ...before.perEvent(count) };
};

const usage = (receiver: Receiver, server: ServerProcess | undefined) => {
  const read = () => ({
    serverMicros: server === undefined ? 0 : cpuMicros(server.pid),
    receiverMicros: cpuMicros(receiver.server.pid),
    loadMicros: ownMicros(),
  });
  const before = read();
  const perEvent = (count: number) => {
    const after = read();
    return {
      serverMicros: (after.serverMicros - before.serverMicros) / count,
      loadMicros: (after.loadMicros - before.loadMicros) / count,
      receiverMicros: (after.receiverMicros - before.receiverMicros) / count,
    };
  };
  return { perEvent };
};

/** In milliseconds. */
export interface Latency {
  /** From PUBLISH to POST. */
  readonly p50: number;
  readonly p99: number;
  /** From PUBLISH to PUBACK. */
  readonly puback99: number;
}

/** At a fixed rate, well under what the broker can do. */
export const measureLatency = async (
  server: ServerProcess,
  receiver: Receiver,
  count: number,
  rate: number,
): Promise<Latency> => {
  await receiver.begin({ timed: true });
  const pubacks = await publishSteadily(server.port, count, rate);
  const { p50, p99 } = await receiver.until(count);
  return { p50: p50 / 1000, p99: p99 / 1000, puback99: percentile(pubacks, 0.99) / 1000 };
};

/**
 * The resident memory, at its highest since the process began, in bytes, when so many events wait: the
 * server's only URL never answers.
 */
export const measureQueued = async (server: ServerProcess, count: number): Promise<number> => {
  await (await startBurst(server.port, count)).done;
  return peakBytes(server.pid);
};

/** Messages accepted per second, by the publishers of `measureBurst`, while nothing is delivered. */
export const measureIntake = async (server: ServerProcess, count: number): Promise<number> => {
  const { startedAt, done } = await startBurst(server.port, count, BURST_PUBLISHERS);
  return perSecond(count, await done - startedAt);
};

/** Events per second. */
export interface BurstPace {
  /** Accepted, from the first PUBLISH to the last PUBACK. */
  readonly intake: number;
  /** Delivered meanwhile. */
  readonly delivery: number;
  /** Delivered meanwhile in the slowest half second, the first left out. */
  readonly slowest: number;
  /** Delivered after the last PUBACK: delivery's own pace. NaN when there was too little left. */
  readonly alone: number;
  /** POSTs and PUBACKs so far by the microseconds since the first PUBLISH. */
  readonly course: ReadonlyArray<readonly [micros: number, accepted: number, delivered: number]>;
}

const SAMPLE_EVERY = 100; // milliseconds

/** Below this many events the pace of the rest tells nothing. */
const FEWEST_ALONE = 10_000;

/** So many that their sockets always have more to read than an event loop does in a turn. */
const BURST_PUBLISHERS = 500;

/** A burst far larger than what can be delivered while it comes in. */
export const measureBurst = async (
  server: ServerProcess,
  receiver: Receiver,
  count: number,
): Promise<BurstPace> => {
  await receiver.begin({ timed: false });
  const burst = await startBurst(server.port, count, BURST_PUBLISHERS);
  const { startedAt } = burst;
  const course: Array<readonly [number, number, number]> = [[0, 0, 0]];
  let sampled: Promise<void> = Promise.resolve();
  const sample = async () => {
    const delivered = (await receiver.figures()).count;
    course.push([nowMicros() - startedAt, burst.acknowledged(), delivered]);
  };
  const sampler = setInterval(() => sampled = sampled.then(sample), SAMPLE_EVERY);
  const doneAt = await burst.done;
  const meanwhile = (await receiver.figures()).count;
  const { lastAt } = await receiver.until(count);
  clearInterval(sampler);
  await sampled;
  const left = count - meanwhile;
  return {
    intake: perSecond(count, doneAt - startedAt),
    delivery: perSecond(meanwhile, doneAt - startedAt),
    slowest: slowestHalfSecond(course, doneAt - startedAt),
    alone: left < FEWEST_ALONE ? NaN : perSecond(left, lastAt - doneAt),
    course,
  };
};

const slowestHalfSecond = (course: BurstPace["course"], until: number): number => {
  const samples = Math.round(500 / SAMPLE_EVERY);
  let slowest = Infinity;
  for (let i = 2 * samples; i < course.length; i++) {
    const [at, , delivered] = course[i]!; // i < length
    const [from, , before] = course[i - samples]!;
    if (at <= until) slowest = Math.min(slowest, perSecond(delivered - before, at - from));
  }
  return slowest;
};
