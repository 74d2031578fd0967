import assert from "node:assert/strict";
import { deliveryQuery, shown } from "../../../src/admin/deliveryQuery.ts";
import { DeliveryTap } from "../../../src/webhook/tap/DeliveryTap.ts";

const isPlain = (url: string) => url === "plain";

const ask = (query: string, payloads = false) =>
  deliveryQuery(new URLSearchParams(query), {
    urlOf: (url) => url === "name" ? "http://a.test/" : undefined,
    payloads,
    isPlain,
  });

Deno.test("deliveryQuery takes what chooses among deliveries, and nothing from an empty query", () => {
  assert.deepEqual(ask(""), { filter: {}, limit: undefined, payload: undefined });
  assert.deepEqual(
    ask(
      "event=message_publish&url=name&outcome=failed,dropped&clientid=a&_like_clientid=b&topic=c/%23&limit=7&payload=text",
      true,
    ),
    {
      filter: {
        event: "message_publish",
        url: "http://a.test/",
        outcomes: new Set(["failed", "dropped"]),
        clientid: "a",
        likeClientid: "b",
        topic: "c/#",
      },
      limit: 7,
      payload: { form: "text", isPlain },
    },
  );
});

Deno.test("deliveryQuery says what is wrong, what was expected and what was found", async () => {
  const wrong: ReadonlyArray<readonly [string, number, RegExp]> = [
    ["event=message", 422, /^event: expected one of .*message_publish.*, found "message"$/],
    ["outcome=failed,lost", 422, /^outcome: expected some of delivered, .*found "failed,lost"$/],
    ["limit=0", 422, /^limit: expected a whole number from 1 on, found "0"$/],
    ["topic=a%23", 422, /^topic: expected a topic filter, found "a#"$/],
    ["url=other", 422, /^url: no rule .*"other"$/],
    ["payload=hex", 422, /^payload: expected text or base64, found "hex"$/],
    ["payload=text", 403, /payloads = true/],
  ];
  for (const [query, status, detail] of wrong) {
    const answer = ask(query);
    assert.ok(answer instanceof Response, query);
    assert.equal(answer.status, status, query);
    assert.match((await answer.json()).detail, detail);
  }
});

const VIEW = {
  text: { form: "text", isPlain },
  base64: { form: "base64", isPlain },
} as const;

Deno.test("shown takes a payload that was sent as it is for what it is, and throws at none", () => {
  const tap = new DeliveryTap("");
  tap.turnOn(true);
  const cases: ReadonlyArray<readonly [string, object, string, string]> = [
    ["plain", { payload: "abcd" }, "abcd", btoa("abcd")],
    ["plain", { payload: "…" }, "…", "4oCm"],
    ["plain", { payload: { a: [1] } }, '{"a":[1]}', btoa('{"a":[1]}')],
    ["plain", { payload: "gQ==", payload_encoding: "base64" }, "\ufffd", "gQ=="],
    ["u", { payload: "no base64!" }, "no base64!", btoa("no base64!")],
  ];
  for (const [id, [url, body, text, base64]] of cases.entries()) {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const told = { id, seq: 1, event: 10, slab: { bytes }, offset: 0, length: bytes.length };
    tap.delivered(url, told, id, 1);
    const [slot] = tap.find({}, 1);
    assert.ok(slot);
    assert.equal(shown(tap, slot, VIEW.text).payload, text);
    assert.equal(shown(tap, slot, VIEW.base64).payload, base64);
  }
});

Deno.test("shown has a payload as text or base64, cut to what both can be", () => {
  const tap = new DeliveryTap("");
  tap.turnOn(true);
  const deliver = (id: number, payload: Uint8Array) => {
    const bytes = new TextEncoder().encode(
      JSON.stringify({ topic: "t", payload: payload.toBase64() }),
    );
    tap.delivered(
      "u",
      { id, seq: 1, event: 10, slab: { bytes }, offset: 0, length: bytes.length },
      id,
      undefined,
    );
    const [slot] = tap.find({}, 1);
    assert.ok(slot);
    return slot;
  };
  const small = deliver(1, new TextEncoder().encode("Grüße"));
  assert.partialDeepStrictEqual(shown(tap, small, VIEW.text), {
    payload: "Grüße",
    payload_cut: false,
  });
  assert.partialDeepStrictEqual(shown(tap, small, VIEW.base64), {
    payload: new TextEncoder().encode("Grüße").toBase64(),
  });
  assert.ok(!("payload" in shown(tap, small, undefined)));
  const large = deliver(2, new TextEncoder().encode("ä".repeat(5000)));
  assert.deepEqual(
    [shown(tap, large, VIEW.text).payload, shown(tap, large, VIEW.text).payload_cut],
    ["ä".repeat(384), true],
  );
  const { payload } = shown(tap, large, VIEW.base64);
  assert.equal(Uint8Array.fromBase64(payload ?? "").length, 768);
  const none = new TextEncoder().encode("{}");
  tap.delivered(
    "u",
    { id: 3, seq: 1, event: 0, slab: { bytes: none }, offset: 0, length: 2 },
    3,
    undefined,
  );
  assert.equal(shown(tap, tap.find({}, 1)[0]!, VIEW.text).payload, null); // there are three
});
