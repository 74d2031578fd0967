/** What the WebSocket listener alone has to do: pages' origins, whole URLs as targets, frames of any form. */
import assert from "node:assert/strict";
import { testNeeding } from "../../support/permissions.ts";
import { memoryInUse } from "../../support/heap.ts";
import { Client, frame, settings, TestListener, upgradeRequest } from "./TestListener.ts";

const NEEDED = ["net", "read", "env"] as const;

const CONNECT = [0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x61];
const CONNACK = [0x82, 4, 0x20, 2, 0, 0];
const PINGREQ = [0xc0, 0];
const PINGRESP = [0x82, 2, 0xd0, 0];

/** The status of the answer to a request. */
const statusOf = async (listener: TestListener, request: Uint8Array): Promise<number> => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  const client = new Client(connection, (bytes) => bytes);
  await client.sendRaw(request);
  const head = await client.readUntil("\r\n\r\n");
  client.close();
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
};

const withOrigin = (...origins: ReadonlyArray<string>) =>
  upgradeRequest("/mqtt", "mqtt", ...origins.map((origin) => `Origin: ${origin}`));

testNeeding(
  NEEDED,
  "ws listener lets in the pages of allowed_origins, and who is no page",
  async () => {
    const allowedOrigins = ["https://app.example.com", "http://localhost:3000", "null"];
    const listener = await TestListener.open(settings("ws", { allowedOrigins }));
    for (const origin of allowedOrigins) {
      assert.equal(await statusOf(listener, withOrigin(origin)), 101, origin);
    }
    assert.equal(await statusOf(listener, upgradeRequest()), 101); // no browser
    const others = [
      "https://example.com",
      "http://app.example.com",
      "https://app.example.com:8443",
      "https://app.example.com.evil.example",
      "https://evil.example/https://app.example.com",
      "https://app.example.com, https://evil.example",
      "",
      "file://",
    ];
    for (const origin of others) {
      assert.equal(await statusOf(listener, withOrigin(origin)), 403, origin);
    }
    assert.equal(
      await statusOf(listener, withOrigin("https://evil.example", allowedOrigins[0]!)),
      403,
    );
    await listener.close();
    assert.deepEqual(listener.hooks.events, []);
  },
);

testNeeding(NEEDED, "ws listener without allowed_origins lets in any page", async () => {
  const listener = await TestListener.open(settings("ws"));
  assert.equal(await statusOf(listener, withOrigin("https://anywhere.example")), 101);
  await listener.close();
});

testNeeding(NEEDED, "ws listener takes a whole URL as a request's target", async () => {
  const listener = await TestListener.open(settings("ws"));
  const targets = [ // RFC 9112 section 3.2.2
    ["http://broker/mqtt", 101],
    ["HTTP://broker:8080/mqtt?token=x", 101],
    ["ws://broker/mqtt", 101],
    ["http://broker/other", 404],
    ["http://broker", 404],
    ["http://broker?/mqtt", 404],
    ["http:///mqtt/mqtt", 404],
    ["//broker/mqtt", 404],
    ["/other?http://broker/mqtt", 404],
  ] as const;
  for (const [target, status] of targets) {
    assert.equal(await statusOf(listener, upgradeRequest(target)), status, target);
  }
  await listener.close();
});

testNeeding(NEEDED, "ws listener refuses a handshake that is none by status", async () => {
  const listener = await TestListener.open(settings("ws"));
  const text = new TextDecoder().decode(upgradeRequest());
  const changes = [
    ["GET", "POST", 405],
    ["Upgrade: websocket", "Upgrade: h2c", 400],
    ["Upgrade: websocket", "Upgrade: WebSocket", 101],
    ["Version: 13", "Version: 8", 426],
    ["Sec-WebSocket-Version: 13\r\n", "", 426],
    ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", 400],
    ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400],
  ] as const;
  for (const [from, to, status] of changes) {
    const request = new TextEncoder().encode(text.replace(from, to));
    assert.equal(await statusOf(listener, request), status, `${from} -> ${to}`);
  }
  await listener.close();
});

testNeeding(NEEDED, "ws listener accepts by the key that the client sent", async () => {
  const listener = await TestListener.open(settings("ws"));
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  const client = new Client(connection, frame);
  // The first packet right behind the request, as no client may, and some do.
  const both = [...upgradeRequest(), ...frame(Uint8Array.from(CONNECT))];
  await client.sendRaw(Uint8Array.from(both));
  const head = await client.readUntil("\r\n\r\n");
  assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/); // RFC 6455 section 1.3
  assert.deepEqual(await client.read(CONNACK.length), CONNACK);
  client.close();
  await listener.close();
});

testNeeding(NEEDED, "ws client is Deno's own WebSocket, and closes in order", async () => {
  const listener = await TestListener.open(settings("ws"));
  const socket = new WebSocket(`ws://127.0.0.1:${listener.port}/mqtt`, "mqtt");
  socket.binaryType = "arraybuffer";
  const next = (name: "open" | "message" | "close") =>
    new Promise<Event>((resolve) => socket.addEventListener(name, resolve, { once: true }));
  await next("open");
  socket.send(Uint8Array.from(CONNECT));
  const answer = await next("message") as MessageEvent<ArrayBuffer>;
  assert.deepEqual([...new Uint8Array(answer.data)], CONNACK.slice(2));
  socket.close(4000, "done");
  const { code, wasClean } = await next("close") as CloseEvent;
  assert.deepEqual([code, wasClean], [4000, true]);
  assert.equal(listener.hooks.all("client_disconnected")[0]?.reason, "RemoteClose");
  await listener.close();
});

/** The header of a frame that claims so many bytes, masked with zeros. */
const claiming = (length: number): Uint8Array => {
  const header = new Uint8Array(14);
  header.set([0x82, 0xff]);
  new DataView(header.buffer).setBigUint64(2, BigInt(length));
  return header;
};

testNeeding(
  NEEDED,
  "ws client's packets are read as they come, in a frame of any size",
  async () => {
    const listener = await TestListener.open(settings("ws"));
    const client = await listener.connect("ws");
    await client.send(...CONNECT);
    await client.read(CONNACK.length);
    const { hooks } = listener;
    hooks.emit = () => {}; // they are counted by what is acknowledged
    const publish = new Uint8Array(32 * 1024); // QoS 0
    publish.set([0x30, 0xfc, 0xff, 1, 0, 1, 0x74]);
    await client.sendRaw(claiming(2 ** 30)); // a gigabyte
    const before = memoryInUse();
    for (let n = 0; n < 3000; n++) await client.sendRaw(publish); // of which 94 MB come
    await client.sendRaw(Uint8Array.from(PINGREQ));
    assert.deepEqual(await client.read(PINGRESP.length), PINGRESP); // within the frame
    const grown = memoryInUse() - before;
    assert.ok(grown < 8 * 1024 * 1024, `${grown} bytes are kept`);
    client.close();
    await listener.close();
  },
);

testNeeding(NEEDED, "ws client's message may be of any number of fragments", async () => {
  const listener = await TestListener.open(settings("ws"));
  const client = await listener.connect("ws");
  await client.send(...CONNECT);
  await client.read(CONNACK.length);
  // Two bytes in each fragment: a PINGREQ. RFC 6455 section 5.4
  const fragment = (first: number) => [first, 0x82, 0, 0, 0, 0, ...PINGREQ];
  const count = 20_000;
  const bytes = new Uint8Array(count * 8);
  for (let n = 0; n < count; n++) {
    bytes.set(fragment(n === 0 ? 0x02 : n === count - 1 ? 0x80 : 0), n * 8);
  }
  const answered = (async () => {
    let pongs = 0;
    while (pongs < count) {
      const [, length = 0] = await client.read(2); // up to 125 bytes, or 126 and two bytes of length
      const [high = 0, low = 0] = length === 126 ? await client.read(2) : [0, length];
      pongs += (await client.read(high * 256 + low)).length / 2;
    }
    return pongs;
  })();
  await client.sendRaw(bytes);
  assert.equal(await answered, count);
  client.close();
  await listener.close();
});

testNeeding(
  NEEDED,
  "ws client that pings and does not read is answered the last ping, and costs no memory",
  async () => {
    const listener = await TestListener.open(settings("ws"));
    const client = await listener.connect("ws");
    await client.send(...CONNECT);
    await client.read(CONNACK.length);
    const ping = frame(new Uint8Array(125).fill(0x61), 9);
    const pings = new Uint8Array(ping.length * 512);
    for (let n = 0; n < 512; n++) pings.set(ping, n * ping.length);
    const before = memoryInUse();
    for (let n = 0; n < 500; n++) await client.sendRaw(pings); // 32 MB
    await client.sendRaw(frame(new Uint8Array([0x62]), 9));
    const grown = memoryInUse() - before;
    assert.ok(grown < 4 * 1024 * 1024, `${grown} bytes are kept`);
    let last: number | undefined;
    while (last !== 0x62) {
      const [, length = 0] = await client.read(2);
      last = (await client.read(length)).at(-1);
    }
    client.close();
    await listener.close();
  },
);
