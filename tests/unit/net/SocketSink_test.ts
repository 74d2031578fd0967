import assert from "node:assert/strict";
import { Connection } from "../../../src/mqtt/Connection.ts";
import { SocketSink } from "../../../src/net/SocketSink.ts";
import { memoryInUse } from "../../support/heap.ts";
import { ProtocolBench } from "../../support/ProtocolBench.ts";

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

Deno.test("SocketSink sends behind what is due in the same turn for the events that it acknowledges", async () => {
  const order: Array<string> = [];
  class ToldSink extends HeldSink {
    protected override send(bytes: Uint8Array): Promise<number> {
      order.push(`acknowledgement ${bytes[0]}`);
      return Promise.resolve(bytes.length);
    }
  }
  for (const n of [1, 2]) {
    // The events are dispatched in a microtask, their requests are written in the next.
    if (n === 1) queueMicrotask(() => queueMicrotask(() => order.push("requests")));
    new ToldSink().write(Uint8Array.of(n));
  }
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(order, ["requests", "acknowledgement 1", "acknowledgement 2"]);
});

Deno.test("SocketSink holds little more than the bytes themselves of 262,144 small pieces that wait", () => {
  const sink = new HeldSink();
  const before = memoryInUse();
  for (let i = 0; i < 262_144; i++) sink.write(new Uint8Array(4));
  const bytes = memoryInUse() - before;
  assert.equal(sink.buffered, 1024 * 1024);
  assert.ok(bytes < 4 * 1024 * 1024, `${bytes} bytes`);
});

/** A sink that says what it asks of its socket, which sends as much as a test lets it. */
class LoggingSink extends SocketSink {
  readonly log: Array<string> = [];
  /** Ends the send that waits: so many bytes were sent, or it failed. */
  settle: { sent(bytes: number): void; failed(): void } | undefined;

  setReading(reading: boolean): void {
    this.log.push(reading ? "read" : "stop reading");
  }

  protected send(bytes: Uint8Array): Promise<number> {
    this.log.push(`send ${bytes.join(" ")}`);
    return new Promise((resolve, reject) => {
      this.settle = { sent: resolve, failed: () => reject(new Error("reset")) };
    });
  }

  protected finish(hasLeft: boolean): void {
    this.log.push(hasLeft ? "finish, it has left" : "finish");
  }

  protected destroy(): void {
    this.log.push("destroy");
  }
}

/** A connection that counts how often it is told that all was sent. */
class ToldConnection extends Connection {
  told = 0;

  override drained(): void {
    this.told++;
  }
}

const opened = () => {
  const bench = new ProtocolBench();
  const sink = new LoggingSink();
  const connection = new ToldConnection(
    bench.broker.context,
    bench.broker,
    sink,
    bench.listener,
    "127.0.0.1:1",
  );
  sink.connection = connection;
  return { sink, connection, hooks: bench.hooks };
};

/** Lets all happen that needs nothing more to happen. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

Deno.test("SocketSink sends by one write what was written in one turn", async () => {
  const { sink } = opened();
  sink.write(Uint8Array.of(1));
  sink.write(Uint8Array.of(2, 3));
  sink.write(Uint8Array.of(4));
  await settled();
  assert.deepEqual(sink.log, ["send 1 2 3 4"]);
});

Deno.test("SocketSink joins what was written while it sent, and tells the connection when all is gone", async () => {
  const { sink, connection } = opened();
  sink.write(Uint8Array.of(1));
  await settled();
  sink.write(Uint8Array.of(2));
  sink.write(Uint8Array.of(3));
  assert.equal(sink.buffered, 3);
  sink.settle?.sent(1);
  await settled();
  assert.deepEqual(sink.log, ["send 1", "send 2 3"]);
  assert.equal(connection.told, 0);
  sink.settle?.sent(2);
  await settled();
  assert.equal(sink.buffered, 0);
  assert.equal(connection.told, 1);
});

Deno.test("SocketSink sends the rest of what was sent in part", async () => {
  const { sink } = opened();
  sink.write(Uint8Array.of(1, 2, 3));
  await settled();
  sink.settle?.sent(2);
  await settled();
  assert.deepEqual(sink.log, ["send 1 2 3", "send 3"]);
  assert.equal(sink.buffered, 1);
});

Deno.test("SocketSink that ends sends what waits, then finishes, and takes no more", async () => {
  const { sink } = opened();
  sink.write(Uint8Array.of(1));
  sink.end();
  sink.write(Uint8Array.of(2));
  await settled();
  assert.deepEqual(sink.log, ["read", "send 1"]);
  sink.settle?.sent(1);
  await settled();
  assert.deepEqual(sink.log, ["read", "send 1", "finish"]);
  sink.cut();
});

Deno.test("SocketSink with nothing to send finishes at once, and once", () => {
  const { sink } = opened();
  sink.end();
  sink.end();
  assert.deepEqual(sink.log, ["read", "finish"]);
  sink.cut();
});

Deno.test("SocketSink tells that the client has left, where nothing is to be sent to it first", async () => {
  const one = opened().sink;
  one.end(true);
  assert.deepEqual(one.log, ["read", "finish, it has left"]);
  one.cut();
  assert.ok(one.isClosed);
  const two = opened().sink;
  two.write(Uint8Array.of(1));
  two.end(true);
  await settled();
  two.settle?.sent(1);
  await settled();
  assert.deepEqual(two.log, ["read", "send 1", "finish"]);
  assert.ok(!two.isClosed);
  two.cut();
});

Deno.test("SocketSink that cannot be written to is closed, once", async () => {
  const { sink, connection } = opened();
  let closed = 0;
  sink.onClosed = () => closed++;
  sink.write(Uint8Array.of(1));
  await settled();
  sink.write(Uint8Array.of(2));
  sink.settle?.failed();
  await settled();
  sink.end();
  sink.cut();
  sink.write(Uint8Array.of(3));
  await settled();
  assert.deepEqual(sink.log, ["send 1", "destroy"]);
  assert.equal(sink.buffered, 0);
  assert.equal(connection.told, 0);
  assert.equal(closed, 1);
});

Deno.test("SocketSink cut while it sends forgets what was left", async () => {
  const { sink } = opened();
  sink.write(Uint8Array.of(1, 2));
  await settled();
  sink.end();
  sink.cut();
  sink.settle?.sent(1);
  await settled();
  assert.deepEqual(sink.log, ["send 1 2", "read", "destroy"]);
  assert.equal(sink.buffered, 0);
});

Deno.test("SocketSink sends what was held when all that has happened by the end of the turn is safe, and the rest in order", async () => {
  const { sink, hooks } = opened();
  sink.write(Uint8Array.of(1));
  sink.hold();
  sink.write(Uint8Array.of(2));
  hooks.mark++; // as CONNACK, which is written before client_connected is emitted
  await settled();
  sink.write(Uint8Array.of(3));
  sink.hold();
  sink.write(Uint8Array.of(4));
  await settled();
  assert.deepEqual([sink.log, sink.buffered], [[], 4]);
  hooks.store();
  hooks.mark++; // 4 acknowledges what is not safe yet
  await settled();
  sink.settle?.sent(2);
  await settled();
  assert.deepEqual(sink.log, ["send 1 2"]);
  hooks.store();
  await settled();
  assert.deepEqual(sink.log, ["send 1 2", "send 3 4"]);
});

Deno.test("SocketSink does not wait where nothing was held, or all is safe", async () => {
  const { sink, hooks } = opened();
  hooks.mark = 1;
  sink.write(Uint8Array.of(1));
  await settled();
  sink.settle?.sent(1);
  await settled();
  hooks.safe = 1;
  sink.hold();
  sink.write(Uint8Array.of(2));
  await settled();
  assert.deepEqual(sink.log, ["send 1", "send 2"]);
});

Deno.test("SocketSink that is cut while an acknowledgement waits sends nothing; one that ends sends it", async () => {
  for (const how of ["cut", "end"] as const) {
    const { sink, hooks } = opened();
    hooks.mark = 1;
    sink.hold();
    sink.write(Uint8Array.of(1));
    await settled();
    sink[how]();
    hooks.store();
    await settled();
    assert.deepEqual(sink.log, how === "cut" ? ["destroy"] : ["read", "send 1"]);
    sink.cut();
  }
});
