import assert from "node:assert/strict";
import * as Arbitrary from "effect/Arbitrary";
import * as FastCheck from "effect/FastCheck";
import type { HookEvent } from "../../../../src/domain/HookEvent.ts";
import { hookEvents } from "../../../../src/domain/HookEvent.ts";
import { BodySlabs, bytesOf } from "../../../../src/webhook/body/BodySlab.ts";
import * as EventEncoder from "../../../../src/webhook/body/EventEncoder.ts";
import { CUT, textsOf, wantedTexts } from "../../../../src/webhook/tap/textsOf.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const cut = (text: string, most: number) => {
  const units = [...text];
  return units.length <= most ? text : units.slice(0, most).join("") + CUT;
};

Deno.test("textsOf finds what JSON.parse finds, in every event that the encoder writes", () => {
  const most = { action: 1e6, clientid: 1e6, from_clientid: 1e6, topic: 1e6, payload: 1e6 };
  const slabs = new BodySlabs();
  for (const schema of Object.values(hookEvents)) {
    // A union of 15 structs, each correct by itself.
    const events = Arbitrary.make(schema as never) as FastCheck.Arbitrary<HookEvent>;
    FastCheck.assert(
      FastCheck.property(events, (event) => {
        const body = bytesOf(slabs.write(event, EventEncoder.make(event._tag, 'an "action"')));
        const parsed = JSON.parse(new TextDecoder().decode(body));
        const expected = Object.fromEntries(
          Object.keys(most).filter((key) => key in parsed).map((key) => [key, parsed[key]]),
        );
        assert.deepEqual({ ...textsOf(body, wantedTexts(most)) }, expected);
      }),
      { numRuns: 20 },
    );
  }
});

Deno.test("textsOf cuts texts to whole characters", () => {
  FastCheck.assert(
    FastCheck.property(
      FastCheck.array(FastCheck.constantFrom(...'ab"\\\n\0äß你\u2028😀'), { maxLength: 20 }),
      FastCheck.nat({ max: 20 }),
      (characters, most) => {
        const text = characters.join("");
        assert.equal(textsOf(bytes({ text }), wantedTexts({ text: most })).text, cut(text, most));
      },
    ),
  );
});

Deno.test("textsOf takes no key of a nested object, and any value as it is written", () => {
  const body = {
    payload: { topic: 'x"}', deep: [1, { clientid: "evil" }] },
    user: [["topic", "y"]],
    flag: true,
    packet_id: null,
    topic: "t",
  };
  assert.deepEqual(
    {
      ...textsOf(
        bytes(body),
        wantedTexts({ topic: 9, clientid: 9, payload: 99, packet_id: 9, flag: 9 }),
      ),
    },
    { payload: JSON.stringify(body.payload), flag: "true", packet_id: "null", topic: "t" },
  );
});
