/**
 * A broker for protocol tests whose sessions and retained messages are kept, and which may end at any moment:
 * windows close when the test says so, and a restart knows what they wrote and nothing else.
 */
import * as Effect from "effect/Effect";
import assert from "node:assert/strict";
import type { Clock } from "../../src/mqtt/ports/Clock.ts";
import { PresenceJournal } from "../../src/persistence/PresenceJournal.ts";
import type { FoundState } from "../../src/persistence/readState.ts";
import { readState } from "../../src/persistence/readState.ts";
import { SessionCodec } from "../../src/persistence/SessionCodec.ts";
import { SessionJournal } from "../../src/persistence/SessionJournal.ts";
import type { StateTable } from "../../src/store/Commit.ts";
import { emptyCommit } from "../../src/store/Commit.ts";
import type { JournalOwner } from "../../src/store/Journal.ts";
import { MemoryStore } from "../../src/store/MemoryStore.ts";
import type { ProtocolBenchOptions } from "./ProtocolBench.ts";
import { ProtocolBench } from "./ProtocolBench.ts";

/** What is to be kept. */
export interface StoredBenchOptions
  extends Omit<ProtocolBenchOptions, "presence" | "sessionStore"> {
  /** Presence too: then a CONNECT waits for the next window. */
  readonly presence?: boolean;
  /** False: presence alone. */
  readonly sessions?: boolean;
}

const TABLES: ReadonlyArray<StateTable> = [
  "retained",
  "session",
  "subscription",
  "received",
  "message",
  "queued",
];

export class StoredBench extends ProtocolBench {
  readonly store: MemoryStore;
  /** Undefined: sessions end with the process. */
  readonly journal: SessionJournal | undefined;
  readonly presence: PresenceJournal;
  readonly #windows: ManualWindows;
  readonly #options: StoredBenchOptions;

  /** @param store what an earlier process wrote @param now the wall clock's time */
  constructor(
    options: StoredBenchOptions = {},
    store: MemoryStore = new MemoryStore(),
    now?: number,
  ) {
    const windows = new ManualWindows();
    const told = Effect.runSync(store.online());
    const presence = new PresenceJournal(windows, told);
    let journal: SessionJournal | undefined;
    let found: FoundState | undefined;
    const sessionStore = (clock: Clock) => {
      const codec = new SessionCodec(clock);
      found = Effect.runSync(readState(store, codec));
      return journal = new SessionJournal(windows, codec, found);
    };
    const { presence: hasPresence, sessions: hasSessions, ...others } = options;
    super({
      ...others,
      ...(now === undefined ? {} : { now }),
      ...(hasPresence ? { presence } : {}),
      ...(hasSessions === false ? {} : { sessionStore }),
    });
    this.store = store;
    this.journal = journal;
    this.presence = presence;
    this.#windows = windows;
    this.#options = options;
    this.broker.restore(
      found ?? { retained: [], sessions: [] },
      told.map(({ info, connected }) => ({ info: JSON.parse(info), connected })),
    );
  }

  /** Closes a window: what is pending is on disk from now on. Answers what was written of the broker's state. */
  commit(): ReadonlyArray<string> {
    const commit = this.write();
    this.journal?.written();
    this.presence.written();
    return commit;
  }

  /** Closes a window, whose commit stays under way: it is on disk, and nobody knows yet. */
  write(): ReadonlyArray<string> {
    const commit = emptyCommit();
    this.journal?.write(commit);
    this.presence.write(commit);
    Effect.runSync(this.store.commit(commit, false));
    return commit.state.map(({ table, owner, key, value }) =>
      `${value === undefined ? "-" : "+"}${table} ${owner} ${key ?? "*"}`
    );
  }

  /** Whether all that has been told so far could be told to those who wait for it. */
  get isSafe(): boolean {
    return (this.journal?.oldest ?? Infinity) > this.#windows.mark;
  }

  /** Ends without a word, and begins anew `away` milliseconds later with what was written. */
  restart(away = 0, options: StoredBenchOptions = this.#options): StoredBench {
    return new StoredBench(options, this.store, this.now + away);
  }

  /** Rows of the broker's state in the store, by table. */
  rows(): Record<StateTable, number> {
    const count = (table: StateTable) =>
      Effect.runSync(this.store.state(table, undefined, Infinity)).length;
    // One for each name.
    return Object.fromEntries(TABLES.map((table) => [table, count(table)])) as never;
  }
}

class ManualWindows implements JournalOwner {
  mark = 0;

  next(): number {
    return ++this.mark;
  }

  pending(): void {}

  moved(): void {}
}

/** Fails unless the store has no row of the broker's state. */
export const assertNothingKept = (bench: StoredBench): void => {
  for (const [table, count] of Object.entries(bench.rows())) assert.equal(count, 0, table);
};
