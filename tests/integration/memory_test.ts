/** What one packet can make the process grow by: the bodies that `queue_capacity` allows, and 64 MB. */
import assert from "node:assert/strict";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const MB = 1024 * 1024;
/** In KB, as the queue's places are. */
const CAPACITY = 60_000;
const BOUND = CAPACITY * 1024 + 64 * MB;

const LONG = "x".repeat(60_000);

const connect = (clientId: string, more: object = {}) =>
  ({
    cmd: "connect",
    clientId,
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
    ...more,
  }) as const;

const publish = (topic: string, bytes: number) =>
  ({
    cmd: "publish",
    topic,
    payload: "z".repeat(bytes),
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  }) as const;

/** The body of an UNSUBSCRIBE or SUBSCRIBE of 0.9 MB whose filters are all the same. */
const filters = (count: number, withQos: boolean): Uint8Array => {
  const one = withQos ? [0, 1, 0x61, 0] : [0, 1, 0x61];
  const body = new Uint8Array(2 + count * one.length);
  body[1] = 1; // the packet identifier
  for (let i = 0; i < count; i++) body.set(one, 2 + i * one.length);
  const head = [withQos ? 0x82 : 0xa2];
  for (let left = body.length; left > 0; left >>= 7) {
    head.push((left & 127) | (left > 127 ? 128 : 0));
  }
  return Uint8Array.from([...head, ...body]);
};

// Of absent sessions it is their messages, not how they came: those events would fill the queue before.
const FILTER_EVENTS = ["client_subscribe", "session_subscribed", "client_unsubscribe"];
const MESSAGE_EVENTS = ["message_publish", "offline_message"];

/** Sessions without a client: 500 MB of bodies of a PUBLISH of 1 MB. */
const ABSENT = 400;

type Attack = (open: (connecting: ReturnType<typeof connect>) => Promise<RawMqtt>) => Promise<void>;

/** By what they are; `absent`: the topic to which absent sessions have subscribed before. */
const ATTACKS: ReadonlyArray<{
  readonly what: string;
  readonly absent?: string;
  readonly attack: Attack;
}> = [
  {
    what: "an UNSUBSCRIBE of 300,000 filters by a client with an identifier of 60 KB",
    attack: async (open) => (await open(connect(LONG))).sendBytes(filters(300_000, false)),
  },
  {
    what: "a SUBSCRIBE of 220,000 filters by a client with a user name of 60 KB",
    attack: async (open) => {
      const client = await open(connect("c", { username: LONG, password: "p" }));
      await client.sendBytes(filters(220_000, true));
    },
  },
  {
    what: "a PUBLISH of 1 MB to absent sessions",
    absent: "t",
    attack: async (open) => (await open(connect("p"))).send(publish("t", 1_000_000)),
  },
  {
    what: "a PUBLISH with a topic of 60 KB to absent sessions",
    absent: LONG,
    attack: async (open) => (await open(connect("p"))).send(publish(LONG, 1)),
  },
  {
    what: "a will of 65 KB to absent sessions",
    absent: "t",
    attack: async (open) => {
      const will = { topic: "t", payload: "w".repeat(65_000), qos: 1, retain: false };
      (await open(connect("p", { will }))).close();
    },
  },
];

for (const { what, absent, attack } of ATTACKS) {
  testNeeding(
    NEEDED,
    `Broker grows by no more than its queue and 64 MB through ${what}`,
    async () => {
      const receiver = Receiver.start();
      receiver.answer("/", { _tag: "Hang" });
      const broker = await BrokerProcess.start(brokerFiles({
        urls: [receiver.url("/")],
        webHook: `queue_capacity = ${CAPACITY}\nhttp_timeout = "60s"`,
        rules: (absent === undefined ? FILTER_EVENTS : MESSAGE_EVENTS)
          .map((name) => `rule.${name} = [{}]`).join("\n"),
      }));
      const open = async (connecting: ReturnType<typeof connect>): Promise<RawMqtt> => {
        const client = await RawMqtt.open(broker.port());
        await client.send(connecting);
        assert.equal((await client.take("connack"))?.returnCode, 0);
        return client;
      };
      const pid = Number(/\bstarted\b.*\bpid=(\d+)/.exec(await broker.logged(/\bpid=\d+/))?.[1]);
      const other = await open(connect("other"));
      const ping = async () => {
        await other.send({ cmd: "pingreq" });
        assert.ok(await other.take("pingresp", 20_000), "not served");
      };
      const subscribeAndGo = async (topic: string, n: number) => {
        const away = await open(connect(`away-${n}`, { clean: false }));
        await away.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 1 }] });
        await away.take("suback");
        await away.send({ cmd: "disconnect" });
        await away.closed();
      };
      for (let n = 0; absent !== undefined && n < ABSENT; n += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, i) => subscribeAndGo(absent, n + i)));
      }
      const before = await peakBytes(pid);
      await attack(open);
      // As long as it grows, and a while longer: so many answers to another client.
      for (let quiet = 0, last = 0; quiet < 300; quiet++) {
        await ping();
        if (quiet % 50 !== 0) continue;
        const peak = await peakBytes(pid);
        if (peak > last) quiet = 0;
        last = peak;
      }
      const grown = await peakBytes(pid) - before;
      assert.ok(grown <= BOUND, `${grown / MB} MB of ${BOUND / MB}`);
      await broker.stop("SIGKILL");
      await receiver.close();
    },
  );
}

/** The most memory that a process has ever occupied. */
const peakBytes = async (pid: number): Promise<number> => {
  // Deno itself reads /proc with --allow-all only.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(new TextDecoder().decode(stdout)) ?? [];
  assert.ok(kilobytes !== undefined, `no process ${pid}`);
  return Number(kilobytes) * 1024;
};
