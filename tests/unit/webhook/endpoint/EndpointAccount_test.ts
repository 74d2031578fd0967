/** The account of one URL alone: what is counted and said of each way that a delivery can go. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as Runtime from "effect/Runtime";
import { Arrivals } from "../../../../src/webhook/account/Arrivals.ts";
import { Backlog } from "../../../../src/webhook/account/Backlog.ts";
import { ClientShares } from "../../../../src/webhook/account/ClientShares.ts";
import { DeliveryPace } from "../../../../src/webhook/account/DeliveryPace.ts";
import type { EventCounts } from "../../../../src/webhook/account/Metrics.ts";
import { EndpointCounters } from "../../../../src/webhook/account/Metrics.ts";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import { fromStatus } from "../../../../src/webhook/attempt/DeliveryError.ts";
import { BodySlabs } from "../../../../src/webhook/body/BodySlab.ts";
import { EndpointAccount } from "../../../../src/webhook/endpoint/EndpointAccount.ts";
import { DeliveryTap } from "../../../../src/webhook/tap/DeliveryTap.ts";
import { DeadLetters } from "../../../../src/webhook/outbox/DeadLetters.ts";
import { LimitedLog } from "../../../../src/ops/LimitedLog.ts";
import { A } from "../harness.ts";

/** An account, what it counted and kept, and the messages that it logged. */
const accountOf = () => {
  const said: Array<string> = [];
  const logger = Logger.make<unknown, void>(({ message }) =>
    void said.push(String([message].flat()[0]))
  );
  const layer = Logger.replace(Logger.defaultLogger, logger);
  const runtime = Effect.runSync(Effect.provide(Effect.runtime<never>(), layer));
  const clock = Effect.runSync(Effect.clock);
  const backlog = new Backlog(100, 0.5);
  const counters = new EndpointCounters("a");
  const letters = new DeadLetters({ next: () => 1, moved: () => {}, pending: () => {} }, () => 0);
  const tap = new DeliveryTap("test-");
  tap.turnOn(false);
  const account = new EndpointAccount(A, {
    clock,
    now: () => 3000,
    runSync: Runtime.runSync(runtime),
    log: new LimitedLog(runtime, clock),
    backlog,
    arrivals: new Arrivals(100, backlog.relieve),
    shares: new ClientShares(100, 1, () => {}),
    pace: new DeliveryPace(),
    slabs: new BodySlabs(),
    tap,
    disk: undefined,
    letters,
    onShortage: () => {},
    breakerFailures: () => 20,
  }, counters);
  return { account, counters, letters, tap, said };
};

const DELIVERY: Delivery = {
  id: 1,
  event: 0,
  seq: 1,
  born: 1000,
  lane: undefined,
  slab: { bytes: new TextEncoder().encode("{}"), live: 0 },
  offset: 0,
  length: 2,
  retry: undefined,
  dueAt: 0,
  schedule: undefined,
};
const RECORD = { id: 1, event: 0, seq: 1, born: 1000, lane: undefined, body: new Uint8Array(2) };
const LATER = fromStatus(503, undefined, "transient", 0);
const NEVER = fromStatus(404, undefined, "transient", 0);

/** One way that a delivery goes: what is told, and what there is of it afterwards. */
interface Way {
  readonly tell: (account: EndpointAccount) => void;
  readonly counts: Partial<EventCounts>;
  /** What the tap has of it; undefined: nothing. */
  readonly outcome?: string;
  readonly letters?: number;
  readonly said?: ReadonlyArray<string>;
}

const matched = (account: EndpointAccount) => account.matched(DELIVERY);

const attempted = (account: EndpointAccount) => {
  account.matched(DELIVERY);
  account.attemptBegins();
  account.leaves(DELIVERY);
};

const back = (account: EndpointAccount) => {
  attempted(account);
  account.cameBack(DELIVERY);
};

const KEPT = "event given up, kept as a dead letter";

const WAYS: Readonly<Record<string, Way>> = {
  "is turned away": {
    tell: (account) => account.turnedAway(0, "queue_full"),
    counts: { dropped: { queue_full: 1 } },
    said: [KEPT],
  },
  "waits": { tell: matched, counts: { queued: 1 } },
  "is on its way": { tell: attempted, counts: { in_flight: 1 } },
  "came back without an attempt": {
    tell: (account) => {
      back(account);
      account.attemptNotMade();
      account.waitsAgain(DELIVERY);
    },
    counts: { queued: 1 },
  },
  "is delivered": {
    tell: (account) => {
      back(account);
      account.attemptDelivered(3000);
      account.delivered(DELIVERY, 3000, 5);
      account.ended(DELIVERY);
    },
    counts: { delivered: 1 },
    outcome: "delivered",
  },
  "failed, and waits for its next attempt": {
    tell: (account) => {
      back(account);
      account.attemptFailed(LATER);
      account.failedForNow(DELIVERY, LATER, 5);
    },
    counts: { queued: 1 },
    outcome: "retrying",
  },
  "is refused": {
    tell: (account) => {
      back(account);
      account.attemptFailed(NEVER);
      account.refused(DELIVERY, NEVER, 5);
      account.ended(DELIVERY);
    },
    counts: { failed: { status_404: 1 } },
    outcome: "failed",
    letters: 1,
    said: [KEPT],
  },
  "is given up": {
    tell: (account) => {
      matched(account);
      account.givenUp(DELIVERY, "timeout", false);
      account.ended(DELIVERY);
    },
    counts: { failed: { timeout: 1 } },
    outcome: "failed",
    letters: 1,
    said: [KEPT],
  },
  "is dropped": {
    tell: (account) => {
      matched(account);
      account.dropped(DELIVERY, "queue_full");
      account.ended(DELIVERY);
    },
    counts: { dropped: { queue_full: 1 } },
    outcome: "dropped",
    letters: 1,
    said: [KEPT],
  },
  "is dropped by a stop, which is said once for all": {
    tell: (account) => {
      matched(account);
      account.dropped(DELIVERY, "shutdown");
      account.ended(DELIVERY);
    },
    counts: { dropped: { shutdown: 1 } },
    outcome: "dropped",
  },
  "is dropped on disk": {
    tell: (account) => account.droppedOnDisk(RECORD, false, "gone"),
    counts: { dropped: { gone: 1 } },
    outcome: "dropped",
    letters: 1,
    said: [KEPT],
  },
  "is dropped on disk, and was matched before": {
    tell: (account) => {
      matched(account);
      account.droppedOnDisk(RECORD, true, "endpoint_share");
    },
    counts: { dropped: { endpoint_share: 1 } },
    outcome: "dropped",
    letters: 1,
    said: [KEPT],
  },
  "is left on disk by a stop": {
    tell: (account) => {
      matched(account);
      account.abandoned(true);
    },
    counts: { kept: 1 },
  },
};

for (const [way, { tell, counts, outcome, letters = 0, said = [] }] of Object.entries(WAYS)) {
  Deno.test(`EndpointAccount counts, shows, says and keeps one that ${way}`, () => {
    const { account, counters, tap, ...kept } = accountOf();
    tell(account);
    const { total, oldest_ms } = counters.snapshot(3000);
    const none = { delivered: 0, failed: {}, dropped: {}, queued: 0, in_flight: 0, kept: 0 };
    assert.deepEqual(total, { matched: 1, ...none, ...counts });
    const waits = total.queued + total.in_flight > 0;
    assert.equal(account.left, waits ? 1 : 0);
    assert.equal(oldest_ms > 0, waits);
    const shown = tap.find({}, 10).map((slot) => tap.record(slot).outcome);
    assert.deepEqual(shown, outcome === undefined ? [] : [outcome]);
    assert.equal(kept.letters.count, letters);
    assert.deepEqual(kept.said, said);
  });
}
