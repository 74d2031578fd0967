/** MQTT 5.0 sections 4.7 and 4.8.2: filters that are not well formed. */
import assert from "node:assert/strict";
import { ProtocolBench } from "../support/ProtocolBench.ts";
import { packet, string } from "../support/rawFrames.ts";

for (
  const [filter, reasonCode, what] of [
    ["a/#/b", 0x81, "misplaced wildcard in a topic filter"],
    ["#/", 0x81, "misplaced wildcard in a topic filter"],
    ["a#", 0x81, "misplaced wildcard in a topic filter"],
    ["a+", 0x81, "misplaced wildcard in a topic filter"],
    ["+a/b", 0x81, "misplaced wildcard in a topic filter"],
    ["a/++", 0x81, "misplaced wildcard in a topic filter"],
    ["$share/g/a+", 0x81, "misplaced wildcard in a topic filter"],
    ["$share/g+/a", 0x81, "wildcard in a share name"],
    ["$share/#/a", 0x81, "wildcard in a share name"],
    ["a\0", 0x81, "topic filter has a U+0000"],
    ["$share//a", 0x82, "share name is missing"],
    ["$share/", 0x82, "share name is missing"],
    ["$share/g", 0x82, "topic filter is missing behind a share name"],
    ["$share/g/", 0x82, "topic filter is missing behind a share name"],
    ["", 0x82, "empty topic filter"],
  ] as const
) {
  for (
    const [name, head, options] of [["SUBSCRIBE", 0x82, [0]], ["UNSUBSCRIBE", 0xa2, []]] as const
  ) {
    Deno.test(`${name} with the filter ${JSON.stringify(filter)} ends a 5.0 connection, and nothing of it is done`, () => {
      const bench = new ProtocolBench();
      const client = bench.connect(5, "a");
      client.raw(
        ...packet(head, 0, 1, 0, ...string("good"), ...options, ...string(filter), ...options),
      );
      assert.equal(client.take("disconnect").reasonCode, reasonCode);
      assert.deepEqual(bench.hooks.all("client_disconnected").map((e) => e.reason), [
        `ProtocolError(${what})`,
      ]);
      assert.deepEqual(bench.hooks.all("client_subscribe"), []);
      assert.deepEqual(bench.hooks.all("client_unsubscribe"), []);
    });
  }
}
