import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import type { Message } from "../../../../src/mqtt/routing/Message.ts";
import { RetainedMessages } from "../../../../src/mqtt/routing/RetainedMessages.ts";
import { memoryInUse } from "../../../support/heap.ts";
import { filter, message, naiveMatches, topic } from "./subscriptions.ts";

const found = (retained: RetainedMessages, filter: string): ReadonlyArray<string> =>
  take(retained.walk(filter)).map(({ topic }) => topic).sort();

/** All messages of a walk; a step that finds none gives undefined. */
const take = (walk: ReturnType<RetainedMessages["walk"]>): ReadonlyArray<Message> => {
  const messages: Array<Message> = [];
  for (;;) {
    const { value, done } = walk.next();
    if (done) return messages;
    if (value !== undefined) messages.push(value);
  }
};

const step = fc.record({ topic, payload: fc.string({ maxLength: 2 }), remove: fc.boolean() });

Deno.test("RetainedMessages finds what a naive matcher finds, whatever was set, replaced and deleted", () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30 }),
      fc.array(filter, { maxLength: 10 }),
      (steps, filters) => {
        const retained = new RetainedMessages();
        const model = new Map<string, string>();
        for (const { topic, payload, remove } of steps) {
          if (remove) {
            retained.delete(topic);
            model.delete(topic);
          } else {
            retained.set(message(topic, payload));
            model.set(topic, payload);
          }
        }
        assert.equal(retained.size, model.size);
        for (const [topic, payload] of model) {
          assert.equal(new TextDecoder().decode(retained.get(topic)?.payload), payload);
        }
        for (const filter of filters) {
          const topics = found(retained, filter);
          const expected = [...model.keys()].filter((topic) => naiveMatches(filter, topic)).sort();
          assert.deepEqual(topics, expected, filter);
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("RetainedMessages keeps one message per topic, the last", () => {
  const retained = new RetainedMessages();
  retained.set(message("a/b", "old"));
  const last = message("a/b", "new");
  retained.set(last);
  assert.equal(retained.size, 1);
  assert.deepEqual(take(retained.walk("a/+")), [last]);
});

Deno.test("RetainedMessages forgets a topic and leaves those above and below it", () => {
  const retained = new RetainedMessages();
  for (const topic of ["a", "a/b", "a/b/c"]) retained.set(message(topic));
  retained.delete("a/b");
  retained.delete("a/b");
  retained.delete("x");
  retained.delete("a/b/c/d");
  assert.deepEqual(found(retained, "#"), ["a", "a/b/c"]);
  assert.equal(retained.get("a/b"), undefined);
  assert.equal(retained.size, 2);
});

Deno.test("RetainedMessages finds topics of 30,000 levels without running out of stack", () => {
  const retained = new RetainedMessages();
  const deep = Array.from({ length: 30_000 }, () => "a").join("/");
  retained.set(message(deep));
  assert.equal(found(retained, "#").length, 1);
  assert.equal(found(retained, deep).length, 1);
  retained.delete(deep);
  assert.equal(found(retained, "#").length, 0);
});

Deno.test("RetainedMessages' walk goes on well while messages come and go", () => {
  const retained = new RetainedMessages();
  for (const topic of ["a/1", "a/2", "a/3", "a/4"]) retained.set(message(topic, "old"));
  const walk = retained.walk("a/+");
  let first: Message | undefined;
  while (first === undefined) first = walk.next().value ?? undefined;
  retained.delete("a/2");
  retained.set(message("a/3", "new"));
  retained.set(message("a/5", "new"));
  // What is stored after the walk began is not found: its subscriber gets it as it is published.
  assert.deepEqual([first, ...take(walk)].map(({ topic }) => topic).sort(), ["a/1", "a/4"]);
});

const walkStep = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ _tag: "next" as const }) },
  fc.record({ _tag: fc.constantFrom("set" as const, "delete" as const), topic }),
);

Deno.test("RetainedMessages' walk finds each message that was there all the time, once, and none that came later", () => {
  fc.assert(
    fc.property(
      fc.array(topic, { maxLength: 20 }),
      filter,
      fc.array(walkStep, { maxLength: 40 }),
      (topics, filter, steps) => {
        const retained = new RetainedMessages();
        const before = new Map(topics.map((topic) => [topic, message(topic, "before")]));
        for (const message of before.values()) retained.set(message);
        const walk = retained.walk(filter);
        const found: Array<Message> = [];
        /** Messages that were deleted or replaced before the walk ended: they may be found, or not. */
        const gone = new Set<Message | undefined>();
        for (const step of steps) {
          if (step._tag === "next") {
            const { value } = walk.next();
            if (value !== undefined) found.push(value);
            continue;
          }
          gone.add(before.get(step.topic));
          if (step._tag === "delete") retained.delete(step.topic);
          else retained.set(message(step.topic, "later"));
        }
        found.push(...take(walk));
        assert.equal(new Set(found).size, found.length);
        for (const message of found) assert.equal(message, before.get(message.topic));
        const expected = [...before.values()].filter((message) =>
          naiveMatches(filter, message.topic) && !gone.has(message)
        );
        assert.deepEqual(new Set(found.filter((message) => !gone.has(message))), new Set(expected));
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("RetainedMessages keeps topics of 64,000 levels for less than twice their text, whatever came and went", () => {
  const retained = new RetainedMessages();
  retained.set(message("warm/up"));
  const before = memoryInUse();
  for (let i = 0; i < 20; i++) {
    retained.set(message(`${i}-${"/".repeat(64_000)}`));
    retained.set(message(`${i}-${"/".repeat(32_000)}x`));
    retained.delete(`${i}-${"/".repeat(32_000)}x`);
  }
  const text = 20 * 64_000;
  assert.ok(memoryInUse() - before < 2 * text, `${memoryInUse() - before} bytes of ${text}`);
  assert.equal(retained.size, 21);
});

Deno.test("RetainedMessages keeps nothing of a long topic when only a short one is left beside it", () => {
  const retained = new RetainedMessages();
  const before = memoryInUse();
  for (let i = 0; i < 100; i++) {
    const short = `a-level-with-a-name-of-its-own-${i}`;
    const long = `${short}/${i}${"/".repeat(64_000)}`;
    retained.set(message(long));
    retained.set(message(short));
    retained.delete(long);
  }
  assert.ok(memoryInUse() - before < 500_000, `${memoryInUse() - before} bytes`);
  assert.equal(retained.size, 100);
});
