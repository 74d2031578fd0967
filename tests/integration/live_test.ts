/** Deliveries and the stream of what happens, over the real process. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import type { Exit } from "../support/BrokerProcess.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

interface Live {
  readonly broker: BrokerProcess;
  readonly receiver: Receiver;
  readonly api: string;
  /** Stops the broker, once. */
  readonly stop: () => Promise<Exit>;
}

const withApi = async (test: (of: Live) => Promise<void>, keys = ""): Promise<void> => {
  const receiver = Receiver.start();
  const broker = await BrokerProcess.start(
    brokerFiles({
      broker: `http_api.addr = "127.0.0.1:0"\n${keys}`,
      urls: [receiver.url("/good")],
      rules: 'rule.message_publish = [{ action = "message_publish" }, ' +
        `{ action = "again", topics = ["bad/#"], urls = ["${receiver.url("/bad")}"] }]`,
    }),
    ["http_api", "external"],
  );
  let exit: Promise<Exit> | undefined;
  const stop = () => exit ??= broker.stop();
  try {
    await test({ broker, receiver, api: `http://127.0.0.1:${broker.port("http_api")}`, stop });
  } finally {
    await stop();
    await receiver.close();
  }
};

/** A client that publishes at QoS 1. */
const client = async ({ broker }: Live) => {
  const mqtt = await RawMqtt.open(broker.port(), 4);
  await mqtt.send({ cmd: "connect", clientId: "c", clean: true, keepalive: 0 });
  await mqtt.take("connack");
  let messageId = 0;
  const publish = async (topic: string, payload: string) => {
    messageId++;
    await mqtt.send({
      cmd: "publish",
      topic,
      payload,
      qos: 1,
      messageId,
      dup: false,
      retain: false,
    });
    await mqtt.take("puback");
  };
  return { publish, close: () => mqtt.close() };
};

const json = async (url: string) => {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
};

/** The messages of a stream of this name. */
async function* messages(response: Response, name: string) {
  assert.ok(response.body);
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, of, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (of === name && data !== undefined) yield JSON.parse(data);
    }
  }
}

testNeeding(
  NEEDED,
  "The API shows deliveries as their receivers have them, and those that failed with why",
  () =>
    withApi(async (live) => {
      const { receiver, api } = live;
      receiver.answer("/bad", { _tag: "Status", status: 400 });
      const { publish, close } = await client(live);
      await publish("bad/1", "secret");
      const [good] = await receiver.waitFor((request) => request.path === "/good");
      await receiver.waitFor((request) => request.path === "/bad");
      const deliveries = `${api}/api/v1/deliveries`;
      const byUrl = async (path: string) => {
        // An answer reaches its receiver before the broker.
        for (;;) {
          const { body } = await json(`${deliveries}?url=${receiver.url(path)}`);
          if (body.length > 0) return body;
        }
      };
      const [delivered] = await byUrl("/good");
      assert.partialDeepStrictEqual(delivered, {
        id: good?.headers.get("webhook-id"),
        event: "message_publish",
        clientid: "c",
        topic: "bad/1",
        outcome: "delivered",
        attempts: [{ status: 200, error: null }],
        bytes: good?.text.length,
      });
      const [failed] = await byUrl("/bad");
      assert.partialDeepStrictEqual(failed, {
        action: "again",
        outcome: "failed",
        reason: "status_400",
        attempts: [{ status: 400, error: "answered 400" }],
      });
      assert.ok(!JSON.stringify([delivered, failed]).includes(btoa("secret")));
      assert.equal((await json(`${deliveries}?outcome=failed`)).body.length, 1);
      assert.equal((await json(`${deliveries}?limit=1`)).body.length, 1);
      assert.equal((await json(`${deliveries}?limit=x`)).status, 422);
      assert.equal((await json(`${deliveries}?payload=text`)).status, 403);
      assert.equal((await fetch(deliveries, { method: "DELETE" })).status, 405);
      close();
    }),
);

testNeeding(
  NEEDED,
  "The stream tells how things are, and each delivery with its payload",
  () =>
    withApi(async (live) => {
      const { broker, receiver, api } = live;
      const { publish, close } = await client(live);
      const url = `${api}/api/v1/events/stream?topic=a/%23&payload=text`;
      await (await fetch(url, { method: "HEAD" })).body?.cancel();
      const stream = await fetch(url);
      const snapshots = messages(await fetch(`${api}/api/v1/events/stream`), "snapshot");
      const { value: first } = await snapshots.next();
      assert.partialDeepStrictEqual(first, {
        state: "running",
        clients: 1,
        sessions: 1,
        rules: 2,
        payloads: true,
        pressure: "open",
        listeners: [{ name: "tcp.external", addr: `127.0.0.1:${broker.port()}`, up: true }],
      });
      await publish("b", "other");
      await publish("a/b", "<b>hi</b>");
      const { value } = await messages(stream, "events").next();
      assert.partialDeepStrictEqual(value, {
        omitted: 0,
        events: [{ topic: "a/b", payload: "<b>hi</b>", outcome: "delivered" }],
      });
      assert.equal(value.events.length, 1);
      for await (const { matched, delivered, endpoints } of snapshots) {
        if (delivered < 2) continue;
        assert.equal(matched.message, 2);
        assert.partialDeepStrictEqual(endpoints[0], {
          url: receiver.url("/good"),
          state: "closed",
        });
        break;
      }
      close();
    }, "http_api.payloads = true"),
);

testNeeding(
  NEEDED,
  "page = false leaves out the page and its files",
  () =>
    withApi(async ({ api }) => {
      for (const path of ["/", "/page/main.js"]) assert.equal((await json(api + path)).status, 404);
    }, "http_api.page = false"),
);

testNeeding(
  NEEDED,
  "A stream tells of a stop until the process ends, and ends with it",
  () =>
    withApi(async (live) => {
      const { receiver, api, stop } = live;
      const { publish, close } = await client(live);
      receiver.answer("/good", { _tag: "Hang" });
      const snapshots = messages(await fetch(`${api}/api/v1/events/stream`), "snapshot");
      await publish("a", "");
      await receiver.waitFor((request) => request.path === "/good");
      const stopping = stop();
      let told = 0;
      // It ends as a stream does: one that is cut off by the end of the process would throw.
      for await (const { state, in_flight } of snapshots) {
        if (state !== "stopping" || told++ > 0) continue;
        assert.equal(in_flight, 1);
        receiver.answer("/good", { _tag: "Status", status: 200 });
      }
      assert.ok(told > 0);
      assert.equal((await stopping).code, 0);
      close();
    }),
);
