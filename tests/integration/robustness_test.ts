/** What one client does to hurt another over real sockets: floods, deafness, lies, thousands of connects. */
import assert from "node:assert/strict";
import type { Packet } from "mqtt-packet";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import type { Received } from "../support/Receiver.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

let receiver: Receiver;
let broker: BrokerProcess;

aroundAllNeeding(NEEDED, {
  before: async () => {
    receiver = Receiver.start();
    const rules = ["client_connected", "client_disconnected", "message_dropped"]
      .map((name) => `rule.${name} = [{}]`).join("\n");
    broker = await BrokerProcess.start(
      brokerFiles({
        listeners: { external: "", large: "max_packet_size = 0" },
        urls: [receiver.url("/")],
        rules,
      }),
      ["external", "large"],
    );
  },
  after: async () => {
    await broker.stop();
    await receiver.close();
  },
});

const connected = async (clientId: string, listener = "external"): Promise<RawMqtt> => {
  const connection = await RawMqtt.open(broker.port(listener));
  await connection.send(connect(clientId));
  assert.equal((await connection.take("connack"))?.returnCode, 0);
  return connection;
};

const connect = (clientId: string): Packet => ({
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clean: true,
  keepalive: 0,
  clientId,
});

/** Bytes of memory that the broker's process occupies. */
const residentBytes = async (): Promise<number> => {
  const pid = /\bstarted\b.*\bpid=(\d+)/.exec(broker.log)?.[1];
  // Deno itself reads /proc with --allow-all only.
  const ps = new Deno.Command("ps", { args: ["-o", "rss=", "-p", String(pid)] });
  const bytes = 1024 * Number(new TextDecoder().decode((await ps.output()).stdout));
  assert.ok(bytes > 0, `no process ${pid}`);
  return bytes;
};

/** Asserts that the broker answers this client. */
const assertServed = async (client: RawMqtt): Promise<void> => {
  await client.send({ cmd: "pingreq" });
  assert.ok(await client.take("pingresp"), "not served");
};

/**
 * Writes without ever reading until the broker takes no more: nothing has moved during 300
 * answers to another client. Answers how many bytes went.
 */
const writeUntilStuck = async (
  socket: Deno.TcpConn,
  bytes: Uint8Array,
  other: RawMqtt,
  limit: number,
): Promise<number> => {
  let written = 0;
  const writing = (async () => {
    while (written < limit) written += await socket.write(bytes.subarray(written % bytes.length));
  })();
  let before = -1;
  while (written !== before && written < limit) {
    before = written;
    for (let i = 0; i < 300; i++) await assertServed(other);
  }
  // Ends when the socket is closed; what it says then is of no interest.
  writing.catch(() => {});
  return written;
};

/** A socket that has sent CONNECT and will never read, not even its CONNACK. */
const deaf = async (clientId: string, generate: RawMqtt["generate"]): Promise<Deno.TcpConn> => {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port: broker.port() });
  await socket.write(generate(connect(clientId)));
  return socket;
};

const publish = (topic: string, payload: string, qos: 0 | 1 = 0): Packet => ({
  cmd: "publish",
  topic,
  payload,
  qos,
  dup: false,
  retain: false,
  ...(qos > 0 ? { messageId: 1 } : {}),
});

testNeeding(
  NEEDED,
  "Broker stops reading a client that asks for ever and never reads, and serves the others",
  async () => {
    const other = await connected("other");
    const questions: ReadonlyArray<Packet> = [
      publish("nobody", "x".repeat(100), 1),
      { cmd: "pingreq" },
      { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 0 }] },
      { cmd: "unsubscribe", messageId: 1, unsubscriptions: ["t"] },
    ];
    const bytes = Uint8Array.from(
      Array.from({ length: 500 }, () => questions.flatMap((packet) => [...other.generate(packet)]))
        .flat(),
    );
    // More than all buffers on the way hold: those of the sockets, and the broker's.
    const limit = 256 * 1024 * 1024;
    const memory: Array<number> = [];
    const sockets: Array<Deno.TcpConn> = [];
    for (const id of ["deaf-1", "deaf-2"]) {
      const socket = await deaf(id, other.generate);
      sockets.push(socket);
      assert.ok(await writeUntilStuck(socket, bytes, other, limit) < limit, "it reads on");
      memory.push(await residentBytes());
    }
    // The first also warms the process up. 2.5 MB: the answers, and what was read ahead; the rest is the collector's.
    const [first = 0, second = 0] = memory;
    assert.ok(second - first < 32 * 1024 * 1024, `${second - first} bytes more`);
    for (const socket of sockets) socket.close();
    const gone = await receiver.waitFor(
      ({ body }) =>
        body.action === "client_disconnected" && String(body.clientid).startsWith("deaf-"),
      { count: 2 },
    );
    for (const { body } of gone) {
      assert.match(String(body.reason), /^(RemoteClose|ReadWriteError)$/);
    }
    await assertServed(other);
    other.close();
  },
);

testNeeding(
  NEEDED,
  "Broker drops what a subscriber that never reads is sent beyond its queue, with events, and not what others are",
  async () => {
    const reader = await connected("reader");
    await reader.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "s", qos: 0 }] });
    await reader.take("suback");
    const socket = await deaf("deaf-subscriber", reader.generate);
    await socket.write(reader.generate({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [{ topic: "s", qos: 0 }],
    }));
    const publisher = await connected("publisher");
    const payload = "x".repeat(64 * 1024);
    const before = await residentBytes();
    // A session's queue takes 16 MB, and payloads are shared by both recipients.
    let sent = 0;
    for (; receiver.matching({ action: "message_dropped" }).length === 0; sent++) {
      assert.ok(sent < 3000, "nothing is dropped");
      await publisher.send(publish("s", payload));
      assert.ok(await reader.take("publish"), "the other subscriber is not served");
    }
    const [dropped] = receiver.matching({ action: "message_dropped" });
    assert.equal(dropped?.body.clientid, "deaf-subscriber");
    assert.equal(dropped?.body.reason, "MessageQueueFull");
    assert.ok(sent > 16 * 1024 / 64, `${sent}`);
    assert.ok(await residentBytes() - before < 128 * 1024 * 1024, "memory grows");
    for (const client of [socket, reader, publisher]) client.close();
  },
);

testNeeding(NEEDED, "Broker allocates nothing for packets that claim 256 MB", async () => {
  const claim = Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 0x74);
  const before = await residentBytes();
  const liars = await Promise.all(
    Array.from({ length: 100 }, (_, i) => connected(`liar-${i}`, "large")),
  );
  for (const liar of liars) await liar.sendBytes(claim);
  const refused = await connected("liar");
  await refused.sendBytes(claim);
  await refused.closed();
  const witness = await connected("witness");
  await assertServed(witness); // so the claims have been read
  witness.close();
  // Less than a single claim of the hundred; what the tests before have left to collect comes and goes.
  assert.ok(await residentBytes() - before < 256 * 1024 * 1024, "memory was allocated");
  for (const liar of liars) liar.close();
});

testNeeding(
  NEEDED,
  "Broker takes thousands of clients that connect and go in a row, and serves one that stays",
  async () => {
    const witness = await connected("stays");
    let over = false;
    const comers = Promise.all(Array.from({ length: 20 }, async (_, i) => {
      for (let n = 0; n < 100; n++) {
        const client = await connected(`storm-${i}-${n}`);
        if (n % 2 === 0) await client.send({ cmd: "disconnect" });
        client.close();
      }
    })).finally(() => over = true);
    for (; !over;) await assertServed(witness);
    await comers;
    await assertServed(witness);
    const isOfStorm = (action: string) => ({ body }: Received) =>
      body.action === action && String(body.clientid).startsWith("storm-");
    await receiver.waitFor(isOfStorm("client_disconnected"), { count: 2000 });
    assert.equal(receiver.matching(isOfStorm("client_connected")).length, 2000);
    assert.equal(receiver.matching(isOfStorm("client_disconnected")).length, 2000);
    witness.close();
  },
);
