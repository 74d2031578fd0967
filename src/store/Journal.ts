/**
 * Something whose changes go to disk together with those of others, window by window: the outbox,
 * presence, sessions, retained messages. Plain state on the broker's thread; who gathers the windows
 * (Windows) asks it what is left to be written when one closes, so that what was undone before costs nothing.
 */
import type { Commit } from "./Commit.ts";

export interface Journal {
  /**
   * The mark of its oldest change that is neither stored nor undone: being written does not count as
   * stored. Infinity: there is none. It moves forward by itself when changes are undone (a delivery has
   * ended, a message was acknowledged); whoever moves it tells its JournalOwner.
   */
  readonly oldest: number;
  /** Bytes of what the next `write` would add, about; 0 where it would add nothing, and there alone. */
  readonly pendingBytes: number;
  /** When the oldest of what is pending came, in monotonic milliseconds; absent: when `pending` was called. */
  readonly since?: number;
  /** Milliseconds that its changes may wait for their undoing; absent: as long as the settings say. */
  readonly delay?: number;
  /** `pendingBytes` with which its window closes at once; absent: 256 KB. */
  readonly largest?: number;
  /** Adds all that is pending to a commit. Called only when no earlier commit is under way. */
  write(commit: Commit): void;
  /** The commit that the last `write` went into is on disk, as safe as the settings want it. */
  written(): void;
  /** A try of that commit has failed; it is made again, as it is. */
  failed?(): void;
}

/** Who gathers what journals have. */
export interface JournalOwner {
  /** Counts one change more, of any journal or an event, and answers its mark: 1, 2, 3, … */
  next(): number;
  /**
   * The journal has something pending: the window's time runs. To be called when it had nothing before, when
   * something came that somebody waits for, and at `largest`; more often does no harm.
   *
   * @param urgent waiting would bring nothing: the window closes as soon as no commit is under way
   */
  pending(journal: Journal, urgent?: boolean): void;
  /** `oldest` of a journal has moved forward. */
  moved(): void;
}
