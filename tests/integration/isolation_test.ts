/**
 * Three URLs that will never work beside one that does: what they may cost it and the publishers is time
 * on the machine, and nothing else. How little of that, `deno task bench:isolation` measures.
 */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { figuresIn } from "../support/figures.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver, refusingUrl } from "../support/Receiver.ts";

const CAPACITY = 400;

/** So many that what waits for the failing ones would fill the queue ten times over. */
const TOTAL = 1_500;

for (const workers of [0, 3]) {
  testNeeding(
    ["net", "read", "write", "env", "run"],
    `URLs that refuse, hang and fail for ever stop no publisher and cost a healthy URL no event and no order, with worker_threads ${workers}`,
    async () => {
      const receiver = Receiver.start();
      receiver.answer("/hangs", { _tag: "Hang" });
      receiver.answer("/fails", { _tag: "Status", status: 500 });
      const broker = await BrokerProcess.start(brokerFiles({
        urls: [
          receiver.url("/healthy"),
          receiver.url("/hangs"),
          receiver.url("/fails"),
          refusingUrl(),
        ],
        webHook: `
worker_threads = ${workers}
queue_capacity = ${CAPACITY}
endpoint_share = 0.5
concurrency_limit = 16
http_timeout = "1s"
shutdown_timeout = "0s"
ordering = "client"
`,
        rules: "rule.message_publish = [{}]",
      }));
      const publisher = await RawMqtt.open(broker.port());
      await publisher.send({
        cmd: "connect",
        clientId: "publisher",
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: true,
        keepalive: 60,
      });
      assert.ok(await publisher.take("connack"));
      for (let n = 1; n <= TOTAL; n++) {
        await publisher.send({
          cmd: "publish",
          topic: "t",
          payload: "",
          qos: 1,
          messageId: n,
          dup: false,
          retain: false,
        });
      }
      for (let n = 1; n <= TOTAL; n++) {
        assert.equal((await publisher.take("puback"))?.messageId, n);
      }
      const healthy = await receiver.waitFor(({ path }) => path === "/healthy", { count: TOTAL });
      assert.deepEqual(
        healthy.map(({ body }) => Number(body["packet_id"])),
        Array.from({ length: TOTAL }, (_, n) => n + 1),
      );
      broker.signal("SIGUSR2");
      const of = (line: Readonly<Record<string, string>>, name: string) => Number(line[name] ?? 0);
      const [good, ...failing] = figuresIn(
        await broker.logged(/(.* delivery figures .*\n( {4}.*\n)*){4}/),
      );
      assert.equal(of(good!, "delivered") + of(good!, "in_flight"), TOTAL); // four lines
      const waiting = failing.reduce(
        (sum, line) => sum + of(line, "queued") + of(line, "in_flight"),
        0,
      );
      assert.ok(waiting <= CAPACITY / 2, `${waiting} wait for URLs that fail`);
      for (const line of failing) {
        assert.equal(of(line, "delivered"), 0);
        assert.equal(of(line, "matched"), TOTAL);
      }
      assert.ok(failing.some((line) => of(line, "dropped_endpoint_share") > 0));
      publisher.close();
      await broker.stop();
      await receiver.close();
    },
  );
}
