/** The breaker's whole table: each state, each event, the state after it and what is ordered. */
import assert from "node:assert/strict";
import type {
  Breaker,
  BreakerEvent,
  BreakerLabel,
  BreakerOrder,
} from "../../../../src/webhook/endpoint/Breaker.ts";
import {
  CLOSED,
  countsAsFailingFrom,
  failingSince,
  isHealthy,
  step,
} from "../../../../src/webhook/endpoint/Breaker.ts";

/** Opens at the third failure; a probe 100 ms after the first opening, then 200 ms, then 300 ms. */
const rules = {
  failures: 3,
  nextProbe: (schedule: unknown, now: number) => {
    const n = typeof schedule === "number" ? schedule + 1 : 1;
    return { at: now + 100 * n, schedule: n };
  },
};

const ailing: Breaker = { _tag: "Closed", failures: 2, since: 1_000 };
const open: Breaker = { _tag: "Open", since: 1_000, probeAt: 2_100, schedule: 1 };
const probing: Breaker = { _tag: "Probing", since: 1_000, probe: 7, schedule: 1 };
const gone: Breaker = { _tag: "Gone", since: 5_000 };
const paused: Breaker = { _tag: "Paused", since: 6_000 };

const warn: BreakerOrder = { _tag: "Warn" };
const recall: BreakerOrder = { _tag: "Recall" };
const resume: BreakerOrder = { _tag: "Resume" };
const wake = (at: number): BreakerOrder => ({ _tag: "Wake", at });
const say = (label: BreakerLabel): BreakerOrder => ({ _tag: "Announce", label });

const attempt: BreakerEvent = { _tag: "Attempt", id: 7 };
const answer: BreakerEvent = { _tag: "Answer" };
const failure = (id = 7): BreakerEvent => ({ _tag: "Failure", id, at: 2_000, began: 1_500 });
const back = (id = 7): BreakerEvent => ({ _tag: "Return", id, at: 2_000 });
const goes: BreakerEvent = { _tag: "Gone", at: 5_000 };
const reset: BreakerEvent = { _tag: "Reset" };
const pause: BreakerEvent = { _tag: "Pause", at: 6_000 };
const resumes: BreakerEvent = { _tag: "Resume" };

const TABLE: ReadonlyArray<
  readonly [
    what: string,
    state: Breaker,
    event: BreakerEvent,
    after: Breaker,
    orders: ReadonlyArray<BreakerOrder>,
  ]
> = [
  ["healthy, an attempt", CLOSED, attempt, CLOSED, []],
  ["healthy, an answer", CLOSED, answer, CLOSED, []],
  [
    "healthy, a failure: the first in a row began when it was sent",
    CLOSED,
    failure(),
    { _tag: "Closed", failures: 1, since: 1_500 },
    [warn, wake(4_500)],
  ],
  ["healthy, one comes back", CLOSED, back(), CLOSED, []],
  ["healthy, 410", CLOSED, goes, gone, [recall, say("gone")]],
  ["healthy, new settings", CLOSED, reset, CLOSED, [resume]],

  ["ailing, an attempt", ailing, attempt, ailing, []],
  ["ailing, an answer", ailing, answer, CLOSED, [resume]],
  [
    "ailing, the failure that opens it",
    ailing,
    failure(),
    { _tag: "Open", since: 1_000, probeAt: 2_100, schedule: 1 },
    [recall, say("open"), wake(2_100)],
  ],
  ["ailing, one comes back", ailing, back(), ailing, []],
  ["ailing, 410", ailing, goes, gone, [recall, say("gone")]],
  ["ailing, new settings", ailing, reset, CLOSED, [resume]],

  ["open, an attempt is the probe", open, attempt, probing, []],
  ["open, an answer to what was sent before", open, answer, CLOSED, [say("closed"), resume]],
  ["open, a failure of what was sent before", open, failure(3), open, []],
  ["open, one comes back", open, back(3), open, []],
  ["open, 410", open, goes, gone, [recall, say("gone")]],
  ["open, new settings", open, reset, CLOSED, [say("closed"), resume]],

  ["probing, another attempt", probing, { _tag: "Attempt", id: 8 }, probing, []],
  ["probing, an answer", probing, answer, CLOSED, [say("closed"), resume]],
  [
    "probing, the probe fails: the next one later",
    probing,
    failure(),
    { _tag: "Open", since: 1_000, probeAt: 2_200, schedule: 2 },
    [wake(2_200)],
  ],
  ["probing, another one fails", probing, failure(3), probing, []],
  [
    "probing, the probe was not sent: another one at once",
    probing,
    back(),
    { _tag: "Open", since: 1_000, probeAt: 2_000, schedule: 1 },
    [],
  ],
  ["probing, another one comes back", probing, back(3), probing, []],
  ["probing, 410", probing, goes, gone, [recall, say("gone")]],
  ["probing, new settings", probing, reset, CLOSED, [say("closed"), resume]],

  ["gone, an attempt", gone, attempt, gone, []],
  ["gone, an answer changes nothing", gone, answer, gone, []],
  ["gone, a failure", gone, failure(), gone, []],
  ["gone, one comes back", gone, back(), gone, []],
  ["gone, 410 again", gone, goes, gone, []],
  ["gone, new settings", gone, reset, CLOSED, [say("closed"), resume]],

  ["healthy, paused", CLOSED, pause, paused, [recall, say("paused")]],
  ["ailing, paused", ailing, pause, paused, [recall, say("paused")]],
  ["open, paused", open, pause, paused, [recall, say("paused")]],
  ["probing, paused", probing, pause, paused, [recall, say("paused")]],
  ["gone, paused: it stays gone", gone, pause, gone, []],
  ["healthy, resumed", CLOSED, resumes, CLOSED, []],
  ["ailing, resumed", ailing, resumes, ailing, []],
  ["open, resumed", open, resumes, open, []],
  ["probing, resumed", probing, resumes, probing, []],
  ["gone, resumed", gone, resumes, gone, []],

  ["paused, an attempt", paused, attempt, paused, []],
  ["paused, an answer to what was sent before", paused, answer, paused, []],
  ["paused, a failure of what was sent before", paused, failure(), paused, []],
  ["paused, one comes back", paused, back(), paused, []],
  ["paused, 410 to what was sent before", paused, goes, gone, [recall, say("gone")]],
  ["paused, new settings: it stays paused", paused, reset, paused, []],
  ["paused again", paused, { _tag: "Pause", at: 7_000 }, paused, []],
  ["paused, resumed", paused, resumes, CLOSED, [say("closed"), resume]],
];

for (const [what, state, event, after, orders] of TABLE) {
  Deno.test(`Breaker: ${what}`, () => {
    assert.deepEqual(step(state, event, rules), { state: after, orders });
  });
}

Deno.test("Breaker's table has each state with each event", () => {
  const pairs = new Set(TABLE.map(([, state, event]) => `${state._tag} ${event._tag}`));
  assert.equal(pairs.size, 5 * 8);
});

Deno.test("Breaker that opens at the first failure warns, recalls and says so at once", () => {
  assert.deepEqual(step(CLOSED, failure(), { ...rules, failures: 1 }), {
    state: { _tag: "Open", since: 1_500, probeAt: 2_100, schedule: 1 },
    orders: [warn, wake(4_500), recall, say("open"), wake(2_100)],
  });
});

Deno.test("Breaker counts a URL as failing three seconds after its failures began, a gone or paused one at once", () => {
  assert.equal(isHealthy(CLOSED), true);
  assert.equal(isHealthy(ailing), false);
  for (const state of [ailing, open, probing]) {
    assert.equal(failingSince(state), 1_000);
    assert.equal(countsAsFailingFrom(state), 4_000);
  }
  assert.equal(failingSince(CLOSED), Infinity);
  assert.equal(countsAsFailingFrom(CLOSED), Infinity);
  assert.equal(failingSince(gone), Infinity);
  assert.equal(failingSince(paused), 6_000);
  assert.equal(countsAsFailingFrom(paused), -Infinity);
  assert.equal(countsAsFailingFrom(gone), -Infinity);
});
