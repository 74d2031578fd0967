/** Receivers that demand a client's certificate, over both kinds of client and over the real process. */
import assert from "node:assert/strict";
import type { Server, ServerOptions } from "node:https";
import * as Effect from "effect/Effect";
import type { Outcome } from "../../src/webhook/attempt/Attempt.ts";
import * as Senders from "../../src/webhook/attempt/Senders.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess, runBroker } from "../support/BrokerProcess.ts";
import { MqttClient } from "../support/MqttClient.ts";
import {
  CA_CERT,
  LEAF_CERT,
  LEAF_KEY,
  OTHER_NAME,
  SAME_NAMES,
  SELF_SIGNED,
} from "../support/pems.ts";
import { testNeeding } from "../support/permissions.ts";

const LEAF = { cert: LEAF_CERT, key: LEAF_KEY };

/** An HTTPS server that lets in who shows one of `admitted`, and answers 204; each request's client is noted. */
class GuardedReceiver implements AsyncDisposable {
  /** The name of the certificate that each request's client has shown. */
  readonly clients: Array<string> = [];
  readonly #server: Server;
  #arrived: () => void = () => {};

  private constructor(createServer: (options: ServerOptions) => Server, shown: ServerOptions) {
    this.#server = createServer({
      ...shown,
      requestCert: true,
      rejectUnauthorized: true,
      ca: [SELF_SIGNED.cert, OTHER_NAME.cert],
    });
    this.#server.on("request", (request, response) => {
      this.clients.push(nameOf(request.socket));
      request.resume();
      request.on("end", () => {
        response.writeHead(204).end();
        this.#arrived();
      });
    });
  }

  static async listen(shown: ServerOptions = LEAF): Promise<GuardedReceiver> {
    const { createServer } = await import("node:https");
    const receiver = new GuardedReceiver((options) => createServer(options), shown);
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", () => resolve()));
    return receiver;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("it does not listen");
    return address.port;
  }

  /** Resolves when there were so many requests. */
  async requests(count: number): Promise<void> {
    while (this.clients.length < count) {
      await new Promise<void>((resolve) => this.#arrived = resolve);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** Which of the certificates below the client has shown. */
const nameOf = (socket: unknown): string => {
  const { getPeerCertificate } = socket as { getPeerCertificate: () => { raw?: Uint8Array } };
  const raw = getPeerCertificate.call(socket).raw?.toBase64();
  return Object.entries({ SELF_SIGNED, OTHER_NAME }).find(([, { cert }]) =>
    cert.replaceAll("\n", "").includes(`-${raw}-`)
  )?.[0] ?? "nobody's";
};

/** What becomes of two attempts, one after the other. */
const send = (
  kind: "pool" | "fetch",
  port: number,
  certificates: Senders.Certificates,
): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const senders = yield* Senders.make(kind, "test");
    yield* senders.prepare(certificates);
    const send = senders.of(certificates).to({
      url: `https://localhost:${port}/`,
      headers: [],
      signingKeys: [],
      httpTimeout: 5000,
      retryStatus: "transient",
      batchForm: undefined,
      compression: "none",
    });
    const body = { slab: { bytes: new TextEncoder().encode("{}") }, offset: 0, length: 2 };
    const attempt = Effect.async<Outcome>((resume) =>
      send({ id: 1, seq: 0, ...body }, (outcome) => resume(Effect.succeed(outcome)))
    );
    const outcomes = [yield* attempt, yield* attempt];
    return outcomes.map((outcome) =>
      outcome._tag === "Failed" ? `${outcome.error.reason}: ${outcome.error.detail}` : outcome._tag
    );
  })));

for (const kind of ["pool", "fetch"] as const) {
  testNeeding(
    ["net"],
    `A receiver that demands a certificate is shown the one of the URL (${kind})`,
    async () => {
      await using receiver = await GuardedReceiver.listen();
      const certificates = { caCert: CA_CERT, identity: SELF_SIGNED };
      const outcomes = await send(kind, receiver.port, certificates);
      assert.deepEqual(outcomes, ["Delivered", "Delivered"]);
      assert.deepEqual(receiver.clients, ["SELF_SIGNED", "SELF_SIGNED"]);
    },
  );

  testNeeding(
    ["net"],
    `Whoever shows none is let in by no receiver that demands one (${kind})`,
    async () => {
      await using receiver = await GuardedReceiver.listen();
      const outcomes = await send(kind, receiver.port, { caCert: CA_CERT, identity: undefined });
      for (const outcome of outcomes) {
        // What it says may be lost with the connection, which it ends at once.
        assert.match(outcome, /^(tls|network): /);
      }
      assert.deepEqual(receiver.clients, []);
    },
  );

  testNeeding(
    ["net"],
    `A certificate to show loosens nothing of what the receiver's own must be (${kind})`,
    async () => {
      for (
        const [shown, caCert, said] of [
          [LEAF, "", /issuer/i],
          [SELF_SIGNED, "", /self-signed|CaUsedAsEndEntity/],
          [SELF_SIGNED, CA_CERT, /self-signed/],
          [OTHER_NAME, OTHER_NAME.cert, /altnames|NotValidForName/],
        ] as const
      ) {
        await using receiver = await GuardedReceiver.listen(shown);
        const outcomes = await send(kind, receiver.port, { caCert, identity: SELF_SIGNED });
        for (const outcome of outcomes) {
          assert.match(outcome, /^tls: /);
          assert.match(outcome, said);
        }
        assert.deepEqual(receiver.clients, []);
      }
    },
  );

  testNeeding(
    ["net"],
    `A certificate is shown to a receiver whose own one signed itself, too (${kind})`,
    async () => {
      await using receiver = await GuardedReceiver.listen(SELF_SIGNED);
      const certificates = { caCert: SELF_SIGNED.cert, identity: SELF_SIGNED };
      const outcomes = await send(kind, receiver.port, certificates);
      assert.deepEqual(outcomes, ["Delivered", "Delivered"]);
      assert.deepEqual(receiver.clients, ["SELF_SIGNED", "SELF_SIGNED"]);
    },
  );

  for (const workers of [0, 1]) {
    testNeeding(
      ["net", "read", "write", "env", "run"],
      `client_cert is shown to a receiver that demands one, and a reload takes the file's new one (${kind}, ${workers} workers)`,
      async () => {
        await using receiver = await GuardedReceiver.listen();
        const url = `https://localhost:${receiver.port}/`;
        const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
        const write = async (name: string, text: string) => {
          await Deno.writeTextFile(`${folder}/${name}`, text);
          return `${folder}/${name}`;
        };
        const broker = await BrokerProcess.start(brokerFiles({
          urls: [url],
          webHook: `worker_threads = ${workers}\nhttp_client = "${kind}"`,
          rules: `
            rule.message_publish = [{}]
            [[endpoint]]
            url = "${url}"
            ca_file = "${await write("ca.pem", CA_CERT)}"
            client_cert = "${await write("client.pem", SELF_SIGNED.cert + SELF_SIGNED.key)}"
            client_key = "${folder}/client.pem"`,
        }));
        const mqtt = await MqttClient.connect({ port: broker.port() });
        await mqtt.publish("a", "1", { qos: 1 });
        await receiver.requests(1);
        await write("client.pem", OTHER_NAME.cert + OTHER_NAME.key);
        broker.signal("SIGHUP");
        await broker.logged(/ reloaded file=\S*web-hook\.toml/);
        await mqtt.publish("a", "2", { qos: 1 });
        await receiver.requests(2);
        // A key that is another's changes nothing.
        await write("client.pem", OTHER_NAME.cert + SAME_NAMES.key);
        broker.signal("SIGHUP");
        await broker.logged(/client_key: expected the key of a certificate of/);
        await mqtt.publish("a", "3", { qos: 1 });
        await receiver.requests(3);
        assert.deepEqual(receiver.clients, ["SELF_SIGNED", "OTHER_NAME", "OTHER_NAME"]);
        await mqtt.end();
        const { code, stdout, stderr } = await broker.stop();
        assert.equal(code, 0);
        assert.doesNotMatch(stdout + stderr, /PRIVATE KEY|CERTIFICATE-/);
        await Deno.remove(folder, { recursive: true });
      },
    );
  }
}

testNeeding(
  ["net", "read", "write", "env", "run"],
  "--check names the certificate, and --try shows it",
  async () => {
    await using receiver = await GuardedReceiver.listen();
    const folder = await Deno.makeTempDir({ prefix: "hookline-test-" });
    const url = `https://localhost:${receiver.port}/`;
    const tried = async (keys: string) => {
      const files = brokerFiles({
        urls: [url],
        webHook: "",
        rules:
          `rule.client_connect = [{}]\n[[endpoint]]\nurl = "${url}"\nca_file = "${folder}/ca.pem"\n${keys}`,
      });
      await Deno.writeTextFile(`${folder}/broker.toml`, files.broker);
      await Deno.writeTextFile(`${folder}/web-hook.toml`, files.webHook);
      const { stdout } = await runBroker(
        ...["--check", "--try", "--config", `${folder}/broker.toml`],
        ...["--web-hook", `${folder}/web-hook.toml`],
      );
      return stdout;
    };
    await Deno.writeTextFile(`${folder}/ca.pem`, CA_CERT);
    await Deno.writeTextFile(`${folder}/client.pem`, SELF_SIGNED.cert);
    await Deno.writeTextFile(`${folder}/client.key`, SELF_SIGNED.key);
    const shown = await tried(
      `client_cert = "${folder}/client.pem"\nclient_key = "${folder}/client.key"`,
    );
    assert.match(shown, new RegExp(`, shows ${folder}/client\\.pem`));
    assert.match(shown, /answered 204/);
    assert.doesNotMatch(await tried(""), /answered/);
    assert.equal(receiver.clients.length, 1);
    await Deno.remove(folder, { recursive: true });
  },
);
