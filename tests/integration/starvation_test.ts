/** Clients that are refused, by the hundred: what they cost those who are in, or have a right to be. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { hash } from "../../src/auth/PasswordHash.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** The most that anybody may wait beside them, in milliseconds. */
const BOUND = 2_000;

const connect = async (port: number, clientId: string, username: string, password: string) => {
  const raw = await RawMqtt.open(port);
  await raw.send({
    cmd: "connect",
    clientId,
    username,
    password: Buffer.from(password),
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 0,
  });
  return raw;
};

/**
 * `clients` that log in wrongly, one time after the other with `pause` between two, until `stop` or the
 * broker's end. `refusals` resolves when so many were refused.
 */
const flood = (port: number, clients: number, pause: number, nameOf: (n: number) => string) => {
  let stopped = false;
  let refused = 0;
  let n = 0;
  const awaited = new Map<number, () => void>();
  const one = async () => {
    while (!stopped) {
      const nth = n++;
      const raw = await connect(port, `flood-${nth}`, nameOf(nth), `wrong-${nth}`);
      const connack = await raw.take("connack", 60_000);
      raw.close();
      if (connack === undefined) return;
      awaited.get(++refused)?.();
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  };
  const all = Promise.allSettled(Array.from({ length: clients }, one));
  return {
    refusals: (count: number) => new Promise<void>((resolve) => awaited.set(count, resolve)),
    stop: async () => {
      stopped = true;
      await all;
    },
  };
};

testNeeding(
  NEEDED,
  `A publisher waits ${BOUND} ms at most beside clients that are refused faster than their events are delivered`,
  async () => {
    // Slow: one answer in 20 ms with 8 at a time, so that the refusals would fill the queue in a second.
    const receiver = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        await request.arrayBuffer();
        await new Promise((resolve) => setTimeout(resolve, 160));
        return new Response();
      },
    );
    const broker = await BrokerProcess.start(brokerFiles({
      broker: 'auth.users = [{ username = "u", password = "p" }]',
      listeners: { external: "allow_anonymous = false" },
      urls: [`http://127.0.0.1:${receiver.addr.port}/`],
      webHook: "worker_threads = 0\nqueue_capacity = 400\nconcurrency_limit = 8",
      rules: "rule.message_publish = [{}]\nrule.client_connect = [{}]\nrule.client_connack = [{}]",
    }));
    try {
      const publisher = await connect(broker.port(), "p", "u", "p");
      assert.equal((await publisher.take("connack"))?.returnCode, 0);
      const refused = flood(broker.port(), 20, 0, () => "u");
      await refused.refusals(100); // half of the queue's share, and 4 s of the receiver's work
      let longest = 0;
      for (let messageId = 1; messageId <= 20; messageId++) {
        const began = performance.now();
        await publisher.send({
          cmd: "publish",
          topic: "t",
          payload: "1",
          qos: 1,
          messageId,
          dup: false,
          retain: false,
        });
        assert.ok(await publisher.take("puback", 20_000));
        longest = Math.max(longest, performance.now() - began);
      }
      assert.ok(longest <= BOUND, `${longest} ms`);
      publisher.close();
      await broker.stop("SIGKILL"); // what waits would take it seconds
      await refused.stop();
    } finally {
      await receiver.shutdown();
    }
  },
);

for (
  const [what, nameOf] of [
    ["names that there are not", (n: number) => `nobody-${n}`],
    ["another user's name", () => "other"],
  ] as const
) {
  testNeeding(
    NEEDED,
    `A user with a hashed password comes in for the first time within ${BOUND} ms, beside 150 wrong logins a second with ${what}`,
    async () => {
      const [user, other] = await Promise.all([hash("right"), hash("other's")]);
      const broker = await BrokerProcess.start(brokerFiles({
        broker: `auth.users = [
          { username = "user", password = "${user}" },
          { username = "other", password = "${other}" },
        ]`,
        listeners: { external: "allow_anonymous = false" },
        urls: ["http://127.0.0.1:9/"],
        rules: "rule.message_publish = [{}]",
      }));
      // Each has its answer in a second or more where names are known: as many at once as make 150 a second.
      const wrong = flood(broker.port(), 150, 1_000, nameOf);
      await wrong.refusals(20);
      const began = performance.now();
      const raw = await connect(broker.port(), "mine", "user", "right");
      const connack = await raw.take("connack", 20_000);
      const took = performance.now() - began;
      assert.equal(connack?.returnCode, 0);
      // One check that runs, one of the others', its own: 0.2 s where nothing else takes the processor.
      const check = await timeOf(() => hash("as long as a check"));
      assert.ok(took <= Math.max(BOUND, 5 * check), `${took} ms, a check takes ${check}`);
      raw.close();
      await broker.stop("SIGKILL");
      await wrong.stop();
    },
  );
}
