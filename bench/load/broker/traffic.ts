/**
 * Messages through a broker: publishers that keep a window of messages under way, subscribers that
 * count what comes. The window moves when a message has reached all its subscribers (and its PUBACK
 * the publisher), so that every broker is as busy as it can be and none has a reason to drop.
 */
import { LoadClient } from "../shared/LoadClient.ts";
import { PUBACK_LENGTH, publishFrame, subackLength, subscribeFrame } from "../shared/mqttFrames.ts";
import { cpuMicros, ownMicros } from "../shared/processUsage.ts";
import type { ServerProcess } from "../shared/ServerProcess.ts";

export interface TrafficShape {
  /** Each with a topic of its own. */
  readonly publishers: number;
  /** Of each topic. */
  readonly subscribers: number;
  readonly qos: 0 | 1;
  /** Messages under way, of one publisher. */
  readonly window: number;
}

export interface Throughput {
  /** Messages delivered per second, over all subscribers. */
  readonly perSecond: number;
  /** CPU time of the server, in microseconds per message delivered. */
  readonly serverMicros: number;
  /** The same of this process, to see that it is not what is measured. */
  readonly loadMicros: number;
}

const payload = new TextEncoder().encode('{"temperature":21.5,"humidity":48}');

/** Frames of one topic in a row, whose packet identifiers go round. */
class FrameRing {
  readonly #bytes: Uint8Array;
  readonly #count: number;
  readonly length: number;
  #next = 0;

  constructor(topic: string, qos: 0 | 1, window: number) {
    // Twice the window: an identifier is used again long after its acknowledgement.
    this.#count = 2 * window;
    const frames = Array.from(
      { length: this.#count },
      (_, i) => publishFrame(topic, payload, { qos, packetId: i + 1 }),
    );
    this.length = frames[0]!.length; // a window is at least one
    this.#bytes = new Uint8Array(frames.flatMap((frame) => [...frame]));
  }

  /** At most `count` frames as one piece. */
  take(count: number): { readonly bytes: Uint8Array; readonly count: number } {
    const taken = Math.min(count, this.#count - this.#next);
    const from = this.#next * this.length;
    this.#next = (this.#next + taken) % this.#count;
    return { bytes: this.#bytes.subarray(from, from + taken * this.length), count: taken };
  }
}

/** One topic: its publisher and its subscribers. */
class Topic {
  readonly #ring: FrameRing;
  #sent = 0;
  #acked = 0;
  readonly #received: Array<number> = [];
  #sending = false;
  stopped = false;

  constructor(
    readonly shape: TrafficShape,
    readonly name: string,
    readonly publisher: LoadClient,
    readonly subscribers: ReadonlyArray<LoadClient>,
    readonly onFailure: (error: unknown) => void,
  ) {
    const { qos, window } = shape;
    this.#ring = new FrameRing(name, qos, window);
    subscribers.forEach((subscriber, i) => {
      this.#received.push(0);
      subscriber.follow(this.#ring.length, (buffer, count) => {
        this.#checkAndAcknowledge(subscriber, buffer, count);
        this.#received[i] = this.#received[i]! + count; // one for each subscriber
        this.#send();
      }).catch(onFailure);
    });
    const acked = (_: Uint8Array, count: number) => {
      this.#acked += count;
      this.#send();
    };
    publisher.follow(PUBACK_LENGTH, acked).catch(onFailure);
  }

  get delivered(): number {
    return this.#received.reduce((sum, count) => sum + count, 0);
  }

  start(): void {
    this.#send();
  }

  close(): void {
    this.stopped = true;
    for (const client of [this.publisher, ...this.subscribers]) client.close();
  }

  #checkAndAcknowledge(subscriber: LoadClient, buffer: Uint8Array, count: number): void {
    const { length } = this.#ring;
    const first = 0x30 | (this.shape.qos << 1);
    for (let at = 0; at < count * length; at += length) {
      if (buffer[at] !== first) throw new Error(`not the PUBLISH expected: ${buffer[at]}`);
    }
    if (this.shape.qos === 0) return;
    const acknowledgements = new Uint8Array(count * PUBACK_LENGTH);
    const idOffset = length - payload.length - 2;
    for (let i = 0; i < count; i++) {
      acknowledgements[4 * i] = 0x40;
      acknowledgements[4 * i + 1] = 2;
      acknowledgements[4 * i + 2] = buffer[i * length + idOffset]!; // within a whole frame
      acknowledgements[4 * i + 3] = buffer[i * length + idOffset + 1]!;
    }
    subscriber.write(acknowledgements).catch(this.#failed);
  }

  readonly #failed = (error: unknown): void => {
    if (!this.stopped) this.onFailure(error);
  };

  /** Sends as far as the window goes. */
  #send(): void {
    if (this.#sending || this.stopped) return;
    this.#sending = true;
    this.#sendAll().catch(this.#failed);
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      let arrived = this.shape.qos === 0 ? Infinity : this.#acked;
      for (const received of this.#received) if (received < arrived) arrived = received;
      const room = this.shape.window - (this.#sent - arrived);
      if (room === 0 || this.stopped) break;
      const { bytes, count } = this.#ring.take(room);
      this.#sent += count;
      await this.publisher.write(bytes);
    }
    this.#sending = false;
  }
}

let runs = 0;

const openTopic = async (
  port: number,
  shape: TrafficShape,
  n: number,
  onFailure: (error: unknown) => void,
): Promise<Topic> => {
  const name = `bench/${n}/telemetry`;
  const subscribers: Array<LoadClient> = [];
  for (let i = 0; i < shape.subscribers; i++) {
    const subscriber = await LoadClient.open(port, `subscriber-${runs}-${n}-${i}`);
    await subscriber.write(subscribeFrame([name], shape.qos));
    await subscriber.exactly(subackLength(1));
    subscribers.push(subscriber);
  }
  const publisher = await LoadClient.open(port, `publisher-${runs}-${n}`);
  return new Topic(shape, name, publisher, subscribers, onFailure);
};

const wait = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Lets the shape's traffic run for so many milliseconds, after a fifth of that unmeasured. */
export const measureTraffic = async (
  { port, pid }: ServerProcess,
  shape: TrafficShape,
  milliseconds: number,
): Promise<Throughput> => {
  runs++;
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {}); // looked at by the race below, if it is still under way
  const topics: Array<Topic> = [];
  for (let n = 0; n < shape.publishers; n++) {
    topics.push(await openTopic(port, shape, n, failure.reject));
  }
  const now = () => ({
    at: performance.now(),
    delivered: topics.reduce((sum, topic) => sum + topic.delivered, 0),
    server: cpuMicros(pid),
    load: ownMicros(),
  });
  try {
    for (const topic of topics) topic.start();
    await Promise.race([wait(milliseconds / 5), failure.promise]);
    const before = now();
    await Promise.race([wait(milliseconds), failure.promise]);
    const after = now();
    const delivered = after.delivered - before.delivered;
    if (delivered === 0) throw new Error("nothing was delivered");
    return {
      perSecond: delivered / (after.at - before.at) * 1000,
      serverMicros: (after.server - before.server) / delivered,
      loadMicros: (after.load - before.load) / delivered,
    };
  } finally {
    for (const topic of topics) topic.close();
  }
};
