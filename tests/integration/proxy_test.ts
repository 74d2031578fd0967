/** `http_client = "fetch"` behind an HTTP proxy that the environment names, over the real process. */
import assert from "node:assert/strict";
import { about, assertBodies, TIME } from "../support/bodies.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { ForwardProxy } from "../support/ForwardProxy.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import type { Received } from "../support/Receiver.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

for (const workers of [0, 1]) {
  testNeeding(
    NEEDED,
    `http_client = "fetch" delivers through the proxy of HTTP_PROXY to a host that only the proxy knows, ${workers} workers`,
    async () => {
      await using receiver = Receiver.start();
      // No DNS knows a name in .invalid [RFC 2606-2]: without the proxy nothing would arrive.
      await using proxy = await ForwardProxy.listen({ "receiver.invalid": receiver.port });
      const broker = await BrokerProcess.start(
        brokerFiles({
          urls: ["http://receiver.invalid/hook?to=all"],
          webHook: `
            worker_threads = ${workers}
            http_client = "fetch"
            retry_max_elapsed_time = "0s"`,
          rules: "rule.client_connected = [{}]",
        }),
        ["external"],
        // Empty, so that no machine's own setting makes an exception of this host.
        { HTTP_PROXY: proxy.url, NO_PROXY: "" },
      );
      const client = await MqttClient.connect({ port: broker.port(), clientId: "käthe" });
      await client.end();
      const { code, stdout } = await broker.stop(); // delivers what is queued
      assert.equal(code, 0);
      assert.match(stdout, /receiver\.invalid\/hook\S* matched=1 delivered=1 /);
      assert.deepEqual(proxy.requestLines, ["POST http://receiver.invalid/hook?to=all HTTP/1.1"]);
      assert.equal(receiver.requests.length, 1);
      const [{ method, path, headers, body }] = receiver.requests as [Received]; // as many
      assert.equal(`${method} ${path}`, "POST /hook");
      assertBodies([body], [{
        action: "client_connected",
        ...about(client, "käthe"),
        keepalive: 60,
        proto_ver: 4,
        clean_session: true,
        connected_at: TIME,
        session_present: false,
      }]);
      assert.equal(headers.get("host"), "receiver.invalid");
      assert.equal(headers.get("content-type"), "application/json");
      assert.match(headers.get("user-agent") ?? "", /^hookline\//);
      assert.match(headers.get("webhook-id") ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-z]+$/);
      assert.match(headers.get("webhook-timestamp") ?? "", /^\d{10}$/);
      assert.match(headers.get("webhook-seq") ?? "", /^[1-9]\d*$/);
    },
  );
}
