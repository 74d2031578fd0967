/** A TCP socket as a node:stream, over sockets that are none. */
import assert from "node:assert/strict";
import { Newcomers } from "../../../src/net/Newcomers.ts";
import { TcpStream } from "../../../src/net/TcpStream.ts";

const MOST_READS = 1000;

/** A socket that has bytes whenever it is read: a client that never stops sending. */
class Flood {
  readonly remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  reads = 0;

  read(into: Uint8Array): Promise<number | null> {
    return Promise.resolve(++this.reads < MOST_READS ? into.length : null);
  }

  close(): void {}
}

Deno.test("TcpStream lets others have their turn while a client never stops sending", async () => {
  const socket = new Flood();
  const newcomers = new Newcomers({ maxHandshaking: Infinity, maxConnRate: Infinity }, () => 0);
  const newcomer = newcomers.enter("127.0.0.1");
  assert.ok(newcomer);
  const stream = new TcpStream(socket as unknown as Deno.TcpConn, newcomer); // all that is used of one
  stream.on("data", () => {
    const until = performance.now() + 1; // what the packets in it take
    while (performance.now() < until);
  });
  const reads = await new Promise<number>((resolve) => setTimeout(() => resolve(socket.reads), 0));
  stream.destroy();
  assert.ok(reads < MOST_READS / 2, `${reads} reads came first`);
});
