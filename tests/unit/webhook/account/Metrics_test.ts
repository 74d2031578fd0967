/** How the counters are read. */
import assert from "node:assert/strict";
import { hookEventNames } from "../../../../src/domain/HookEvent.ts";
import { Metrics } from "../../../../src/webhook/account/Metrics.ts";

Deno.test("Metrics.summary says a URL's figures by name, and those of each event that was matched in one field", () => {
  const none = () => 0;
  const metrics = new Metrics({
    backlog: none,
    capacity: none,
    bodyBytes: none,
    slabBytes: none,
    waitingEvents: none,
  });
  const counters = metrics.endpoint("http://user:secret@a.test/hook");
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
    breaker: "closed",
    attempts: 7,
    answer_faults: 3,
    answer_faults_stalled: 2,
    answer_faults_header: 1,
    matched: 22,
    delivered: 2,
    failed: 2,
    failed_refused: 1,
    failed_timeout: 1,
    dropped: 3,
    dropped_endpoint_share: 3,
    queued: 11,
    in_flight: 4,
    message_publish: "21/1/2/3/11/4",
    client_connected: "1/1/0/0/0/0",
  }]);
});
