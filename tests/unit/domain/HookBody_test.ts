import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import * as Arbitrary from "effect/Arbitrary";
import * as FastCheck from "effect/FastCheck";
import { HookBody, hookBodyUnder } from "../../../src/domain/HookBody.ts";
import { HookEvent, hookEventNames } from "../../../src/domain/HookEvent.ts";
import { SAMPLE_EVENTS } from "../../../src/domain/sampleEvents.ts";
import { BodySlabs } from "../../../src/webhook/body/BodySlab.ts";
import * as EventEncoder from "../../../src/webhook/body/EventEncoder.ts";
import { underAction } from "../../support/underAction.ts";
import { textOf } from "../webhook/bodies.ts";

/** The body as deliveries have it, parsed. */
const sent = (event: HookEvent, action: string = event._tag): Record<string, unknown> =>
  JSON.parse(textOf(new BodySlabs().write(event, EventEncoder.make(event._tag, action))));

const decode = Schema.decodeUnknownSync(HookBody);

Deno.test("HookBody decodes each event's body to the event under its action", () => {
  // -0 is a number that no text of it gives back, and no packet identifier.
  const events = Arbitrary.make(HookEvent)
    .filter((event) => !("packet_id" in event && Object.is(event.packet_id, -0)));
  FastCheck.assert(
    FastCheck.property(events, (event) => {
      assert.deepEqual(decode(sent(event)), underAction(event, event._tag));
    }),
    { numRuns: 500 },
  );
});

Deno.test("HookBody is told apart by its action, with the types of that event", () => {
  const body = decode(sent(SAMPLE_EVENTS.message_publish));
  assert.ok(body.action === "message_publish");
  const payload: Uint8Array = body.payload; // what it says here is checked by the compiler
  const packet: number = body.packet_id;
  assert.equal(new TextDecoder().decode(payload), "21.5 °C");
  assert.equal(packet, 7);
});

Deno.test("HookBody lets further keys pass, and refuses what is no body", () => {
  const body = sent(SAMPLE_EVENTS.client_connected);
  assert.deepEqual(decode({ ...body, time: "later" }), decode(body));
  const { clientid: _, ...without } = body;
  for (const wrong of [without, { ...body, action: "online" }, { ...body, node: "1" }, null, []]) {
    assert.throws(() => decode(wrong));
  }
  const publish = sent(SAMPLE_EVENTS.message_publish);
  assert.throws(() => decode({ ...publish, payload: "not base64!" }));
});

Deno.test("hookBodyUnder decodes bodies under the rules' own actions, and no others", () => {
  const decode = Schema.decodeUnknownSync(
    hookBodyUnder({ online: "client_connected", reading: "message_publish" }),
  );
  const online = decode(sent(SAMPLE_EVENTS.client_connected, "online"));
  assert.ok(online.action === "online");
  const since: number = online.connected_at;
  assert.equal(since, SAMPLE_EVENTS.client_connected.connected_at);
  assert.throws(() => decode(sent(SAMPLE_EVENTS.client_connected)));
  assert.throws(() => decode(sent(SAMPLE_EVENTS.client_connected, "reading")));
});

Deno.test("HookBody encodes to the very body that it was decoded from", () => {
  for (const name of hookEventNames) {
    const body = sent(SAMPLE_EVENTS[name]);
    assert.deepEqual(Schema.encodeSync(HookBody)(decode(body)), body);
  }
});
