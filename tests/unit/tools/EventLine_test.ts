/** What a person sees of an event, and that a client cannot write to their terminal. */
import assert from "node:assert/strict";
import { eventLine } from "../../../src/tools/EventLine.ts";

const client = { node: 1, ipaddress: "127.0.0.1:51234", clientid: "c1", username: "undefined" };
const from = {
  from_node: 1,
  from_ipaddress: "127.0.0.1:40000",
  from_clientid: "p1",
  from_username: "alice",
};
const message = { dup: false, retain: false, qos: 1, topic: "a/b", packet_id: "7" };
const base64 = (text: string) => new TextEncoder().encode(text).toBase64();

Deno.test("eventLine tells a client event's client and fields, not its times", () => {
  const line = eventLine({
    action: "client_disconnected",
    ...client,
    disconnected_at: 1,
    reason: "Kicked",
  });
  assert.equal(
    line,
    "client_disconnected  c1               ipaddress=127.0.0.1:51234 reason=Kicked",
  );
});

Deno.test("eventLine tells a message's publisher, recipient and payload as text", () => {
  const line = eventLine({
    action: "message_delivered",
    ...from,
    ...client,
    ...message,
    payload: base64("21.5 °C"),
    pts: 1,
    ts: 2,
  });
  assert.equal(
    line,
    "message_delivered    c1               from=p1 from_username=alice " +
      "ipaddress=127.0.0.1:51234 qos=1 topic=a/b " +
      'packet_id=7 payload="21.5 °C"',
  );
});

Deno.test("eventLine names the flags that are set and leaves out the others", () => {
  const line = eventLine({ action: "x", dup: false, retain: true, opts: { qos: 2 } });
  assert.match(line, /- +retain opts=\{"qos":2\}$/);
});

Deno.test("eventLine gives the publisher where a message has no recipient", () => {
  const line = eventLine({ action: "message_publish", ...from, ...message, payload: "" });
  assert.match(line, /^message_publish {6}p1 .* payload=""$/);
});

Deno.test("eventLine gives the size of a payload that is no printable text", () => {
  const binary = Uint8Array.of(0xff, 0xfe).toBase64();
  assert.match(eventLine({ action: "x", payload: binary }), /payload=<2 bytes>$/);
  assert.match(eventLine({ action: "x", payload: base64("\x1b[2J") }), /payload=<4 bytes>$/);
});

Deno.test("eventLine cuts a long payload between characters and tells its size", () => {
  const line = eventLine({ action: "x", payload: base64("😀".repeat(61)) });
  assert.ok(line.endsWith(`payload="${"😀".repeat(60)}"… (244 bytes)`));
});

Deno.test("eventLine shows a payload that is not base64 as it came", () => {
  assert.match(eventLine({ action: "x", payload: "%" }), /payload=%$/);
});

Deno.test("eventLine lets no control or direction character through", () => {
  const line = eventLine({
    action: "client_connect",
    ...client,
    clientid: "\x1b]0;owned\x07\n",
    topic: "a\u202eb",
    "\x1b[0m": { "\u202e": "\x7f" },
  });
  assert.doesNotMatch(line, /\p{C}/u);
  assert.match(line, /"\\u001b\]0;owned\\u0007\\n"/);
  assert.match(line, /topic="a\\u\{202e\}b"/);
});

Deno.test("eventLine gives a line for a body that is no event", () => {
  for (const body of [null, 1, "x", [], undefined]) {
    assert.match(eventLine(body), /^not an event: /);
  }
  assert.equal(eventLine({}).trim(), "-                    -");
});
