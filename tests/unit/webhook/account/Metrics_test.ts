/** How the counters are read. */
import assert from "node:assert/strict";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import { Metrics } from "../../../../src/webhook/account/Metrics.ts";
import { gauges } from "../../../support/gauges.ts";

Deno.test("Metrics.summary says a URL's figures by name, its account first, and of each event that was matched what is not zero", () => {
  const metrics = new Metrics(gauges());
  const counters = metrics.endpoint("http://user:secret@a.test/hook", "http://a.test/hook");
  const publish = hookEventNames.indexOf("message_publish");
  const connected = hookEventNames.indexOf("client_connected");
  counters.matched[publish] = 21;
  counters.delivered[publish] = 1;
  counters.failed(publish, "refused");
  counters.failed(publish, "timeout");
  for (let n = 0; n < 3; n++) counters.dropped(publish, "endpoint_share");
  counters.queued[publish] = 11;
  counters.inFlight[publish] = 4;
  counters.matched[connected] = 1;
  counters.delivered[connected] = 1;
  counters.attempts = 7;
  assert.equal(counters.answerFault("stalled"), 1);
  assert.equal(counters.answerFault("header"), 1);
  assert.equal(counters.answerFault("stalled"), 2);
  assert.deepEqual(metrics.summary(), [{
    url: "http://a.test/hook",
    matched: 22,
    delivered: 2,
    failed: 2,
    dropped: 3,
    queued: 11,
    in_flight: 4,
    failed_refused: 1,
    failed_timeout: 1,
    dropped_endpoint_share: 3,
    attempts: 7,
    answer_faults: 3,
    answer_faults_stalled: 2,
    answer_faults_header: 1,
    breaker: "closed",
    events: [
      "client_connected: matched=1 delivered=1",
      "message_publish: matched=21 delivered=1 failed_refused=1 failed_timeout=1 " +
      "dropped_endpoint_share=3 queued=11 in_flight=4",
    ],
  }]);
});

Deno.test("Metrics counts a URL on under another name, and a name is one URL's alone", () => {
  const metrics = new Metrics(gauges());
  const names = () => metrics.snapshot().endpoints.map(({ url, total }) => [url, total.matched]);
  const a = metrics.endpoint("http://a/1", "hass");
  a.matched[0] = 1;
  assert.equal(metrics.endpoint("http://a/1", "hass"), a);
  // The URL behind the name was changed: what drains there is told apart.
  metrics.endpoint("http://a/2", "hass").matched[0] = 2;
  assert.deepEqual(names(), [["hass (former)", 1], ["hass", 2]]);
  metrics.endpoint("http://a/3", "hass");
  assert.deepEqual(names(), [["hass (former)", 1], ["hass (former 2)", 2], ["hass", 0]]);
  assert.equal(metrics.endpoint("http://a/1", "hass"), a);
  assert.deepEqual(new Set(names().map(([name]) => name)).size, 3);
  assert.deepEqual(names()[0], ["hass", 1]);
});
