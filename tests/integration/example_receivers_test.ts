/** The receivers of docs/receivers/, each behind a relay that has the real broker repeat and overtake itself. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import type { Language } from "../support/ExampleReceiver.ts";
import { ExampleReceiver, isThere, LANGUAGES } from "../support/ExampleReceiver.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { granted, testNeeding } from "../support/permissions.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

/**
 * Passes requests on. The first one about "twice" is taken by the receiver and refused to the broker, which
 * so repeats it; the presence of "late" is passed on when its absence has been.
 */
const relay = (receiver: ExampleReceiver) => {
  const isLateGone = Promise.withResolvers<void>();
  let isRefused = false;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const text = await request.text();
    const { action, clientid } = JSON.parse(text);
    if (clientid === "late" && action === "client_connected") await isLateGone.promise;
    const { headers } = request;
    const { status } = await fetch(receiver.url, { method: "POST", headers, body: text });
    if (clientid === "late" && action === "client_disconnected") isLateGone.resolve();
    if (clientid === "twice" && !isRefused) {
      isRefused = true;
      return new Response(null, { status: 503 });
    }
    return new Response(null, { status });
  });
};

const newSecret = (): string => `whsec_${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`;

/** One entry of `webhook-signature`. */
const signature = (secret: string, text: string): string => {
  const key = Uint8Array.fromBase64(secret.replace("whsec_", ""));
  return `v1,${createHmac("sha256", key).update(text).digest("base64")}`;
};

const run = async (language: Language): Promise<void> => {
  const [secret, other] = [newSecret(), newSecret()];
  await using receiver = await ExampleReceiver.start(language, secret);
  await using server = relay(receiver);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const files = brokerFiles({
    urls: [url],
    webHook: 'worker_threads = 0\nordering = "none"\nretry_initial_interval = "10ms"',
    rules: ["client_connected", "client_disconnected", "message_publish"]
      .map((name) => `rule.${name} = [{}]`).join("\n") +
      `\n[[endpoint]]\nurl = "${url}"\nsigning_secrets = ["${other}", "${secret}"]`, // being rotated
  });
  const broker = await BrokerProcess.start(files);
  try {
    const port = broker.port();
    const twice = await MqttClient.connect({ port, clientId: "twice" });
    await receiver.said(/^online "twice"$/m);
    await receiver.said(/^repeat client_connected "twice"$/m);
    await twice.publish("t", "21.5 °C", { qos: 1 });
    await receiver.said(/^event message_publish "twice"$/m);
    const late = await MqttClient.connect({ port, clientId: "late" });
    await late.end();
    await receiver.said(/^stale client_connected "late"$/m);
    await twice.end();
    await receiver.said(/^offline "twice"$/m);
  } finally {
    await broker.stop();
  }
  const now = Math.floor(Date.now() / 1000);
  const post = async (
    body: string,
    { by = secret, at = now, ...more }: { by?: string; at?: number; test?: string } = {},
  ): Promise<number> => {
    const headers = {
      "webhook-id": "sent-by-hand",
      "webhook-seq": "1",
      "webhook-timestamp": String(at),
      "webhook-signature": `v1,AAAA ${signature(by, `sent-by-hand.${at}.${body}`)}`,
      ...(more.test === undefined ? {} : { "webhook-test": more.test }),
    };
    const answer = await fetch(receiver.url, { method: "POST", headers, body });
    await answer.body?.cancel();
    return answer.status;
  };
  const body = '{"action":"client_connected","clientid":"sample"}';
  assert.equal(await post(body, { test: "true" }), 204); // of --check --try, which is no event
  assert.equal(await post("{no JSON"), 400);
  assert.equal(await post(body, { by: other }), 401);
  assert.equal(await post(body, { at: now - 400 }), 401);
  assert.equal(await post(body, { at: now + 400 }), 401);
  assert.deepEqual(receiver.lines, [
    'online "twice"',
    'repeat client_connected "twice"',
    'event message_publish "twice"',
    'offline "late"',
    'stale client_connected "late"',
    'offline "twice"',
  ]);
};

for (const language of LANGUAGES) {
  const there = !granted(NEEDED) || await isThere(language);
  if (there) {
    testNeeding(
      NEEDED,
      `docs/receivers/${language.file} tells repeats and stale presence of a real broker, and who is none`,
      () => run(language),
    );
  } else console.log(`left out: docs/receivers/${language.file}, no ${language.name} is here`);
}
