/** One message to URLs that want its payload in different ways, over the real process. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const MODES = ["base64", "text", "json", "none"] as const;

/** What `payload` and `payload_encoding` are by each mode. */
const CASES: ReadonlyArray<
  readonly [
    payload: string | Uint8Array,
    by: Readonly<Record<(typeof MODES)[number], readonly [unknown, unknown?]>>,
  ]
> = [
  ['{"t":\n 21.50}', {
    base64: ["eyJ0IjoKIDIxLjUwfQ=="],
    text: ['{"t":\n 21.50}'],
    json: [{ t: 21.5 }],
    none: [undefined],
  }],
  ["on", { base64: ["b24="], text: ["on"], json: ["on"], none: [undefined] }],
  ["", { base64: [""], text: [""], json: [""], none: [undefined] }],
  [Uint8Array.of(0xff), {
    base64: ["/w=="],
    text: ["/w==", "base64"],
    json: ["/w==", "base64"],
    none: [undefined],
  }],
];

testNeeding(
  ["net", "read", "write", "env", "run"],
  "Each URL gets payloads as its [[endpoint]] says, of every message event, and a reload changes it",
  async () => {
    await using receiver = Receiver.start();
    const urls = MODES.map((mode) => receiver.url(`/${mode}`));
    const rules =
      "rule.message_publish = [{}]\nrule.message_delivered = [{}]\nrule.client_connect = [{}]\n";
    const files = (modes: ReadonlyArray<string>) =>
      brokerFiles({
        urls,
        webHook: "worker_threads = 1",
        rules: rules +
          urls.map((url, i) => `[[endpoint]]\nurl = "${url}"\npayload = "${modes[i]}"\n`).join(""),
      });
    const broker = await BrokerProcess.start(files(MODES));
    const mqtt = await MqttClient.connect({ port: broker.port() });
    await mqtt.subscribe("a/#", { qos: 1 });
    for (const [n, [payload, by]] of CASES.entries()) {
      await mqtt.publish(`a/${n}`, payload, { qos: 1 });
      for (const mode of MODES) {
        const told = await receiver.waitFor(
          ({ path, body }) => path === `/${mode}` && body.topic === `a/${n}`,
          { count: 2 },
        );
        const [value, encoding] = by[mode];
        for (const { body } of told) {
          assert.deepEqual([body.payload, body.payload_encoding], [value, encoding]);
          assert.equal("payload" in body, mode !== "none");
        }
      }
    }
    await Deno.writeTextFile(
      `${broker.folder}/web-hook.toml`,
      files(MODES.toReversed()).webHook,
    );
    broker.signal("SIGHUP");
    await broker.logged(/ reloaded file=\S*web-hook\.toml/);
    await mqtt.publish("a/again", "7", { qos: 1 });
    for (
      const [mode, value] of [["base64", undefined], ["text", 7], ["json", "7"], ["none", "Nw=="]]
    ) {
      const [told] = await receiver.waitFor(({ path, body }) =>
        path === `/${mode}` && body.topic === "a/again"
      );
      assert.equal(told?.body.payload, value);
    }
    await mqtt.end();
    assert.equal((await broker.stop()).code, 0);
  },
);
