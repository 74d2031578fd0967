import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import * as Arbitrary from "effect/Arbitrary";
import * as FastCheck from "effect/FastCheck";
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
