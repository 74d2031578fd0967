/** The HTTP API over the real process. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess, taskCommand } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

/** A broker with an API and one receiver, until `test` is done. */
const withApi = async (
  test: (of: {
    readonly broker: BrokerProcess;
    readonly receiver: Receiver;
    readonly api: string;
  }) => Promise<void>,
  { keys = "", webHook }: { readonly keys?: string; readonly webHook?: string } = {},
): Promise<void> => {
  const receiver = Receiver.start();
  const broker = await BrokerProcess.start(
    brokerFiles({
      broker: `http_api.addr = "127.0.0.1:0"\n${keys}`,
      urls: [receiver.url("/")],
      ...(webHook === undefined ? {} : { webHook }),
    }),
    ["http_api", "external"],
    { API_TOKEN: "s3cret" },
  );
  try {
    await test({ broker, receiver, api: `http://127.0.0.1:${broker.port("http_api")}` });
  } finally {
    await broker.stop();
    await receiver.close();
  }
};

const connect = async (broker: BrokerProcess, clientId: string): Promise<RawMqtt> => {
  const mqtt = await RawMqtt.open(broker.port(), 5);
  await mqtt.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clean: true,
    keepalive: 0,
    clientId,
    properties: { sessionExpiryInterval: 3600 },
  });
  assert.equal((await mqtt.take("connack"))?.reasonCode, 0);
  return mqtt;
};

const subscribe = async (mqtt: RawMqtt, topic: string): Promise<void> => {
  await mqtt.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 1 }] });
  await mqtt.take("suback");
};

const json = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, body: await response.json() };
};

const post = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

testNeeding(
  NEEDED,
  "The API shows clients in pages, one by one, and kicks them",
  () =>
    withApi(async ({ broker, receiver, api }) => {
      const clients = [];
      for (const id of ["a", "b", "c/ü"]) clients.push(await connect(broker, id));
      await subscribe(clients[0]!, "t/+"); // three were connected
      const first = await json(`${api}/api/v1/clients?_limit=2`);
      assert.deepEqual(first.body.map((row: { clientid: string }) => row.clientid), ["a", "b"]);
      assert.partialDeepStrictEqual(first.body[0], {
        node_id: 7,
        proto_ver: 5,
        ip_address: "127.0.0.1",
        listener: "tcp.external",
        connected: true,
        expiry_interval: 3600,
        subscriptions_cnt: 1,
        inflight: 0,
        mqueue_len: 0,
      });
      const [, next] = /^<([^>]*)>; rel="next"$/.exec(first.headers.get("link") ?? "") ?? [];
      const second = await json(`${api}${next}`);
      assert.deepEqual(second.body.map((row: { clientid: string }) => row.clientid), ["c/ü"]);
      assert.equal(second.headers.get("link"), null);

      const found = await json(`${api}/api/v1/clients?_like_clientid=%C3%BC&connected=true`);
      assert.equal(found.body.length, 1);
      const one = `${api}/api/v1/clients/${encodeURIComponent("c/ü")}`;
      assert.equal((await json(one)).body.clientid, "c/ü");
      assert.equal((await json(`${one}/online`)).body, true);
      assert.deepEqual((await json(`${api}/api/v1/subscriptions/a`)).body[0].topic, "t/+");
      assert.deepEqual((await json(`${api}/api/v1/subscriptions/nobody`)).body, []);

      assert.equal((await json(one, { method: "DELETE" })).body, true);
      const [gone] = await receiver.waitFor({ action: "client_disconnected", clientid: "c/ü" });
      assert.equal(gone?.body.reason, "ByAdminKick");
      assert.equal((await json(one)).status, 404);
      assert.equal((await json(one, { method: "DELETE" })).status, 404);

      for (const id of [".", "..", "b"]) { // no path ends in the first two
        clients.push(await connect(broker, id));
        const named = `${api}/api/v1/clients?clientid=${id}`;
        assert.equal((await json(named)).body.length, 1);
        assert.equal((await json(named, { method: "DELETE" })).body, true);
        assert.deepEqual((await json(named)).body, []);
        assert.equal((await json(named, { method: "DELETE" })).status, 404);
      }
      assert.equal((await json(`${api}/api/v1/clients`, { method: "DELETE" })).status, 400);
      for (const mqtt of clients) mqtt.close();
    }),
);

testNeeding(
  NEEDED,
  "The API publishes, shows what is retained and forgets it",
  () =>
    withApi(async ({ broker, receiver, api }) => {
      const mqtt = await connect(broker, "a");
      await subscribe(mqtt, "t/#");
      const payload = Buffer.from([0, 1, 255]);
      const published = await json(
        `${api}/api/v1/mqtt/publish`,
        post({
          topics: "t/1, t/2",
          payload: payload.toString("base64"),
          encoding: "base64",
          qos: 1,
          retain: true,
          clientid: "ops",
        }),
      );
      assert.deepEqual([published.status, published.body], [200, "ok"]);
      const message = await mqtt.take("publish");
      assert.deepEqual([message?.topic, message?.qos], ["t/1", 1]);
      assert.deepEqual(Buffer.from(message?.payload ?? ""), payload);
      await receiver.waitFor({ action: "message_publish", topic: "t/2", from_clientid: "ops" });
      const retained = await json(`${api}/api/v1/retains?_limit=1`);
      assert.partialDeepStrictEqual(retained.body, [{ qos: 1, bytes: 3, from_clientid: "ops" }]);
      const [, next] = /^<([^>]*)>/.exec(retained.headers.get("link") ?? "") ?? [];
      assert.equal((await json(`${api}${next}`)).body.length, 1);
      const one = `${api}/api/v1/retains?topic=t/1`;
      assert.equal((await json(one, { method: "DELETE" })).body, true);
      assert.equal((await json(one, { method: "DELETE" })).status, 404);
      for (const topic of ["", "a/#", "$SYS/x"]) {
        const wrong = await json(`${api}/api/v1/mqtt/publish`, post({ topic, payload: "" }));
        assert.equal(wrong.status, 422, topic);
      }
      mqtt.close();
    }),
);

testNeeding(
  NEEDED,
  "The API answers what is wrong with a request by a problem that says so",
  () =>
    withApi(async ({ api }) => {
      const publish = `${api}/api/v1/mqtt/publish`;
      const type = { "content-type": "application/json" };
      const wrong: ReadonlyArray<readonly [number, string, RequestInit?]> = [
        [404, `${api}/api/v1/nothing`],
        [404, `${api}/nothing`],
        [405, publish],
        [405, `${api}/metrics`, { method: "POST" }],
        [405, `${api}/api/v1/clients`, { method: "PUT" }],
        [400, `${api}/api/v1/clients?_limit=x`],
        [400, `${api}/api/v1/clients?_limit=0`],
        [400, `${api}/api/v1/clients?after=x`],
        [400, `${api}/api/v1/clients/%zz`],
        [400, `${api}/api/v1/retains`, { method: "DELETE" }],
        [422, `${api}/api/v1/retains?topic=a%23`],
        [415, publish, { method: "POST", body: "{}" }],
        [413, publish, { method: "POST", headers: type, body: `"${"x".repeat(1024 * 1024)}"` }],
        [400, publish, { method: "POST", headers: type, body: "{" }],
        [422, publish, post({ topic: 5, payload: "" })],
        [422, publish, post({ payload: "" })],
        [422, publish, post({ topic: "t", payload: "?", encoding: "base64" })],
      ];
      for (const [status, url, init] of wrong) {
        const { headers, body, ...answer } = await json(url, init);
        const shown = `${init?.method ?? "GET"} ${url}: ${JSON.stringify(body)}`;
        assert.equal(answer.status, status, shown);
        assert.equal(headers.get("content-type"), "application/problem+json", shown);
        assert.equal(body.status, status, shown);
        assert.ok(body.detail.length > 0 && body.title.length > 0, shown);
        assert.equal(headers.has("allow"), status === 405, shown);
        assert.ok(!("_tag" in body), shown);
      }
      assert.equal((await fetch(`${api}/api/v1/clients`, { method: "HEAD" })).status, 200);
    }),
);

testNeeding(
  NEEDED,
  "Without a token the API is for names of this machine, and writes for its own pages",
  () =>
    withApi(async ({ api }) => {
      const port = Number(new URL(api).port);
      const asked = async (head: string): Promise<string> => {
        const socket = await Deno.connect({ hostname: "127.0.0.1", port });
        await socket.write(new TextEncoder().encode(`${head}\r\nconnection: close\r\n\r\n`));
        const text = await new Response(socket.readable).text();
        return text.slice(9, 12);
      };
      const kick = "DELETE /api/v1/clients/x HTTP/1.1\r\n";
      assert.equal(await asked(`GET /healthz HTTP/1.1\r\nhost: localhost:${port}`), "200");
      assert.equal(await asked(`GET /healthz HTTP/1.1\r\nhost: evil.example:${port}`), "403");
      assert.equal(
        await asked(`${kick}host: localhost:${port}\r\norigin: http://evil.example`),
        "403",
      );
      assert.equal(await asked(`${kick}host: localhost:${port}\r\norigin: null`), "403");
      assert.equal(
        await asked(`${kick}host: localhost:${port}\r\norigin: http://localhost:${port}`),
        "404",
      );
    }),
);

testNeeding(NEEDED, "With a token all but /healthz asks for it", () =>
  withApi(async ({ api }) => {
    const status = async (path: string, authorization?: string) => {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(api + path, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await status("/healthz"), 200);
    for (const path of ["/readyz", "/metrics", "/api/v1/clients", "/docs", "/openapi.json", "/x"]) {
      assert.equal(await status(path), 401, path);
      assert.equal(await status(path, "Bearer s3cre"), 401, path);
      assert.equal(await status(path, "Basic s3cret"), 401, path);
    }
    for (const path of ["/", "/page/main.js"]) assert.equal(await status(path), 200, path);
    assert.equal(await status("/metrics", "Bearer s3cret"), 200);
    assert.equal(await status("/api/v1/clients", "bearer s3cret"), 200);
  }, { keys: 'http_api.token = "env:API_TOKEN"' }));

testNeeding(
  NEEDED,
  "metrics_open lets everybody read the metrics, and nothing else",
  () =>
    withApi(async ({ api }) => {
      for (const [path, status] of [["/metrics", 200], ["/readyz", 401]] as const) {
        const response = await fetch(api + path);
        await response.body?.cancel();
        assert.equal(response.status, status);
      }
    }, { keys: 'http_api.token = "s3cret"\nhttp_api.metrics_open = true' }),
);

testNeeding(
  NEEDED,
  "/readyz says that the broker stops, while it delivers what is left",
  () =>
    withApi(async ({ broker, receiver, api }) => {
      assert.deepEqual((await json(`${api}/readyz`)).body, {
        status: "ok",
        listeners: [{ name: "tcp.external", up: true }],
        workers_lost: 0,
      });
      receiver.answer("/", { _tag: "Hang" });
      const mqtt = await connect(broker, "a");
      const held = receiver.waitFor({ action: "client_connect" });
      await held;
      broker.signal("SIGTERM");
      await broker.logged(/ stopping /);
      const { status, body } = await json(`${api}/readyz`);
      assert.deepEqual([status, body.status], [503, "stopping"]);
      assert.deepEqual(body.listeners, [{ name: "tcp.external", up: false }]);
      assert.equal((await json(`${api}/healthz`)).status, 200);
      assert.equal((await json(`${api}/api/v1/clients`)).status, 503);
      receiver.answer("/", { _tag: "Status", status: 200 });
      mqtt.close();
    }),
);

testNeeding(
  NEEDED,
  "/openapi.json names every route, and /docs needs nobody else",
  () =>
    withApi(async ({ api }) => {
      const { body } = await json(`${api}/openapi.json`);
      assert.equal(body.openapi, "3.1.0");
      for (const path of ["/healthz", "/metrics", "/api/v1/clients", "/api/v1/mqtt/publish"]) {
        assert.ok(path in body.paths, path);
      }
      const { get } = body.paths["/api/v1/clients"];
      const limit = get.parameters.find((parameter: { name: string }) =>
        parameter.name === "_limit"
      );
      assert.equal(limit.schema.type, "integer");
      assert.ok("application/problem+json" in get.responses[400].content);
      assert.ok(!JSON.stringify(body).includes("HttpApiDecodeError"));
      const page = await (await fetch(`${api}/docs`)).text();
      assert.match(page, /swagger-ui/);
      assert.doesNotMatch(page, /<(?:script|link|img)[^>]+(?:src|href)="https?:/);
    }),
);

testNeeding(
  NEEDED,
  "deno task healthcheck exits 0 where a broker lives, and 1 where none does",
  () =>
    withApi(async ({ api }) => {
      assert.equal((await taskCommand("healthcheck", [api]).output()).code, 0);
      for (const wrong of ["http://127.0.0.1:1", `${api.replace("http", "https")}`, "?"]) {
        const { code, stderr } = await taskCommand("healthcheck", [wrong]).output();
        assert.equal(code, 1);
        assert.match(new TextDecoder().decode(stderr), /^no health at /);
      }
    }, { keys: 'http_api.token = "t"' }),
);

testNeeding(
  NEEDED,
  "The API tells the figures of each URL, and which rules an event matches",
  () =>
    withApi(async ({ broker, receiver, api }) => {
      receiver.answer("/", { _tag: "Status", status: 404 });
      const mqtt = await connect(broker, "a");
      await receiver.waitFor({ action: "client_connected" });
      let row;
      do [row] = (await json(`${api}/api/v1/endpoints`)).body; while (row.failed.status_404 !== 4);
      assert.partialDeepStrictEqual(row, {
        url: receiver.url("/"),
        state: "closed",
        matched: 4,
        delivered: 0,
        queued: 0,
        in_flight: 0,
        oldest_ms: 0,
        last_success_at: null,
        last_error: { reason: "status_404", status: 404 },
      });
      assert.ok(row.since_ms >= 0 && row.rate.failed > 0, JSON.stringify(row));
      assert.ok(row.latency_ms.p50 > 0 && row.latency_ms.p99 >= row.latency_ms.p50);
      assert.equal(row.events.client_connected.failed.status_404, 1);
      const explain = `${api}/api/v1/web-hook/explain`;
      assert.deepEqual((await json(explain, post({ event: "client_connected" }))).body, [{
        rule: 0,
        action: "client_connected",
        topics: [],
        urls: [receiver.url("/")],
        matches: true,
        why: "it has no topics: it takes every event",
      }]);
      assert.equal((await json(explain, post({ event: "message_publish" }))).status, 422);
      assert.equal((await json(explain, post({ event: "nothing" }))).status, 422);
      mqtt.close();
    }),
);

testNeeding(
  NEEDED,
  "The API sends a sample to a URL that there is, which counts nowhere, and says what came of it",
  () =>
    withApi(async ({ receiver, api }) => {
      const probe = (body: unknown) => json(`${api}/api/v1/endpoints/probe`, post(body));
      const url = receiver.url("/");
      const taken = await probe({ url, event: "message_publish" });
      assert.equal(taken.status, 200);
      assert.partialDeepStrictEqual(taken.body, { status: 200, error: null });
      assert.ok(Number.isInteger(taken.body.ms));
      const [sample] = await receiver.waitFor({ action: "message_publish" });
      assert.equal(sample?.headers.get("webhook-test"), "true");
      receiver.answer("/", { _tag: "Status", status: 401 });
      const refused = await probe({ url });
      assert.equal(refused.body.status, 401);
      assert.match(refused.body.error, /^answered 401: does it want a header/);
      for (const wrong of [{ url: "http://127.0.0.1:1/" }, {}, { url, event: "nothing" }]) {
        assert.equal((await probe(wrong)).status, 422, JSON.stringify(wrong));
      }
      const [row] = (await json(`${api}/api/v1/endpoints`)).body;
      assert.partialDeepStrictEqual(row, { matched: 0, attempts: 0, last_error: null });
    }),
);

testNeeding(
  NEEDED,
  "The API pauses a URL, whose events wait, and resumes it",
  () =>
    withApi(async ({ broker, receiver, api }) => {
      const url = receiver.url("/");
      const ask = (what: string, body: unknown = { url }) =>
        json(`${api}/api/v1/endpoints/${what}`, post(body));
      assert.deepEqual((await ask("pause")).body, { url, state: "paused" });
      await broker.logged(/ INFO breaker paused url=/);
      const mqtt = await connect(broker, "a");
      let row;
      do [row] = (await json(`${api}/api/v1/endpoints`)).body; while (row.queued !== 4);
      assert.deepEqual([row.state, row.attempts], ["paused", 0]);
      const state = `hookline_endpoint_state{url="${url}",state="paused"}`;
      assert.equal((await scrape(api)).get(state), 1);
      assert.equal(receiver.requests.length, 0);
      assert.deepEqual((await ask("resume")).body, { url, state: "closed" });
      await receiver.waitFor({ clientid: "a" }, { count: 4 });
      assert.equal((await ask("pause", { url: "http://127.0.0.1:1/" })).status, 422);

      receiver.answer("/", { _tag: "Status", status: 410 });
      mqtt.close();
      do [row] = (await json(`${api}/api/v1/endpoints`)).body; while (row.state !== "gone");
      const gone = await ask("pause");
      assert.deepEqual([gone.status, gone.body.title], [409, "Conflict"]);
      assert.equal((await ask("resume")).body.state, "gone");
    }),
);

testNeeding(
  NEEDED,
  "The API lists dead letters, shows one, sends them again and deletes them",
  async () => {
    const folder = await Deno.makeTempDir();
    const webHook = `worker_threads = 1\noutbox = "disk"\noutbox_dir = "${folder}"`;
    await withApi(async ({ broker, receiver, api }) => {
      const url = receiver.url("/");
      const letters = `${api}/api/v1/dead-letters`;
      receiver.answer("/", { _tag: "Status", status: 404 });
      const mqtt = await connect(broker, "a");
      let rows;
      do rows = (await json(letters)).body; while (rows.length < 4);
      assert.partialDeepStrictEqual(rows[0], {
        url,
        event: "client_connect",
        clientid: "a",
        reason: "refused",
        detail: "answered 404",
        replay: false,
      });
      const page = await json(`${letters}?_limit=3&clientid=a`);
      assert.equal(page.body.length, 3);
      const [, next] = /^<([^>]*)>; rel="next"$/.exec(page.headers.get("link") ?? "") ?? [];
      assert.equal((await json(`${api}${next}`)).body.length, 1);
      const connected = (await json(`${letters}?event=client_connected&url=${url}`)).body;
      assert.equal(connected.length, 1);
      const one = await json(`${letters}/${connected[0].id}`);
      assert.partialDeepStrictEqual(one.body.body, { action: "client_connected", clientid: "a" });
      assert.equal((await json(`${letters}/nothing`)).status, 404);
      await json(`${api}/api/v1/mqtt/publish`, post({ topic: "t", payload: "secret" }));
      let published;
      do [published] = (await json(`${letters}?event=message_publish`)).body; while (!published);
      const { body } = (await json(`${letters}/${published.id}`)).body;
      assert.deepEqual([body.topic, body.payload], ["t", undefined]);
      assert.deepEqual((await json(`${letters}?clientid=b`)).body, []);
      assert.equal((await json(`${letters}?since=x`)).status, 400);

      const remove = (query: string) => json(`${letters}${query}`, { method: "DELETE" });
      const replay = (body: unknown) => json(`${letters}/replay`, post(body));
      assert.equal((await remove("")).status, 422);
      assert.equal((await replay({})).status, 422);
      assert.equal((await replay({ all: true, to: "http://127.0.0.1:1/" })).status, 422);
      assert.deepEqual((await remove("?event=client_connack")).body, { purged: 1 });
      receiver.answer("/", { _tag: "Status", status: 200 });
      const before = receiver.requests.length;
      assert.deepEqual((await replay({ event: "client_connected" })).body, { replayed: 1 });
      const again = await receiver.waitFor({ action: "client_connected" }, { count: 2 });
      assert.equal(again[1]?.headers.get("webhook-id"), connected[0].id);
      assert.equal(again[1]?.headers.get("webhook-seq"), again[0]?.headers.get("webhook-seq"));
      assert.equal(receiver.requests.length, before + 1);
      assert.deepEqual((await remove("?all=true")).body, { purged: 3 });
      assert.deepEqual((await json(letters)).body, []);
      mqtt.close();
    }, { webHook });
    await Deno.remove(folder, { recursive: true });
  },
);

testNeeding(
  NEEDED,
  "The API says so where no dead letters are kept",
  () =>
    withApi(async ({ api }) => {
      const letters = `${api}/api/v1/dead-letters`;
      for (
        const [url, init] of [[letters], [`${letters}/x`], [`${letters}?all=true`, {
          method: "DELETE",
        }]] as const
      ) {
        const { status, body } = await json(url, init);
        assert.equal(status, 409);
        assert.match(body.detail, /^no dead letters are kept/);
      }
    }),
);

testNeeding(
  NEEDED,
  "The API shows the settings in force without a secret, reads the files again, and tells what is wrong with them",
  () =>
    withApi(async ({ broker, receiver, api }) => {
      const webHook = async () => (await json(`${api}/api/v1/web-hook`)).body;
      const reload = () => json(`${api}/api/v1/web-hook/reload`, { method: "POST" });
      const file = `${broker.folder}/web-hook.toml`;
      const before = await webHook();
      assert.partialDeepStrictEqual(before, { worker_threads: 1, queue_capacity: 300_000 });
      assert.deepEqual(before.rule.client_connected[0].urls, [receiver.url("/")]);
      const url = receiver.url("/");

      const text = await Deno.readTextFile(file);
      await Deno.writeTextFile(
        file,
        `queue_capacity = 1000\n${text.replace("worker_threads = 1", "worker_threads = 2")}\n` +
          `[[endpoint]]\nurl = "${url}"\nheaders.authorization = "s3cret"\n`,
      );
      const changed = await reload();
      assert.deepEqual([changed.status, changed.body], [200, {
        changed: ["queue_capacity", `endpoint ${url}`],
        at_restart_only: ["worker_threads"],
      }]);
      await broker.logged(/ WARN changes at a restart only: worker_threads\n/);
      await broker.logged(/ reloaded file=\S*web-hook\.toml changed="queue_capacity, endpoint /);
      const after = await webHook();
      assert.partialDeepStrictEqual(after, { worker_threads: 1, queue_capacity: 1000 });
      assert.deepEqual(after.endpoint[0].headers, { authorization: "***" });
      assert.deepEqual((await reload()).body, {
        changed: [],
        at_restart_only: ["worker_threads"],
      });

      await Deno.writeTextFile(file, `queue_capcity = 5\n${text}`);
      const faulty = await reload();
      assert.equal(faulty.status, 422);
      assert.equal(faulty.headers.get("content-type"), "application/problem+json");
      assert.match(faulty.body.detail, /^not reloaded, going on as before: \S*web-hook\.toml$/);
      assert.equal(faulty.body.faults.length, 1);
      assert.partialDeepStrictEqual(faulty.body.faults[0], {
        file,
        line: 1,
        key: "queue_capcity",
        nearest: "queue_capacity",
      });
      assert.deepEqual(await webHook(), after);
      assert.equal((await scrape(api)).get("hookline_config_last_reload_successful"), 0);
      await Deno.writeTextFile(file, text);
      assert.equal((await reload()).status, 200);
      assert.equal((await scrape(api)).get("hookline_config_last_reload_successful"), 1);
    }),
);

/** The samples of a scrape, by name and labels. */
const scrape = async (api: string): Promise<ReadonlyMap<string, number>> => {
  const response = await fetch(`${api}/metrics`);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))] as const;
  }));
};

const total = (samples: ReadonlyMap<string, number>, name: string): number => {
  let sum = 0;
  for (const [key, value] of samples) if (key.startsWith(`hookline_${name}{`)) sum += value;
  return sum;
};

testNeeding(
  NEEDED,
  "/metrics keeps the account of events in each scrape, under load",
  () =>
    withApi(async ({ broker, receiver, api }) => {
      receiver.answer("/", { _tag: "FailEvery", nth: 7, status: 400 });
      const mqtt = await connect(broker, "a");
      const messages = 2000;
      const published = (async () => {
        for (let i = 0; i < messages; i++) {
          await mqtt.send({
            cmd: "publish",
            topic: `t/${i}`,
            payload: "x",
            qos: 0,
            dup: false,
            retain: false,
          });
        }
      })();
      const ended = (samples: ReadonlyMap<string, number>) =>
        ["events_delivered_total", "events_failed_total", "events_dropped_total"]
          .reduce((sum, name) => sum + total(samples, name), 0);
      let scrapes = 0;
      let before = 0;
      for (;;) {
        const samples = await scrape(api);
        const matched = total(samples, "events_matched_total");
        const open = ["events_queued", "events_in_flight", "events_kept"]
          .reduce((sum, name) => sum + total(samples, name), 0);
        assert.equal(matched, ended(samples) + open);
        assert.ok(matched >= before, "a counter never falls");
        before = matched;
        scrapes++;
        if (ended(samples) >= messages) break;
      }
      await published;
      const samples = await scrape(api);
      assert.ok(scrapes > 1);
      assert.equal(samples.get('hookline_mqtt_messages_received_total{qos="0"}'), messages);
      assert.equal(samples.get('hookline_sessions{state="connected"}'), 1);
      assert.ok(total(samples, "events_failed_total") >= messages / 7 - 1);
      assert.ok(total(samples, "mqtt_received_bytes_total") > messages * 5);
      const delivered = total(samples, "events_delivered_total");
      assert.equal(total(samples, "delivery_delay_seconds_count"), delivered);
      assert.equal(
        samples.get(`hookline_attempts_total{url="${receiver.url("/")}",outcome="ok"}`),
        delivered,
      );
      assert.equal(
        total(samples, "request_duration_seconds_count"),
        total(samples, "attempts_total"),
      );
      assert.ok(total(samples, "request_duration_seconds_sum") > 0);
      mqtt.close();
    }),
);
