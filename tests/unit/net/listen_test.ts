/** Listeners over real sockets, in this process: what goes wrong before, in and after a connection. */
import assert from "node:assert/strict";
import * as Clock from "effect/Clock";
import { LIMITS } from "../../support/ProtocolBench.ts";
import { testNeeding } from "../../support/permissions.ts";
import { skewable } from "../../support/skewable.ts";
import {
  Client,
  frame,
  isTls,
  isWebSocket,
  settings,
  spoken,
  TestListener,
  TRANSPORTS,
  upgradeRequest,
} from "./TestListener.ts";

const NEEDED = ["net", "read", "env"] as const;

/** CONNECT of a clean 3.1.1 client whose identifier is one character. */
const connect = (id: string) => [
  ...[0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1],
  id.charCodeAt(0),
];
const CONNACK = [0x20, 2, 0, 0];
const PINGREQ = [0xc0, 0];
const PINGRESP = [0xd0, 0];
const DISCONNECT = [0xe0, 0];
/** A whole unmasked frame, as a server sends it. */
const framed = (
  bytes: ReadonlyArray<number>,
  opcode = 2,
) => [0x80 | opcode, bytes.length, ...bytes];

const hasty = { limits: { ...LIMITS, handshakeTimeout: 1000 } };

for (const transport of TRANSPORTS) {
  const sent = (bytes: ReadonlyArray<number>) =>
    isWebSocket(transport) ? framed(bytes) : [...bytes];

  /** The listener closes in the way of the transport, and sends nothing more before. */
  const isClosed = async (client: Client) => {
    if (isWebSocket(transport)) {
      const close = framed([1000 >> 8, 1000 & 0xff], 8);
      assert.deepEqual(await client.read(close.length), close);
      await client.sendRaw(frame(new Uint8Array([3, 232]), 8));
    }
    assert.deepEqual(await client.readAll(), []);
  };

  testNeeding(NEEDED, `${transport} listener ends clients with their last bytes`, async () => {
    const listener = await TestListener.open(settings(transport));
    const client = await listener.connect(transport);
    await client.send(...connect("a"), ...PINGREQ);
    // Two packets in one write, and their answers too.
    const answers = sent([...CONNACK, ...PINGRESP]);
    assert.deepEqual(await client.read(answers.length), answers);
    const closing = listener.close();
    await isClosed(client);
    client.close();
    await closing;
    assert.deepEqual(listener.hooks.all("client_disconnected").map(({ reason }) => reason), [
      "Shutdown",
    ]);
  });

  testNeeding(
    NEEDED,
    `${transport} listener closes after DISCONNECT, with all that was sent before it`,
    async () => {
      const listener = await TestListener.open(settings(transport));
      // In one piece with DISCONNECT an answer is still to be sent; in a piece of its own nothing is.
      for (
        const [id, pieces] of [["a", [[...PINGREQ, ...DISCONNECT]]], ["b", [
          PINGREQ,
          DISCONNECT,
        ]]] as const
      ) {
        const client = await listener.connect(transport);
        await client.send(...connect(id));
        await client.read(sent(CONNACK).length);
        for (const piece of pieces) await client.send(...piece);
        const answer = sent(PINGRESP);
        assert.deepEqual(await client.read(answer.length), answer);
        await isClosed(client);
        client.close();
      }
      await listener.close();
      assert.deepEqual(
        listener.hooks.all("client_disconnected").map(({ clientid, reason }) => [clientid, reason]),
        [["a", "Disconnect"], ["b", "Disconnect"]],
      );
    },
  );

  testNeeding(NEEDED, `${transport} listener cuts clients that do not close`, async () => {
    const listener = await TestListener.open(settings(transport));
    const client = await listener.connect(transport);
    await client.send(...connect("a"));
    await client.read(sent(CONNACK).length);
    await listener.close(); // the client neither reads nor closes
    client.close();
  });

  testNeeding(NEEDED, `${transport} listener tells the client's IPv6 address`, async () => {
    const listener = await TestListener.open(settings(transport, { hostname: "::1" }));
    const client = await listener.connect(transport, "::1");
    await client.send(...connect("a"));
    await client.read(sent(CONNACK).length);
    const [event] = listener.hooks.all("client_connected");
    assert.equal(event?.ipaddress, `[::1]:${client.port}`);
    client.close();
    await listener.close();
  });

  testNeeding(NEEDED, `${transport} listener names the address that is taken`, async () => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    await assert.rejects(
      TestListener.open(settings(transport, { port })),
      new RegExp(`listener ${transport}\\.test cannot listen on 127\\.0\\.0\\.1:${port}: `),
    );
    taken.close();
  });

  testNeeding(
    NEEDED,
    `${transport} listener closes the newest socket over max_handshaking_limit, until one is let in or gone`,
    async () => {
      const limited = { limits: { ...LIMITS, maxHandshaking: 2 } };
      const listener = await TestListener.open(settings(transport, limited));
      const open = () => Deno.connect({ hostname: "127.0.0.1", port: listener.port });
      const silent = new Client(await open(), (bytes) => bytes);
      const first = await listener.connect(transport);
      const refused = new Client(await open(), (bytes) => bytes);
      assert.deepEqual(await refused.readAll(), []);
      await first.send(...connect("a"));
      await first.read(sent(CONNACK).length);
      const second = await listener.connect(transport); // in the first one's place
      silent.close();
      for (let isIn = false; !isIn;) { // as soon as the listener has seen that the silent one has gone
        try {
          const third = await listener.connect(transport);
          await third.send(...connect("c"));
          await third.read(sent(CONNACK).length);
          third.close();
          isIn = true;
        } catch {
          continue;
        }
      }
      for (const client of [first, second]) client.close();
      await listener.close();
    },
  );

  testNeeding(
    NEEDED,
    `${transport} listener ends a client without a CONNECT at handshake_timeout`,
    async () => {
      const listener = await TestListener.open(settings(transport, hasty));
      const client = await listener.connect(transport);
      const close = isWebSocket(transport) ? framed([1000 >> 8, 1000 & 0xff], 8) : [];
      assert.deepEqual(await client.read(close.length), close);
      if (isWebSocket(transport)) await client.sendRaw(frame(new Uint8Array([3, 232]), 8));
      assert.deepEqual(await client.readAll(), []);
      client.close();
      assert.deepEqual(listener.hooks.events, []);
      await listener.close();
    },
  );

  testNeeding(
    NEEDED,
    `${transport} listener counts handshake_timeout from accept on, over all handshakes`,
    async () => {
      const { clock, passMonotonic } = skewable(Clock.make());
      const listener = await TestListener.open(settings(transport), clock);
      const { broker } = listener;
      const waits: Array<number | undefined> = [];
      const accept = broker.accept.bind(broker);
      broker.accept = (sink, on, ipaddress, waited) => {
        waits.push(waited);
        return accept(sink, on, ipaddress, waited);
      };
      const late = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
      const prompt = await listener.connect(transport); // served: the first has been accepted
      passMonotonic(10_000);
      const client = await spoken(late, transport);
      await client.send(...connect("l"));
      await client.read(sent(CONNACK).length);
      const most = Math.max(...waits.map((wait) => wait ?? NaN));
      if (transport === "tcp") assert.ok(most < 10_000, `${most} ms were told to the broker`);
      else assert.ok(most >= 10_000, `${most} ms were told to the broker`);
      prompt.close();
      client.close();
      await listener.close();
    },
  );

  testNeeding(
    NEEDED,
    `${transport} listener ends a client without a handshake at handshake_timeout`,
    async () => {
      const listener = await TestListener.open(settings(transport, hasty));
      const silent = new Client(
        await Deno.connect({ hostname: "127.0.0.1", port: listener.port }),
        (bytes) => bytes,
      );
      const answer = String.fromCharCode(...await silent.readAll());
      assert.match(answer, transport === "ws" ? /^(HTTP\/1\.1 408 .*|)/ : /^$/);
      silent.close();
      await listener.close();
    },
  );

  testNeeding(
    NEEDED,
    `${transport} listener stops reading while the broker holds its client, and loses nothing`,
    async () => {
      const listener = await TestListener.open(settings(transport));
      const { hooks, broker } = listener;
      const flood = await listener.connect(transport);
      const other = await listener.connect(transport);
      for (const client of [flood, other]) {
        await client.send(...connect(client === flood ? "f" : "o"));
        await client.read(sent(CONNACK).length);
      }
      hooks.pressure = "high";
      // 64 MB of QoS 0 PUBLISH packets: far more than all of the system's socket buffers hold.
      const count = 2048;
      const publish = new Uint8Array(32 * 1024);
      publish.set([0x30, 0xfc, 0xff, 1, 0, 1, 0x74]);
      const bytes = flood.wrap(publish);
      let written = 0;
      const flooding = (async () => {
        for (; written < count; written++) await flood.sendRaw(bytes);
      })();
      // As long as the flood moves, the other client's pings go round; then it stands.
      let before = -1;
      for (let rounds = 0; rounds < 100; rounds++) {
        if (written > before) rounds = 0;
        before = written;
        await other.send(...PINGREQ);
        await other.read(sent(PINGRESP).length);
      }
      assert.ok(written < count / 2, `${written} of ${count} were taken`);
      assert.equal(hooks.all("message_publish").length, 0);
      hooks.pressure = "open";
      broker.resume();
      await flooding;
      await flood.send(...PINGREQ);
      await flood.read(sent(PINGRESP).length);
      assert.equal(hooks.all("message_publish").length, count);
      flood.close();
      other.close();
      await listener.close();
    },
  );
}

for (const transport of TRANSPORTS) {
  testNeeding(
    NEEDED,
    `${transport} listener keeps little for a client that does not read`,
    async () => {
      const queue = { limits: { ...LIMITS, maxMqueueLen: 10 } };
      const listener = await TestListener.open(settings(transport, queue));
      const { hooks } = listener;
      const deaf = await listener.connect(transport);
      const talker = await listener.connect(transport);
      const overhead = isWebSocket(transport) ? 2 : 0;
      await deaf.send(...connect("d"));
      await deaf.read(overhead + CONNACK.length);
      await deaf.send(...[0x82, 6, 0, 1, 0, 1, 0x74, 0]); // SUBSCRIBE to t, QoS 0
      await deaf.read(overhead + 5);
      await talker.send(...connect("p"));
      await talker.read(overhead + CONNACK.length);
      const publish = new Uint8Array(32 * 1024);
      publish.set([0x30, 0xfc, 0xff, 1, 0, 1, 0x74]);
      const bytes = talker.wrap(publish);
      for (let n = 0; n < 2048; n++) await talker.sendRaw(bytes);
      await talker.send(...PINGREQ);
      await talker.read(overhead + PINGRESP.length);
      talker.close();
      // 64 MB were published. The system's socket buffers hold a few of them, the broker hardly any.
      const delivered = hooks.all("message_delivered").length;
      assert.equal(hooks.all("message_dropped").length, 2048 - 10 - delivered);
      assert.ok(delivered < 1024, `${delivered} were written`);
      deaf.close();
      await listener.close();
    },
  );
}

for (const transport of TRANSPORTS.filter(isTls)) {
  testNeeding(NEEDED, `${transport} listener closed during a handshake ends it`, async () => {
    const listener = await TestListener.open(settings(transport));
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    const client = new Client(connection, (bytes) => bytes);
    // Once the second client is served, the first is accepted.
    const second = await listener.connect(transport);
    await listener.close();
    assert.deepEqual(await client.readAll(), []);
    client.close();
    second.close();
  });

  testNeeding(
    NEEDED,
    `${transport} listener shrugs off plain text, port scans and distrust`,
    async () => {
      const listener = await TestListener.open(settings(transport));
      const at = { hostname: "127.0.0.1", port: listener.port };
      (await Deno.connect(at)).close();
      const plain = new Client(await Deno.connect(at), (bytes) => bytes);
      await plain.send(...connect("p"));
      await plain.readAll();
      plain.close();
      const distrusting = await Deno.connectTls(at); // knows not the tests' authority
      await assert.rejects(distrusting.handshake());
      distrusting.close();
      const client = await listener.connect(transport);
      await client.send(...connect("a"));
      await client.read(CONNACK.length);
      client.close();
      await listener.close();
      assert.equal(listener.log.length, 1, listener.log.join("\n"));
    },
  );
}

for (const transport of TRANSPORTS.filter(isWebSocket)) {
  testNeeding(
    NEEDED,
    `${transport} listener refuses by status what it does not upgrade`,
    async () => {
      const listener = await TestListener.open(
        settings(transport, { allowedOrigins: ["https://app.example"] }),
      );
      const plain = (path: string) =>
        new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: broker\r\n\r\n`);
      const requests = [
        [upgradeRequest("/mqtt", "mqtt", "Origin: https://evil.example"), 403],
        [upgradeRequest("/other"), 404],
        [upgradeRequest("/mqtt/"), 404],
        [upgradeRequest("/mqtt", ""), 400],
        [upgradeRequest("/mqtt", "chat"), 400],
        [plain("/mqtt"), 426],
        [plain("/"), 404],
        [new TextEncoder().encode("no HTTP at all\r\n\r\n"), 400],
      ] as const;
      for (const [request, status] of requests) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
        const client = await spoken(connection, transport === "ws" ? "tcp" : "tls");
        await client.sendRaw(request);
        const answer = String.fromCharCode(...await client.readAll());
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
        client.close();
      }
      await listener.close();
      assert.deepEqual(listener.hooks.events, []);
    },
  );
}

testNeeding(NEEDED, "ws listener answers with the subprotocol that it speaks", async () => {
  const listener = await TestListener.open(settings("ws"));
  const offers = [
    ["mqtt", "mqtt"],
    ["chat, mqtt", "mqtt"],
    ["mqttv3.1, mqtt", "mqtt"],
    ["mqttv3.1", "mqttv3.1"],
  ] as const;
  for (const [offered, spoken] of offers) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
    const client = new Client(connection, (bytes) => bytes);
    await client.sendRaw(upgradeRequest("/mqtt?token=x", offered));
    const answer = (await client.readUntil("\r\n\r\n")).toLowerCase();
    assert.match(answer, new RegExp(`\\r\\nsec-websocket-protocol: ${spoken}\\r\\n`));
    client.close();
  }
  await listener.close();
});

testNeeding(NEEDED, "ws client's packets may span frames", async () => {
  const listener = await TestListener.open(settings("ws"));
  const client = await listener.connect("ws");
  for (const byte of connect("a")) await client.send(byte); // [MQTT-6.0.0-2]
  const answer = framed(CONNACK);
  assert.deepEqual(await client.read(answer.length), answer);
  client.close();
  await listener.close();
});

/** What a WebSocket does wrong, the close code it is told, and what its event says. RFC 6455 section 5 */
const VIOLATIONS = [
  ["sends text", frame(new Uint8Array([0x61]), 1), 1003, "text frame"], // [MQTT-6.0.0-1]
  ["does not mask", new Uint8Array([0x82, 2, ...PINGREQ]), 1002, "frame without a mask"],
  ["sets a reserved bit", new Uint8Array([0xc2, 0x80]), 1002, "reserved bit in a frame"],
  ["continues nothing", frame(new Uint8Array(1), 0), 1002, "frame that continues nothing"],
  [
    "begins a message within a message",
    new Uint8Array([0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80]),
    1002,
    "message within a message",
  ],
  ["sends an unknown kind of frame", frame(new Uint8Array(0), 3), 1002, "frame of an unknown kind"],
  [
    "fragments a ping",
    new Uint8Array([0x09, 0x80]),
    1002,
    "control frame that is long or fragmented",
  ],
  [
    "sends a long ping",
    new Uint8Array([0x89, 0xfe, 0, 126]),
    1002,
    "control frame that is long or fragmented",
  ],
  [
    "closes with half a code",
    frame(new Uint8Array([3]), 8),
    1002,
    "close frame without a close code",
  ],
  [
    "closes with a code that may not be sent", // 1006
    frame(new Uint8Array([1006 >> 8, 1006 & 0xff]), 8),
    1002,
    "close frame without a close code",
  ],
  [
    "announces a frame over 2^53 bytes",
    new Uint8Array([0x82, 0xff, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    1009,
    "frame over 2^53 bytes",
  ],
] as const;

for (const [what, bytes, code, reason] of VIOLATIONS) {
  testNeeding(NEEDED, `ws client that ${what} is closed with ${code}`, async () => {
    const listener = await TestListener.open(settings("ws"));
    const client = await listener.connect("ws");
    await client.send(...connect("a"));
    await client.read(framed(CONNACK).length);
    await client.sendRaw(bytes);
    const close = framed([code >> 8, code & 0xff], 8);
    assert.deepEqual(await client.read(close.length), close);
    assert.equal(
      listener.hooks.all("client_disconnected")[0]?.reason,
      `ProtocolError(${reason})`,
    );
    assert.deepEqual(await client.readAll(), []); // this side is closed at once
    client.close();
    await listener.close();
  });
}
