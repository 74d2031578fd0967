/** Clients that take all descriptors that there are: deliveries go on beside them, to URLs and to files. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";
import { RawMqtt } from "../support/RawMqtt.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

const connectBytes = (clientId: string): Uint8Array => {
  const id = new TextEncoder().encode(clientId);
  const body = [0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, id.length, ...id];
  return Uint8Array.from([0x10, body.length, ...body]);
};

// 400 are found at the start; of 2,500 the last is known when it is gone.
for (
  const [descriptors, told] of [[400, /max_connections is/], [2_500, /all descriptors/]] as const
) {
  testNeeding(
    NEEDED,
    `Clients that take all of ${descriptors} descriptors leave enough for deliveries, and the log says so`,
    async () => {
      const receiver = Receiver.start();
      const folder = await Deno.makeTempDir();
      const file = `file://${folder}/new/events.jsonl`;
      const broker = await BrokerProcess.start(
        brokerFiles({
          urls: [receiver.url("/"), file],
          webHook: 'worker_threads = 2\nretry_max_elapsed_time = "1s"',
          rules: "rule.message_publish = [{}]",
          listeners: { external: "max_handshaking_limit = 0" }, // all come in at once
        }),
        ["external"],
        {},
        descriptors,
      );
      const port = broker.port();
      const publisher = await RawMqtt.open(port);
      await publisher.sendBytes(connectBytes("publisher"));
      assert.equal((await publisher.take("connack"))?.returnCode, 0);
      const clients: Array<Deno.TcpConn> = [];
      for (let n = 0; n < descriptors; n++) {
        const client = await Deno.connect({ hostname: "127.0.0.1", port });
        clients.push(client);
        await client.write(connectBytes(`c${n}`));
      }
      await broker.logged(told);
      for (let messageId = 1; messageId <= 10; messageId++) {
        await publisher.send({
          cmd: "publish",
          topic: "t",
          payload: "1",
          qos: 1,
          messageId,
          dup: false,
          retain: false,
        });
      }
      await receiver.waitFor(() => true, { count: 10 });
      for (const client of clients) client.close();
      publisher.close();
      const { stdout, stderr } = await broker.stop();
      assert.doesNotMatch(stdout + stderr, /given up|panicked|failed=[1-9]/);
      const lines = (await Deno.readTextFile(new URL(file))).trimEnd().split("\n");
      assert.equal(lines.length, 10);
      await Deno.remove(folder, { recursive: true });
      await receiver.close();
    },
  );
}
