import assert from "node:assert/strict";
import { ENOUGH, OutcomeReporter } from "../../../../src/webhook/worker/OutcomeReporter.ts";
import type { FromWorker, WorkerFailure } from "../../../../src/webhook/worker/WorkerProtocol.ts";

const failure: WorkerFailure = {
  _tag: "Failed",
  fault: undefined,
  id: 2,
  reason: "timeout",
  status: undefined,
  detail: "no response after 1 ms",
  retryable: true,
  retryAfter: undefined,
  gone: false,
};

/** A reporter that has taken so many attempts, and its messages. */
const reporterOf = (permits: number, taken: number) => {
  const messages: Array<FromWorker> = [];
  let onMessage = () => {};
  const report = new OutcomeReporter({
    permits,
    send: (message) => {
      messages.push(message);
      onMessage();
    },
  });
  for (let i = 0; i < taken; i++) report.taken();
  return { report, messages, next: () => new Promise<void>((resolve) => onMessage = resolve) };
};

/** Lets what is queued for the end of this turn happen. */
const turnEnds = () => Promise.resolve();

Deno.test("OutcomeReporter tells all that ended in a turn at its end, in their order, while nothing waits", async () => {
  const { report, messages } = reporterOf(8, 10);
  report.delivered(1, 0.5);
  report.told(failure, 8000);
  report.returned(3);
  report.delivered(4, 2, 204);
  assert.equal(messages.length, 0);
  await turnEnds();
  assert.deepEqual(messages, [
    {
      _tag: "Outcomes",
      ended: [1, failure, 4],
      took: Float32Array.of(0.5, 8000, 2),
      statuses: Uint16Array.of(0, 0, 204),
      returned: [3],
    },
  ]);
  report.delivered(5, 1, 200);
  await turnEnds();
  assert.deepEqual(messages[1], {
    _tag: "Outcomes",
    ended: [5],
    took: Float32Array.of(1),
    statuses: Uint16Array.of(200),
    returned: [],
  });
});

Deno.test("OutcomeReporter gathers over several turns while attempts wait", async () => {
  const { report, messages } = reporterOf(8, 1000);
  for (let id = 1; id < ENOUGH; id++) {
    report.delivered(id, 1);
    await turnEnds();
  }
  assert.equal(messages.length, 0);
  report.delivered(ENOUGH, 1);
  await turnEnds();
  assert.equal(messages.length, 1);
  assert.equal(messages[0]!._tag === "Outcomes" && messages[0]!.ended.length, ENOUGH); // there is one
});

Deno.test("OutcomeReporter keeps no more than the attempts that still wait", async () => {
  const { report, messages } = reporterOf(8, 28);
  for (let id = 1; id < 10; id++) {
    report.delivered(id, 1);
    await turnEnds();
  }
  assert.equal(messages.length, 0); // 9 kept, 11 wait
  report.delivered(10, 1);
  await turnEnds();
  assert.equal(messages.length, 1);
});

Deno.test("OutcomeReporter tells the few that end while attempts wait all the same, and once", async () => {
  const { report, messages, next } = reporterOf(8, 1000);
  report.delivered(1, 1);
  await turnEnds();
  report.delivered(2, 1);
  assert.equal(messages.length, 0);
  await next();
  report.delivered(3, 1);
  await next();
  assert.deepEqual(
    messages.map((message) => message._tag === "Outcomes" && message.ended),
    [[1, 2], [3]],
  );
});
