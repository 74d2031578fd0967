import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import type { Message } from "../../../../src/mqtt/routing/Message.ts";
import { RetainedMessages } from "../../../../src/mqtt/routing/RetainedMessages.ts";
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
