/**
 * Dead letters that wait again, the oldest first: once their URL works, what was given up because it failed as a
 * whole, and at any time what somebody has marked. What the receiver refused is among these only.
 */
import * as Effect from "effect/Effect";
import * as LogLevel from "effect/LogLevel";
import { displayUrl } from "../../domain/displayUrl.ts";
import type { Durable } from "../../store/Durable.ts";
import type { CommitError } from "../../store/StoreError.ts";
import type { LimitedLog } from "../../ops/LimitedLog.ts";
import type { Endpoints } from "../endpoint/Endpoints.ts";
import type { LetterReason } from "../outbox/DeadLetters.ts";
import type { Outbox } from "../outbox/Outbox.ts";

/** Of what was given up because its URL failed as a whole. */
export const FAILED_AS_A_WHOLE: ReadonlyArray<LetterReason> = ["url_failed", "endpoint_share"];

/** Bytes of records that are moved at a time, and milliseconds that others have the disk in between. */
const STEP_BYTES = 1024 * 1024;
const REST_MS = 20;

/** A record has 32 bytes or more, and a group one record. */
const MOST_ROWS = STEP_BYTES / 32 + 1;

/** While the disk is full, letters stay where they are. */
const FULL_REST_MS = 1000;

/**
 * Moves all there are of one URL that have one of these reasons, or that somebody has marked; returns how many
 * deliveries wait again.
 */
const replay = (
  url: string,
  reasons: ReadonlyArray<LetterReason>,
  { store, windows }: Durable,
  outbox: Outbox,
  endpoints: Endpoints,
): Effect.Effect<number, CommitError> =>
  Effect.gen(function* () {
    yield* windows.flush; // the last of them may still be on their way
    for (let all = 0;;) {
      while (outbox.use.isFull) yield* Effect.sleep(FULL_REST_MS);
      const first = outbox.reserveRows(MOST_ROWS);
      const { groups, n, bytes } = yield* store.replay(url, reasons, first, STEP_BYTES);
      if (groups === 0) return all;
      all += n;
      outbox.found(first, first + groups - 1);
      outbox.use.add(url, groups, bytes);
      outbox.use.addEvents(n);
      endpoints.find(url)?.isBehind(first - 1, first + groups - 1);
      yield* Effect.sleep(REST_MS);
    }
  });

/** The same, said in the log. */
export const replayed = (
  url: string,
  reasons: ReadonlyArray<LetterReason>,
  durable: Durable,
  outbox: Outbox,
  endpoints: Endpoints,
  log: LimitedLog,
): Effect.Effect<void> => {
  const shown = endpoints.find(url)?.settings.name ?? displayUrl(url);
  return Effect.match(replay(url, reasons, durable, outbox, endpoints), {
    onSuccess: (events) => {
      if (events === 0) return;
      log.always(LogLevel.Info, "dead letters are sent again", { url: shown, events });
    },
    onFailure: ({ message }) =>
      log.always(LogLevel.Error, "dead letters stay", { url: shown, error: message }),
  });
};
