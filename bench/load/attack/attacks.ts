/**
 * The attacks, each bounded in connections and, by `until`, in time; on loopback only. What an attacker's
 * connection meets (a refusal, a reset) is what it deserves, and no fault of the bench.
 */
import {
  connectFrame,
  DISCONNECT_FRAME,
  publishFrame,
  subscribeFrame,
  unsubscribeFrame,
} from "../shared/mqttFrames.ts";
import type { ConnectOptions } from "../shared/mqttFrames.ts";

/** What an attack is aimed at, and when it must be over. */
export interface Target {
  readonly port: number;
  /** Aborted when the attack is over. */
  readonly until: AbortSignal;
}

export interface Attack {
  readonly name: string;
  /** Attacks until told to stop. Never rejects. */
  readonly run: (target: Target) => Promise<void>;
  /** What stands for a receiver that means ill: messages go there too. */
  readonly receiver?: "interim answers" | "never answers" | "garbage" | "pipe without a reader";
}

const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

let names = 0;
const newName = (): string => `attacker-${++names}`;

const SMALL = new Uint8Array(16);

/** A connection of an attacker's, which takes what comes. */
class Attacker implements AsyncDisposable {
  readonly #socket: Deno.TcpConn;
  readonly #reading: Promise<void>;

  private constructor(socket: Deno.TcpConn, reads: boolean) {
    this.#socket = socket;
    this.#reading = reads ? this.#drain() : Promise.resolve();
  }

  static async open({ port }: Target, reads = true): Promise<Attacker> {
    return new Attacker(await Deno.connect({ hostname: "127.0.0.1", port }), reads);
  }

  static async connect(
    target: Target,
    name = newName(),
    options: ConnectOptions = {},
    reads = true,
  ): Promise<Attacker> {
    const attacker = await Attacker.open(target, reads);
    await attacker.send(connectFrame(name, options));
    return attacker;
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#socket.write(bytes.subarray(sent));
    }
  }

  /** Resolves when the broker has closed it. */
  get closed(): Promise<void> {
    return this.#reading;
  }

  async #drain(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (await this.#socket.read(buffer) !== null);
    } catch {
      // Reset, or closed from this side: it is over either way.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#socket.close();
    } catch {
      // The broker's reset came first.
    }
    await this.#reading;
  }
}

/** Runs `step` over and over in so many places at once, whatever it meets. */
const flood = async (
  places: number,
  target: Target,
  step: (target: Target) => Promise<void>,
): Promise<void> => {
  const one = async () => {
    while (!target.until.aborted) {
      try {
        await step(target);
      } catch {
        await pause(20); // refused, reset, or no descriptor left: tried again
      }
    }
  };
  await Promise.all(Array.from({ length: places }, one));
};

/** Opens so many connections by `open`, and holds them. */
const hold = async (
  count: number,
  target: Target,
  open: (target: Target, n: number) => Promise<Attacker>,
): Promise<void> => {
  const held: Array<Attacker> = [];
  for (let n = 0; n < count && !target.until.aborted; n++) {
    try {
      held.push(await open(target, n));
    } catch {
      await pause(20);
    }
  }
  while (!target.until.aborted) await pause(20);
  await Promise.all(held.map((attacker) => attacker[Symbol.asyncDispose]()));
};

const filters = (count: number, filter: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => filter(n));

/** As many filters as 0.9 MB hold. */
const shortFilters = filters(180_000, (n) => n.toString(36));
/** Two wildcards among seventeen levels each: as many branches as there are places. */
const wildcards = (from: number) =>
  filters(
    4096,
    (n) => Array.from({ length: 17 }, (_, i) => ((n + from) >> i) & 1 ? "+" : "bench").join("/"),
  );

export const ATTACKS: ReadonlyArray<Attack> = [
  {
    name: "wrong passwords, 40 at a time",
    run: (target) =>
      flood(40, target, async (target) => {
        const options = { username: "known", password: "wrong" };
        await using attacker = await Attacker.connect(target, newName(), options);
        await attacker.closed;
      }),
  },
  {
    name: "unknown users, 40 at a time",
    run: (target) =>
      flood(40, target, async (target) => {
        const options = { username: newName(), password: "wrong" };
        await using attacker = await Attacker.connect(target, newName(), options);
        await attacker.send(DISCONNECT_FRAME);
        await attacker.closed;
      }),
  },
  {
    name: "clients that come and go, 40 at a time",
    run: (target) =>
      flood(40, target, async (target) => {
        await using attacker = await Attacker.connect(target);
        await attacker.send(DISCONNECT_FRAME);
        await attacker.closed;
      }),
  },
  {
    name: "400 connections that say nothing",
    run: (target) => hold(400, target, (target) => Attacker.open(target)),
  },
  {
    name: "400 connections in the midst of a CONNECT of 900 KB",
    run: (target) =>
      hold(400, target, async (target) => {
        const attacker = await Attacker.open(target);
        await attacker.send(new Uint8Array([0x10, 0xa0, 0xf7, 0x36, 0, 4, 0x4d, 0x51, 0x54, 0x54]));
        return attacker;
      }),
  },
  {
    name: "topics of 32,000 levels",
    run: (target) =>
      flood(1, target, async (target) => {
        await using attacker = await Attacker.connect(target);
        for (let n = 0; n < 50 && !target.until.aborted; n++) {
          const deep = `${newName()}${"/a".repeat(32_000)}`;
          await attacker.send(publishFrame(deep, SMALL, { qos: 0, retain: true }));
          await attacker.send(subscribeFrame([deep], 0));
          await pause(10);
        }
      }),
  },
  {
    name: "UNSUBSCRIBE of 0.9 MB with a client identifier of 60 KB",
    run: (target) =>
      flood(1, target, async (target) => {
        const name = newName().padEnd(60_000, "x");
        await using attacker = await Attacker.connect(target, name);
        await attacker.send(unsubscribeFrame(shortFilters));
        await pause(500);
      }),
  },
  {
    name: "SUBSCRIBE of 0.9 MB, over and over, by one client",
    run: (target) =>
      flood(1, target, async (target) => {
        await using attacker = await Attacker.connect(target);
        while (!target.until.aborted) {
          await attacker.send(subscribeFrame(shortFilters, 0));
          await pause(200);
        }
      }),
  },
  {
    name: "1 MB to 300 sessions that are away",
    run: async (target) => {
      for (let n = 0; n < 300 && !target.until.aborted; n++) {
        try {
          await using away = await Attacker.connect(target, `away-${n}`, { persistent: true });
          await away.send(subscribeFrame(["attack/#"], 1));
          await away.send(DISCONNECT_FRAME);
          await away.closed;
        } catch {
          await pause(20);
        }
      }
      const large = publishFrame("attack/large", new Uint8Array(1_000_000), { qos: 0 });
      await flood(1, target, async (target) => {
        await using attacker = await Attacker.connect(target);
        while (!target.until.aborted) {
          await attacker.send(large);
          await pause(200);
        }
      });
    },
  },
  {
    name: "131,072 wildcard filters of one client",
    run: (target) =>
      flood(1, target, async (target) => {
        await using attacker = await Attacker.connect(target);
        for (let from = 0; from < 131_072 && !target.until.aborted; from += 4096) {
          await attacker.send(subscribeFrame(wildcards(from), 0));
        }
        const path = Array.from({ length: 17 }, () => "bench").join("/");
        while (!target.until.aborted) {
          await attacker.send(publishFrame(path, SMALL, { qos: 0 }));
          await pause(5);
        }
      }),
  },
  {
    name: "a subscriber to all that never reads",
    run: (target) =>
      hold(1, target, async (target) => {
        const attacker = await Attacker.connect(target, newName(), {}, false);
        await attacker.send(subscribeFrame(["#"], 0));
        return attacker;
      }),
  },
  {
    name: "take-overs of one client identifier, 20 at a time",
    run: (target) =>
      flood(20, target, async (target) => {
        await using attacker = await Attacker.connect(target, "victim");
        await attacker.closed;
      }),
  },
  {
    name: "bytes that are no MQTT, 20 at a time",
    run: (target) =>
      flood(20, target, async (target) => {
        await using attacker = await Attacker.open(target);
        await attacker.send(crypto.getRandomValues(new Uint8Array(512)));
        await Promise.race([attacker.closed, pause(100)]);
      }),
  },
  ...(["interim answers", "never answers", "garbage", "pipe without a reader"] as const).map(
    (receiver): Attack => ({
      name: `a receiver: ${receiver}`,
      receiver,
      run: async ({ until }) => {
        while (!until.aborted) await pause(20);
      },
    }),
  ),
];
