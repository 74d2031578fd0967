import assert from "node:assert/strict";
import { SocketSink } from "../../../src/net/SocketSink.ts";
import { memoryInUse } from "../../support/heap.ts";

/** A sink over a socket that takes bytes when it is told to. */
class HeldSink extends SocketSink {
  readonly sent: Array<number> = [];
  #take: (() => void) | undefined;

  setReading(): void {}

  /** Lets the socket take what it was given. */
  async take(): Promise<void> {
    this.#take?.();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  protected send(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve) => {
      this.#take = () => {
        for (const byte of bytes) this.sent.push(byte);
        this.#take = undefined;
        resolve(bytes.length);
      };
    });
  }

  protected finish(): void {}
  protected destroy(): void {}
}

Deno.test("SocketSink sends what is written in its order, however many pieces it is in", async () => {
  const sink = new HeldSink();
  const written: Array<number> = [];
  for (let i = 0; i < 5000; i++) {
    const piece = Uint8Array.of(i >> 8, i & 0xff);
    written.push(...piece);
    sink.write(piece);
    if (i % 1700 === 0) await sink.take();
  }
  assert.equal(sink.buffered, written.length - sink.sent.length);
  for (let i = 0; sink.buffered > 0; i++) {
    assert.ok(i < 10, "not sent");
    await sink.take();
  }
  assert.deepEqual(sink.sent, written);
});

Deno.test("SocketSink holds little more than the bytes themselves of 262,144 small pieces that wait", () => {
  const sink = new HeldSink();
  const before = memoryInUse();
  for (let i = 0; i < 262_144; i++) sink.write(new Uint8Array(4));
  const bytes = memoryInUse() - before;
  assert.equal(sink.buffered, 1024 * 1024);
  assert.ok(bytes < 4 * 1024 * 1024, `${bytes} bytes`);
});
