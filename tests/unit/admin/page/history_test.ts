import assert from "node:assert/strict";
import { History, SECONDS, URL_SECONDS } from "../../../../src/admin/page/history.js";

const counts = (second: number, per: number, started_at = 1) => ({
  at: second * 1000,
  started_at,
  matched: { client: second, session: 0, message: second * per },
  delivered: second * per,
  dropped: 0,
  endpoints: [{ url: "u", delivered: second * per, failures: second * 2 }],
});

Deno.test("History has the rates between two snapshots, however far apart they are", () => {
  const history = new History();
  history.add(counts(0, 10));
  assert.equal(history.now, undefined);
  history.add(counts(2, 10));
  assert.deepEqual(history.now, {
    at: 2000,
    client: 1,
    session: 0,
    message: 10,
    delivered: 10,
    failing: 2,
  });
  assert.deepEqual(history.byUrl.get("u"), [10]);
});

Deno.test("History keeps five minutes, and of each URL one, whatever comes", () => {
  const history = new History();
  for (let second = 0; second < 1000; second++) history.add(counts(second, 1));
  assert.equal(history.rates.length, SECONDS);
  assert.equal(history.rates[0]?.at, (1000 - SECONDS) * 1000);
  assert.equal(history.byUrl.get("u")?.length, URL_SECONDS);
});

Deno.test("History takes counts that begin anew for another process, not for a rate", () => {
  const history = new History();
  history.add(counts(100, 10));
  history.add(counts(101, 10));
  history.add(counts(0, 10, 2));
  assert.equal(history.rates.length, 1);
});
