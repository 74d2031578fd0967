import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import * as Arbitrary from "effect/Arbitrary";
import * as FastCheck from "effect/FastCheck";
import type { PayloadMode } from "../../../../src/domain/BodyForm.ts";
import { HookEvent, hookEventNames, hookEvents } from "../../../../src/domain/HookEvent.ts";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import { eventBody } from "../../../../src/webhook/body/EventBody.ts";
import { underAction } from "../../../support/underAction.ts";
import * as EventEncoder from "../../../../src/webhook/body/EventEncoder.ts";
import { textOf } from "../bodies.ts";
import { published } from "../harness.ts";

/** The body as the encoder writes it. */
const encoded = (event: HookEvent, action: string) =>
  textOf(new BodySlabs().write(event, EventEncoder.make(event._tag, action)));

/** The body as the Schema writes it. */
const bySchema = (event: HookEvent, action: string) =>
  JSON.stringify(Schema.encodeSync(eventBody(event._tag))(underAction(event, action)));

for (const name of hookEventNames) {
  Deno.test(`EventEncoder writes ${name} exactly as its Schema does`, () => {
    const events = Arbitrary.make(hookEvents[name] as Schema.Schema<HookEvent>);
    FastCheck.assert(
      FastCheck.property(events, FastCheck.string({ unit: "binary" }), (event, action) => {
        assert.equal(encoded(event, action), bySchema(event, action));
      }),
      { numRuns: 200 },
    );
  });
}

const AWKWARD = [
  "",
  '"quoted" \\ back/slash',
  "tab\tline\nnul\u0000bell\u0007del\u007f",
  "Grüße 你好 \u2028\u2029",
  "emoji 😀",
  "lone high \ud800 end",
  "lone low \udc00",
  "\udc00\ud800",
];

Deno.test("EventEncoder writes quotes, control characters and lone surrogates as JSON.stringify does", () => {
  for (const text of AWKWARD) {
    const event = { ...published(text, 1), topic: text } as HookEvent;
    const json = encoded(event, text);
    assert.equal(json, bySchema(event, text));
    assert.equal(JSON.parse(json).topic, text);
  }
});

Deno.test("EventEncoder writes payloads of every length as base64 with padding", () => {
  for (const length of [0, 1, 2, 3, 254, 255, 256, 257, 65_536, 1_000_003]) {
    const payload = new Uint8Array(length).map((_, i) => i * 31);
    const event = { ...published("c", 1), payload } as HookEvent;
    assert.deepEqual(Uint8Array.fromBase64(JSON.parse(encoded(event, "a")).payload), payload);
    assert.equal(JSON.parse(encoded(event, "a")).payload.length % 4, 0);
  }
});

Deno.test("EventEncoder writes bodies on from one slab to the next", () => {
  const slabs = new BodySlabs();
  const encode = EventEncoder.make("message_publish", "a");
  const events = Array.from(
    { length: 2_000 },
    (_, n) => ({ ...published(`c${n}`, n), payload: new Uint8Array(n * 7 % 400) } as HookEvent),
  );
  const bodies = events.map((event) => slabs.write(event, encode));
  assert.ok(new Set(bodies.map(({ slab }) => slab)).size > 5);
  events.forEach((event, n) => assert.equal(textOf(bodies[n]!), bySchema(event, "a"))); // one each
});

/** The body with this payload, by each mode; and what stands in it behind the field before the payload. */
const withPayload = (payload: PayloadMode, bytes: Uint8Array | string) => {
  const event = {
    ...published("c", 1),
    payload: typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes,
  } as HookEvent;
  const encode = EventEncoder.make(event._tag, "a", { payload, compat: "" });
  return textOf(new BodySlabs().write(event, encode));
};
const payloadIn = (body: string): string =>
  /"packet_id":"\d+",?(.*),"ts":/s.exec(body)?.[1] ?? "nothing";

const BINARY = Uint8Array.of(0xff, 0x00, 0x80);

for (
  const [mode, payload, expected] of [
    ["base64", "21.5", '"payload":"MjEuNQ=="'],
    ["text", "21.5", '"payload":"21.5"'],
    ["text", "", '"payload":""'],
    ["text", 'a "b"\n\\é✓\u0000', `"payload":${JSON.stringify('a "b"\n\\é✓\u0000')}`],
    ["text", "\ufeffbom", '"payload":"\ufeffbom"'],
    ["text", BINARY, '"payload":"/wCA","payload_encoding":"base64"'],
    ["json", "", '"payload":""'],
    ["json", " 1.50e3 ", '"payload": 1.50e3 '],
    ["json", "123456789012345678901234567890", '"payload":123456789012345678901234567890'],
    ["json", '{"a":1,"a":2}', '"payload":{"a":1,"a":2}'],
    ["json", '{\r\n  "é": [1,\n2]\n}\n', '"payload":{    "é": [1, 2] } '],
    ["json", '"two\\nlines"', '"payload":"two\\nlines"'],
    ["json", "null", '"payload":null'],
    ["json", "ON", '"payload":"ON"'],
    ["json", '{"a":1}}', '"payload":"{\\"a\\":1}}"'],
    ["json", "{'a':1}", `"payload":"{'a':1}"`],
    ["json", "NaN", '"payload":"NaN"'],
    ["json", BINARY, '"payload":"/wCA","payload_encoding":"base64"'],
    ["json", Uint8Array.of(0x22, 0xff, 0x22), '"payload":"Iv8i","payload_encoding":"base64"'],
    ["none", "21.5", ""],
    ["none", BINARY, ""],
  ] as const
) {
  Deno.test(`EventEncoder writes the payload ${JSON.stringify(payload)} by "${mode}" as ${expected || "nothing"}`, () => {
    const body = withPayload(mode, payload);
    assert.equal(payloadIn(body), expected);
    JSON.parse(body);
    assert.ok(!body.includes("\n"), "a body is one line");
  });
}

Deno.test("EventEncoder writes by any mode a payload that a receiver has back, whatever its bytes and length", () => {
  const bytes = FastCheck.oneof(
    FastCheck.uint8Array({ maxLength: 600, size: "max" }),
    FastCheck.string({ unit: "binary-ascii", maxLength: 600, size: "max" }).map((text) =>
      new TextEncoder().encode(text)
    ),
    FastCheck.string({ unit: "grapheme", maxLength: 300, size: "max" }).map((text) =>
      new TextEncoder().encode(text)
    ),
    FastCheck.json().map((text) => new TextEncoder().encode(text)),
  );
  FastCheck.assert(
    FastCheck.property(
      bytes,
      FastCheck.constantFrom("text" as const, "json" as const),
      (payload, mode) => {
        const body = JSON.parse(withPayload(mode, payload));
        const { payload: told, payload_encoding: encoding } = body;
        const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload);
        if (encoding === "base64") assert.deepEqual(Uint8Array.fromBase64(told), payload);
        else if (typeof told !== "string" || told !== text) {
          assert.deepEqual([mode, told], ["json", JSON.parse(text)]);
        } else assert.equal(told, text);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("EventEncoder writes large payloads by each mode", () => {
  const text = `{"list":[${"1,".repeat(300_000)}"é"]}`;
  assert.equal(JSON.parse(withPayload("text", text)).payload, text);
  assert.deepEqual(JSON.parse(withPayload("json", text)).payload, JSON.parse(text));
  assert.equal(payloadIn(withPayload("json", text)), `"payload":${text}`);
});
