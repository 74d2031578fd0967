/** Handshakes with a peer that is a script: who is asked, how many at once, what may be lost. */
import assert from "node:assert/strict";
import { TlsHandshakes } from "../../../src/http/TlsHandshakes.ts";

type Step = "ask" | "connect" | "shake";

/** What is under way, to be ended by the test; aborted, it rejects. */
class Bench {
  now = 0;
  readonly #open: Array<{ readonly step: Step; readonly end: () => void }> = [];
  readonly handshakes = new TlsHandshakes({
    ask: (signal) => this.#begin("ask", signal),
    connect: async (signal) => {
      await this.#begin("connect", signal);
      return "tcp" as const;
    },
    shakeHands: async (tcp, signal) => {
      await this.#begin("shake", signal);
      return `tls over ${tcp}` as const;
    },
    now: () => this.now,
  });

  /** What is under way, in the order of its beginning. */
  async underWay(): Promise<ReadonlyArray<Step>> {
    for (let i = 0; i < 30; i++) await Promise.resolve();
    return this.#open.map(({ step }) => step);
  }

  /** Ends what began first. */
  async answer(): Promise<void> {
    this.#open.shift()?.end();
    await this.underWay();
  }

  /** Opens one; `abort` gives it up. */
  open(): { readonly result: Promise<string>; readonly abort: () => void } {
    const controller = new AbortController();
    const opening = this.handshakes.open(controller.signal);
    return {
      result: opening.catch((error) => error instanceof Error ? error.message : String(error)),
      abort: () => controller.abort("given up"),
    };
  }

  /** Opens one and goes through all its steps. */
  async opens(): Promise<string> {
    const { result } = this.open();
    while ((await this.underWay()).length > 0) await this.answer();
    return await result;
  }

  async #begin(step: Step, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = { step, end: resolve };
    this.#open.push(entry);
    signal.addEventListener("abort", () => {
      this.#open.splice(this.#open.indexOf(entry), 1);
      reject(signal.reason);
    });
    await promise;
  }
}

Deno.test("TlsHandshakes asks once, and then only connects", async () => {
  const bench = new Bench();
  const first = bench.open();
  assert.deepEqual(await bench.underWay(), ["ask"]);
  await bench.answer();
  assert.deepEqual(await bench.underWay(), ["connect"]);
  await bench.answer();
  assert.deepEqual(await bench.underWay(), ["shake"]);
  await bench.answer();
  assert.equal(await first.result, "tls over tcp");
  bench.open();
  assert.deepEqual(await bench.underWay(), ["connect"]);
});

Deno.test("TlsHandshakes begins none with a peer that is silent, and has one ask at a time", async () => {
  const bench = new Bench();
  const all = Array.from({ length: 100 }, () => bench.open());
  assert.deepEqual(await bench.underWay(), ["ask"]);
  all[0]!.abort(); // there are 100
  assert.deepEqual(await bench.underWay(), ["ask"]);
  for (const one of all) one.abort();
  assert.deepEqual(await bench.underWay(), []);
  assert.deepEqual(
    new Set(await Promise.all(all.map(({ result }) => result))),
    new Set(["given up"]),
  );
  bench.open();
  assert.deepEqual(await bench.underWay(), ["ask"]);
});

Deno.test("TlsHandshakes has eight under way at once, and gives each its turn", async () => {
  const bench = new Bench();
  await bench.opens();
  const all = Array.from({ length: 20 }, () => bench.open());
  assert.equal((await bench.underWay()).length, 8);
  for (let steps = 0; steps < 40; steps++) await bench.answer();
  const results = await Promise.all(all.map(({ result }) => result));
  assert.deepEqual(new Set(results), new Set(["tls over tcp"]));
});

Deno.test("TlsHandshakes asks again after a handshake was given up, and not after a connect was", async () => {
  const bench = new Bench();
  await bench.opens();
  const connecting = bench.open();
  await bench.underWay();
  connecting.abort();
  const shaking = bench.open();
  assert.deepEqual(await bench.underWay(), ["connect"]);
  await bench.answer();
  shaking.abort();
  assert.deepEqual(await bench.underWay(), []);
  bench.open();
  assert.deepEqual(await bench.underWay(), ["ask"]);
});

Deno.test("TlsHandshakes loses 32 descriptors to a peer at most, and another one every ten minutes", async () => {
  const bench = new Bench();
  const lose = async (): Promise<string> => {
    const { result, abort } = bench.open();
    while ((await bench.underWay()).at(-1) !== "shake" && (await bench.underWay()).length > 0) {
      await bench.answer();
    }
    abort();
    return await result;
  };
  for (let n = 0; n < 32; n++) assert.equal(await lose(), "given up");
  assert.match(await lose(), /^TLS failed: it let 32 handshakes hang/);
  bench.now += 600_000;
  assert.equal(await lose(), "given up");
  assert.match(await lose(), /^TLS failed/);
});
