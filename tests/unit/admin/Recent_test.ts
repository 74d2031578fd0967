import assert from "node:assert/strict";
import { LOOK_EVERY_MS, Recent } from "../../../src/admin/Recent.ts";
import { Metrics } from "../../../src/webhook/account/Metrics.ts";
import { gauges } from "../../support/gauges.ts";

const URL = "http://a.test/";

/** One URL's counters, and how it goes there at this time; looked at as often as it should be. */
const start = () => {
  const metrics = new Metrics(gauges());
  const counters = metrics.endpoint(URL, URL);
  const recent = new Recent();
  let now = 0;
  const look = () => recent.look(metrics.snapshot().endpoints, now);
  const pass = (looks: number) => {
    for (let i = 0; i < looks; i++) {
      now += LOOK_EVERY_MS;
      look();
    }
  };
  const told = () => recent.of(metrics.snapshot().endpoints[0]!, now); // there is one
  look();
  return { counters, pass, told, wait: (ms: number) => void (now += ms) };
};

Deno.test("Recent tells rates of the last ten seconds, and none before there was time", () => {
  const { counters, pass, told, wait } = start();
  counters.delivered[0] = 100;
  assert.deepEqual(told().rate, { delivered: 0, failed: 0 });
  wait(1000);
  assert.deepEqual(told().rate, { delivered: 100, failed: 0 });
  wait(-1000);
  pass(10);
  assert.deepEqual(told().rate, { delivered: 0, failed: 0 });
  counters.delivered[0] += 50;
  counters.failed(0, "status_404");
  counters.dropped(0, "gone");
  pass(1);
  assert.deepEqual(told().rate, { delivered: 10, failed: 0.4 });
});

Deno.test("Recent tells quantiles of the last minute's requests, within their range, and null where there was none", () => {
  const { counters, pass, told } = start();
  assert.deepEqual(told().latency_ms, { p50: null, p99: null });
  for (let i = 0; i < 100; i++) counters.requests.add(i < 98 ? 4 : 60_000);
  const { p50, p99 } = told().latency_ms;
  assert.ok(p50 !== null && p50 > 2.5 && p50 <= 5, `${p50}`);
  assert.equal(p99, 10_000); // the last end: beyond it nothing is known
  pass(13);
  assert.deepEqual(told().latency_ms, { p50: null, p99: null });
});
