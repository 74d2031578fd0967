/** `compat = "rmqtt-0.24"`: bodies beside those that RMQTT 0.24 was seen to send. */
import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import * as FastCheck from "effect/FastCheck";
import type { HookEvent, HookEventName } from "../../../../src/domain/HookEvent.ts";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import { formatLocalTime, LocalTime } from "../../../../src/domain/RmqttBody.ts";
import { SAMPLE_EVENTS } from "../../../../src/domain/sampleEvents.ts";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import { eventBody } from "../../../../src/webhook/body/EventBody.ts";
import * as EventEncoder from "../../../../src/webhook/body/EventEncoder.ts";
import recorded from "../../../support/rmqtt/bodies.jsonl" with { type: "text" };
import { textOf } from "../bodies.ts";

type Body = Readonly<Record<string, unknown>> & { readonly action: HookEventName };

const BODIES: ReadonlyArray<Body> = recorded.trim().split("\n").map((line) => JSON.parse(line));

const encoded = (event: HookEvent, name: HookEventName = event._tag): string => {
  const encode = EventEncoder.make(name, name, { payload: "base64", compat: "rmqtt-0.24" });
  return textOf(new BodySlabs().write(event, encode));
};

/** The event that the body tells of, by the Schema of such bodies. */
const eventOf = (body: Body): HookEvent => {
  const { action: _tag, ...fields } = Schema.decodeUnknownSync(
    eventBody(body.action, "rmqtt-0.24"),
    { onExcessProperty: "error" },
  )(body);
  return { _tag, ...fields } as unknown as HookEvent; // what that Schema has decoded
};

for (const [i, body] of BODIES.entries()) {
  Deno.test(`EventEncoder writes body ${i + 1} of the record, ${body.action}, key by key and in its order`, () => {
    assert.equal(encoded(eventOf(body)), JSON.stringify(body));
  });
}

Deno.test("The record has each event but message_dropped", () => {
  assert.deepEqual(
    hookEventNames.filter((name) => BODIES.every(({ action }) => action !== name)),
    ["message_dropped"],
  );
});

Deno.test("message_dropped is as message_delivered with its reason, without the recipient where there is none", () => {
  const delivered = BODIES.find(({ action }) => action === "message_delivered");
  assert.ok(delivered !== undefined);
  const event = { ...eventOf(delivered), _tag: "message_dropped", reason: "MessageExpiration" };
  const body = JSON.parse(encoded(event as HookEvent));
  assert.deepEqual(body, {
    ...delivered,
    action: "message_dropped",
    reason: "MessageExpiration",
  });
  assert.deepEqual(Object.keys(body), Object.keys(body).toSorted());
  const { clientid: _, ipaddress: __, node: ___, username: ____, ...nobody } = event as Record<
    string,
    unknown
  >;
  const refused = JSON.parse(encoded(nobody as unknown as HookEvent));
  for (const key of ["clientid", "ipaddress", "node", "username"]) assert.ok(!(key in refused));
});

Deno.test("EventEncoder writes RMQTT's bodies exactly as their Schema does", () => {
  const properties = FastCheck.dictionary(
    FastCheck.string(),
    FastCheck.oneof(FastCheck.string(), FastCheck.array(FastCheck.string())),
  );
  FastCheck.assert(
    FastCheck.property(
      FastCheck.constantFrom(...hookEventNames),
      FastCheck.nat({ max: 65535 }),
      properties,
      FastCheck.nat({ max: 4e12 }),
      (name, packet_id, user_properties, time) => {
        const sample = SAMPLE_EVENTS[name];
        const event = {
          ...sample,
          ...("packet_id" in sample ? { packet_id, from_type: "lastwill" } : {}),
          ...(name === "client_connected" ? { user_properties } : {}),
          time,
        } as unknown as HookEvent; // more than one
        const { _tag, ...fields } = event;
        const body = Schema.encodeSync(eventBody(name, "rmqtt-0.24"))({ action: name, ...fields });
        assert.deepEqual(JSON.parse(encoded(event)), JSON.parse(JSON.stringify(body)));
      },
    ),
  );
});

Deno.test("formatLocalTime writes a moment in the process's time zone, to the millisecond", () => {
  const at = new Date(2026, 10, 7, 1, 2, 3, 4).getTime();
  assert.equal(formatLocalTime(at), "2026-11-07 01:02:03.004");
  assert.equal(Schema.decodeSync(LocalTime)("2026-11-07 01:02:03.004"), at);
});
