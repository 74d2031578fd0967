/**
 * MQTT 3.1.1 as conformance suites drive it: bytes to the started process, bytes back, compared one by
 * one. The scenarios are those that Mosquitto's and Paho's suites for brokers are known for; what they
 * mean is tested without a socket beside this file.
 */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { aroundAllNeeding, testNeeding } from "../support/permissions.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

let broker: BrokerProcess;

aroundAllNeeding(NEEDED, {
  before: async () => {
    // Nobody listens for the events, and no rule wants any.
    broker = await BrokerProcess.start(brokerFiles({ urls: ["http://127.0.0.1:9/"], rules: "" }));
  },
  after: async () => {
    await broker.stop();
  },
});

/** Milliseconds after which an answer is taken to be missing. */
const PATIENCE = 10_000;

/** A socket whose bytes are sent and expected in hexadecimal, blanks aside. */
class Wire {
  readonly #socket: Deno.TcpConn;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async open(): Promise<Wire> {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port: broker.port() });
    socket.setNoDelay(true);
    return new Wire(socket);
  }

  async send(...hex: ReadonlyArray<string>): Promise<this> {
    for (const part of hex) {
      const bytes = Uint8Array.fromHex(part.replaceAll(" ", ""));
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
    }
    return this;
  }

  /** Fails unless exactly these bytes come next. */
  async expect(hex: string): Promise<this> {
    const wanted = hex.replaceAll(" ", "");
    const got = await this.#read(wanted.length / 2);
    assert.equal(got.toHex(), wanted);
    return this;
  }

  /** Fails unless the broker closes without another byte. */
  async expectEnd(): Promise<void> {
    const got = await this.#read(1);
    assert.equal(got.toHex(), "");
    this.close();
  }

  close(): void {
    this.#socket.close();
  }

  /** As many bytes, or fewer when the broker closes before. */
  async #read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const late = setTimeout(() => this.#socket.close(), PATIENCE);
    let at = 0;
    try {
      while (at < length) {
        const read = await this.#socket.read(bytes.subarray(at));
        if (read === null) break;
        at += read;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error; // an end like any other
    } finally {
      clearTimeout(late);
    }
    return bytes.subarray(0, at);
  }
}

const hex = (text: string): string => {
  const bytes = new TextEncoder().encode(text);
  return bytes.length.toString(16).padStart(4, "0") + bytes.toHex();
};

const packet = (first: string, ...fields: ReadonlyArray<string>): string => {
  const body = fields.join("").replaceAll(" ", "");
  assert.ok(body.length < 256, "one byte of remaining length");
  return first + (body.length / 2).toString(16).padStart(2, "0") + body;
};

const connect = (id: string, flags = "02") =>
  packet("10", hex("MQTT"), "04", flags, "003c", hex(id));
const subscribe = (filter: string, qos: string) => packet("82", "0001", hex(filter), qos);
const ACCEPTED = "20020000";
const RESUMED = "20020100";
const PINGREQ = "c000";
const PINGRESP = "d000";
const DISCONNECT = "e000";

const CLOSINGS: ReadonlyArray<readonly [what: string, bytes: string]> = [
  ["a protocol name of hj", packet("10", hex("hj"), "04", "02", "003c", hex("a"))],
  ["its reserved flag set", connect("a", "03")],
  ["will QoS 3", packet("10", hex("MQTT"), "04", "1e", "003c", hex("a"), hex("will"), hex("x"))],
  [
    "a password and no user name",
    packet("10", hex("MQTT"), "04", "42", "003c", hex("a"), hex("x")),
  ],
  ["a user name flag and no user name", connect("a", "82")],
  [
    "a client identifier that is not UTF-8",
    packet("10", hex("MQTT"), "04", "02", "003c", "0002 c080"),
  ],
  ["reserved bits of its fixed header set", connect("a").replace("10", "12")],
  ["five bytes of remaining length", "10 ff ff ff ff 01"],
];
for (const [what, bytes] of CLOSINGS) {
  testNeeding(NEEDED, `The broker closes a CONNECT with ${what}`, async () => {
    await (await (await Wire.open()).send(bytes)).expectEnd();
  });
}

const ANSWERS: ReadonlyArray<readonly [what: string, bytes: string, connack: string]> = [
  ["protocol level 7", packet("10", hex("MQTT"), "07", "02", "003c", hex("a")), "20020001"],
  ["an empty client identifier, not clean", connect("", "00"), "20020002"],
];
for (const [what, bytes, connack] of ANSWERS) {
  testNeeding(NEEDED, `The broker answers a CONNECT with ${what} and closes`, async () => {
    const wire = await (await Wire.open()).send(bytes, PINGREQ);
    await (await wire.expect(connack)).expectEnd();
  });
}

const AFTER: ReadonlyArray<readonly [what: string, bytes: string]> = [
  ["a second CONNECT", connect("second")],
  ["SUBSCRIBE with QoS 3", subscribe("t", "03")],
  ["SUBSCRIBE without a filter", "82 02 0001"],
  ["SUBSCRIBE with fixed-header flags 0", "80" + subscribe("t", "00").slice(2)],
  ["UNSUBSCRIBE without a filter", "a2 02 0001"],
  ["PUBLISH of QoS 3", packet("36", hex("t"), "0001")],
  ["PUBLISH to a wildcard", packet("30", hex("t/#"))],
  ["PUBLISH with U+0000 in its topic", packet("30", hex("t\0"))],
  ["PUBREL with fixed-header flags 0", "60 02 0001"],
  ["CONNACK", ACCEPTED],
  ["packet type 15", "f0 00"],
];
for (const [what, bytes] of AFTER) {
  testNeeding(NEEDED, `The broker closes the connection at ${what}`, async () => {
    const wire = await Wire.open();
    await wire.send(connect(`closed by ${what}`));
    await wire.expect(ACCEPTED);
    await wire.send(bytes);
    await wire.expectEnd();
  });
}

testNeeding(NEEDED, "The broker answers packets that come byte by byte", async () => {
  const wire = await Wire.open();
  const bytes = connect("slow") + subscribe("slow/+", "01") +
    packet("32", hex("slow/t"), "0005", "78") +
    PINGREQ;
  for (let i = 0; i < bytes.length; i += 2) await wire.send(bytes.slice(i, i + 2));
  await wire.expect(
    ACCEPTED + "9003000101" + packet("32", hex("slow/t"), "0001", "78") + "40020005",
  );
  await wire.expect(PINGRESP);
  wire.close();
});

testNeeding(
  NEEDED,
  "The broker keeps a message of QoS 1 for an absent client and sends it again until it is acknowledged",
  async () => {
    let subscriber = await Wire.open();
    await subscriber.send(connect("away", "00"), subscribe("away", "01"), DISCONNECT);
    await subscriber.expect(ACCEPTED + "9003000101");
    await subscriber.expectEnd();
    const publisher = await Wire.open();
    await publisher.send(connect("away-p"), packet("32", hex("away"), "0009", "6d"));
    await publisher.expect(ACCEPTED + "40020009");
    publisher.close();
    for (const first of ["32", "3a"]) {
      subscriber = await Wire.open();
      await subscriber.send(connect("away", "00"));
      await subscriber.expect(RESUMED + packet(first, hex("away"), "0001", "6d"));
      subscriber.close();
    }
    subscriber = await Wire.open();
    await subscriber.send(connect("away", "00"), "40020001", PINGREQ);
    await subscriber.expect(RESUMED + packet("3a", hex("away"), "0001", "6d") + PINGRESP);
    await subscriber.send(DISCONNECT);
    await subscriber.expectEnd();
    subscriber = await Wire.open();
    await subscriber.send(connect("away", "00"), PINGREQ);
    await subscriber.expect(RESUMED + PINGRESP);
    subscriber.close();
  },
);

testNeeding(
  NEEDED,
  "The broker delivers a message of QoS 2 once, through a reconnect of both sides",
  async () => {
    let subscriber = await Wire.open();
    await subscriber.send(connect("once-s", "00"), subscribe("once", "02"));
    await subscriber.expect(ACCEPTED + "9003000102");
    let publisher = await Wire.open();
    await publisher.send(connect("once-p", "00"), packet("34", hex("once"), "0003", "6d"));
    await publisher.expect(ACCEPTED + "50020003");
    publisher.close();
    await subscriber.expect(packet("34", hex("once"), "0001", "6d"));
    await subscriber.send("50020001");
    await subscriber.expect("62020001");
    subscriber.close();
    publisher = await Wire.open();
    await publisher.send(
      connect("once-p", "00"),
      packet("3c", hex("once"), "0003", "6d"),
      "62020003",
    );
    await publisher.expect(RESUMED + "50020003" + "70020003");
    publisher.close();
    subscriber = await Wire.open();
    await subscriber.send(connect("once-s", "00"));
    await subscriber.expect(RESUMED + "62020001");
    await subscriber.send("70020001", PINGREQ);
    await subscriber.expect(PINGRESP);
    subscriber.close();
  },
);

testNeeding(
  NEEDED,
  "The broker stores, sends, replaces and removes a retained message",
  async () => {
    const publisher = await Wire.open();
    await publisher.send(connect("retain-p"));
    await publisher.expect(ACCEPTED);
    const newSubscriber = async (id: string, expected: string): Promise<void> => {
      const subscriber = await Wire.open();
      await subscriber.send(connect(id), subscribe("retain/#", "00"), PINGREQ);
      await subscriber.expect(ACCEPTED + "9003000100" + expected + PINGRESP);
      subscriber.close();
    };
    const publish = async (payload: string): Promise<void> => {
      await publisher.send(packet("33", hex("retain/t"), "0001", payload));
      await publisher.expect("40020001");
    };
    await newSubscriber("retain-1", "");
    await publish("31");
    await newSubscriber("retain-2", packet("31", hex("retain/t"), "31"));
    await publish("32");
    await newSubscriber("retain-3", packet("31", hex("retain/t"), "32"));
    await publish("");
    await newSubscriber("retain-4", "");
    publisher.close();
  },
);

testNeeding(
  NEEDED,
  "The broker publishes a will when the socket closes, and not after DISCONNECT",
  async () => {
    const subscriber = await Wire.open();
    await subscriber.send(connect("will-s"), subscribe("will", "00"));
    await subscriber.expect(ACCEPTED + "9003000100");
    for (const payload of ["31", "32"]) {
      const client = await Wire.open();
      await client.send(
        packet("10", hex("MQTT"), "04", "06", "003c", hex("will"), hex("will"), "0001", payload),
      );
      await client.expect(ACCEPTED);
      if (payload === "31") {
        await client.send(DISCONNECT);
        await client.expectEnd();
      } else client.close();
    }
    await subscriber.expect(packet("30", hex("will"), "32"));
    subscriber.close();
  },
);

testNeeding(
  NEEDED,
  "The broker closes the connection whose client identifier comes again",
  async () => {
    const first = await Wire.open();
    await first.send(connect("twice"));
    await first.expect(ACCEPTED);
    const second = await Wire.open();
    await second.send(connect("twice"));
    await second.expect(ACCEPTED);
    await first.expectEnd();
    await second.send(PINGREQ);
    await second.expect(PINGRESP);
    second.close();
  },
);

testNeeding(
  NEEDED,
  "The broker sends one copy to subscriptions that overlap, and none across a leading wildcard to $ topics",
  async () => {
    const client = await Wire.open();
    await client.send(
      connect("overlap"),
      packet("82", "0001", hex("over/#"), "00", hex("over/+"), "01", hex("+/lap"), "00"),
      packet("32", hex("over/lap"), "0001", "78"),
      packet("32", hex("$over/lap"), "0002", "78"),
      PINGREQ,
    );
    await client.expect(ACCEPTED + "90050001000100");
    await client.expect(
      packet("32", hex("over/lap"), "0001", "78") + "40020001" + "40020002" + PINGRESP,
    );
    client.close();
  },
);

testNeeding(
  NEEDED,
  "The broker reads what came before the client closed its half of the socket",
  async () => {
    const subscriber = await Wire.open();
    await subscriber.send(connect("half-s"), subscribe("half", "00"));
    await subscriber.expect(ACCEPTED + "9003000100");
    const client = await Wire.open();
    await client.send(
      connect("half") + packet("30", hex("half"), "31") + packet("30", hex("half"), "32"),
    );
    client.close();
    await subscriber.expect(packet("30", hex("half"), "31") + packet("30", hex("half"), "32"));
    subscriber.close();
  },
);
