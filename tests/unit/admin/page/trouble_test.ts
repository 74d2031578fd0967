import assert from "node:assert/strict";
import { stateOf, triedOf, troubles } from "../../../../src/admin/page/trouble.js";

const NOW = Date.UTC(2026, 0, 1, 12, 10);

const ROW = {
  url: "http://a.test/",
  state: "closed",
  since_ms: 0,
  matched: 10,
  delivered: 10,
  failed: {},
  dropped: {},
  queued: 0,
  in_flight: 0,
  attempts: 10,
  oldest_ms: 0,
  latency_ms: { p50: 1, p99: 2 },
  last_success_at: null,
  last_error: null,
};

const WELL = {
  at: NOW,
  state: "running",
  pressure: "open",
  queue: { events: 0, capacity: 100, high_water: 88 },
  disk: null,
  listeners: [{ name: "tcp.external", addr: "0.0.0.0:1883", up: true }],
  queued: 0,
  in_flight: 0,
  endpoints: [ROW],
};

const refused = { at: NOW - 4000, reason: "refused", detail: "connection refused" };

Deno.test("troubles says nothing where all is well", () => {
  assert.deepEqual(troubles(WELL), []);
});

Deno.test("troubles says in words what is wrong", () => {
  const down = {
    ...ROW,
    state: "open",
    since_ms: 60_000,
    queued: 48_211,
    last_error: refused,
  };
  const [first] = troubles({ ...WELL, endpoints: [ROW, down] });
  assert.match(
    first ?? "",
    /^http:\/\/a\.test\/ refuses connections since \d\d:09, 48,211 events wait\.$/,
  );
  const timeout = { ...down, queued: 1, last_error: { ...refused, reason: "timeout" } };
  assert.match(
    troubles({ ...WELL, endpoints: [timeout] })[0] ?? "",
    /in time since .*1 event waits\.$/,
  );
  const said: ReadonlyArray<readonly [object, RegExp]> = [
    [{ endpoints: [{ ...ROW, state: "gone" }] }, /410 Gone/],
    [{ endpoints: [{ ...ROW, state: "paused", queued: 2 }] }, /is paused since .*, 2 events wait/],
    [{ pressure: "full" }, /queue is full/],
    [{ pressure: "high", queue: { events: 90, capacity: 100, high_water: 88 } }, /90 % full/],
    [{ disk: { failing: true, events: 0 } }, /disk takes nothing/],
    [{ listeners: [{ name: "ws.x", addr: "", up: false }] }, /by ws\.x/],
    [{ state: "stopping", queued: 3, in_flight: 1 }, /stopping: it waits for 4 events/],
  ];
  for (const [change, words] of said) {
    const found = troubles({ ...WELL, ...change });
    assert.equal(found.length, 1, String(words));
    assert.match(found[0] ?? "", words);
  }
});

Deno.test("stateOf says how a URL is by what it did of late", () => {
  const words = (change: object) => stateOf({ ...ROW, ...change }, NOW).word;
  assert.equal(words({}), "delivers");
  assert.equal(words({ delivered: 0 }), "ready");
  assert.equal(words({ last_error: refused }), "failing");
  assert.equal(words({ last_error: { ...refused, at: NOW - 60_000 } }), "delivers");
  assert.equal(words({ state: "open", last_error: refused }), "down");
  assert.equal(words({ state: "paused", last_error: refused }), "paused");
});

Deno.test("triedOf says what was tried at a URL that is down", () => {
  const row = { ...ROW, state: "open", attempts: 7, queued: 3, last_error: refused };
  assert.match(
    triedOf(row, NOW),
    /^7 attempts made .* 4 s ago: connection refused\. It has not taken an event .* 3 events wait/,
  );
  assert.match(
    triedOf({ ...row, last_success_at: NOW - 60_000 }, NOW),
    /took an event last 60 s ago/,
  );
});
