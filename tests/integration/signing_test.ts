/** Signed deliveries of the real process, judged by the verifier that Standard Webhooks publishes. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { STANDARD_WEBHOOKS } from "../support/packages.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";
import type { Received } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

/** As much of npm standardwebhooks as is used here. */
interface StandardWebhooks {
  readonly Webhook: new (secret: string) => {
    /** Throws where no signature is that of the body, or the timestamp is 5 minutes off. */
    verify(body: string, headers: Readonly<Record<string, string>>): unknown;
  };
}

const isSignedWith = async (secret: string, { text, headers }: Received): Promise<boolean> => {
  const { Webhook }: StandardWebhooks = await import(STANDARD_WEBHOOKS);
  try {
    new Webhook(secret).verify(text, Object.fromEntries(headers));
    return true;
  } catch {
    return false;
  }
};

const secretOf = (bytes: number) =>
  `whsec_${crypto.getRandomValues(new Uint8Array(bytes)).toBase64()}`;

/** Short and long, ASCII and not, of which the last ones are hashed by native code. */
const PAYLOADS = ["", "21.5", "käthe ✓", "x".repeat(55), "y".repeat(3000), "é".repeat(100_000)];

for (const client of ["pool", "fetch"]) {
  for (const workers of [0, 2]) {
    testNeeding(
      NEEDED,
      `Each attempt is signed with each secret, and a reload rotates them (${client}, ${workers} workers)`,
      async () => {
        const [first, second, third, other] = [24, 32, 64, 32].map(secretOf) as [
          string,
          string,
          string,
          string,
        ]; // four
        await using receiver = Receiver.start();
        const url = receiver.url("/signed");
        const plain = receiver.url("/plain");
        const files = (secrets: ReadonlyArray<string>) =>
          brokerFiles({
            urls: [url, plain],
            webHook: `
              worker_threads = ${workers}
              http_client = "${client}"
              retry_initial_interval = "1100ms"
              retry_jitter = 0`,
            rules: `
              rule.message_publish = [{}]
              [[endpoint]]
              url = "${url}"
              signing_secrets = ${JSON.stringify(secrets)}`,
          });
        const broker = await BrokerProcess.start(files([second, "env:FIRST"]), ["external"], {
          FIRST: first,
        });
        const mqtt = await MqttClient.connect({ port: broker.port() });
        for (const payload of PAYLOADS) await mqtt.publish("a/b", payload, { qos: 1 });

        const isFor = (path: string) => (request: Received) => request.path === path;
        const signed = await receiver.waitFor(isFor("/signed"), { count: PAYLOADS.length });
        for (const request of signed) {
          assert.ok(await isSignedWith(second, request));
          assert.ok(await isSignedWith(first, request));
          assert.ok(!await isSignedWith(third, request));
          assert.ok(!await isSignedWith(second, { ...request, text: `${request.text} ` }));
          const [newest] = (request.headers.get("webhook-signature") ?? "").split(" ");
          const headers = new Headers(request.headers);
          headers.set("webhook-signature", newest ?? "");
          assert.ok(await isSignedWith(second, { ...request, headers }), "the newest comes first");
        }
        for (const { headers } of await receiver.waitFor(isFor("/plain"), { count: 6 })) {
          assert.equal(headers.get("webhook-signature"), null);
        }

        // A repeat has its own time and so its own signature, under the same id.
        receiver.answer("/signed", { _tag: "FailFirst", times: 1, status: 503 });
        await mqtt.publish("a/b", "again", { qos: 1 });
        const all = await receiver.waitFor(isFor("/signed"), { count: PAYLOADS.length + 2 });
        const [failed, again] = all.slice(-2) as [Received, Received]; // two more
        assert.equal(failed.text, again.text);
        assert.equal(failed.headers.get("webhook-id"), again.headers.get("webhook-id"));
        for (const name of ["webhook-timestamp", "webhook-signature"]) {
          assert.notEqual(failed.headers.get(name), again.headers.get(name));
        }
        assert.ok(await isSignedWith(second, failed));
        assert.ok(await isSignedWith(second, again));

        await Deno.writeTextFile(`${broker.folder}/web-hook.toml`, files([third, second]).webHook);
        broker.signal("SIGHUP");
        await broker.logged(/ reloaded file=\S*web-hook\.toml/);
        await mqtt.publish("a/b", "rotated", { qos: 1 });
        const [rotated] = (await receiver.waitFor(isFor("/signed"), {
          count: PAYLOADS.length + 3,
        })).slice(-1) as [Received]; // one more
        assert.ok(await isSignedWith(third, rotated));
        assert.ok(await isSignedWith(second, rotated));
        assert.ok(!await isSignedWith(first, rotated));

        // A mistake in a secret changes nothing, and no secret is told.
        await Deno.writeTextFile(
          `${broker.folder}/web-hook.toml`,
          files([third, `${other}*`]).webHook,
        );
        broker.signal("SIGHUP");
        await broker.logged(/signing_secrets\[1\]: expected "whsec_" and base64/);
        await mqtt.end();
        const { code, stdout, stderr } = await broker.stop();
        assert.equal(code, 0);
        for (const secret of [first, second, third, other]) {
          assert.ok(!(stdout + stderr).includes(secret.slice("whsec_".length)));
        }
      },
    );
  }
}
