import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import * as Arbitrary from "effect/Arbitrary";
import * as FastCheck from "effect/FastCheck";
import { HookEvent, hookEventNames, hookEvents } from "../../../src/domain/HookEvent.ts";
import { eventBody, underAction } from "../../../src/webhook/EventBody.ts";
import * as EventEncoder from "../../../src/webhook/EventEncoder.ts";
import { published } from "./harness.ts";

/** The body as the Schema writes it. */
const bySchema = (event: HookEvent, action: string) =>
  JSON.stringify(Schema.encodeSync(eventBody(event._tag))(underAction(event, action)));

for (const name of hookEventNames) {
  Deno.test(`EventEncoder writes ${name} exactly as its Schema does`, () => {
    const events = Arbitrary.make(hookEvents[name] as Schema.Schema<HookEvent>);
    FastCheck.assert(
      FastCheck.property(events, FastCheck.string({ unit: "binary" }), (event, action) => {
        assert.equal(EventEncoder.make(name, action)(event), bySchema(event, action));
      }),
      { numRuns: 200 },
    );
  });
}

const awkward = [
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
  for (const text of awkward) {
    const event = { ...published(text, 1), topic: text } as HookEvent;
    const json = EventEncoder.make("message_publish", text)(event);
    assert.equal(json, bySchema(event, text));
    assert.equal(JSON.parse(json).topic, text);
  }
});

Deno.test("EventEncoder writes payloads of every length as base64 with padding", () => {
  const encode = EventEncoder.make("message_publish", "a");
  for (const length of [0, 1, 2, 3, 255, 65_536, 1_000_003]) {
    const payload = new Uint8Array(length).map((_, i) => i * 31);
    const event = { ...published("c", 1), payload } as HookEvent;
    assert.deepEqual(Uint8Array.fromBase64(JSON.parse(encode(event)).payload), payload);
    assert.equal(JSON.parse(encode(event)).payload.length % 4, 0);
  }
});
