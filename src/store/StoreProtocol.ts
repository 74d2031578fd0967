/** What the broker's thread and the store's Worker say to each other: one answer for each request, in order. */
import type { Commit, Group, OnlineRow, StateTable } from "./Commit.ts";
import type { DatabaseOptions, Identity, Page } from "./Database.ts";
import type { DeadChange, DeadFilter, DeadPlace, DeadRow } from "./DeadRow.ts";
import type { LetterBounds, LetterFigures, StateRow, UrlUse } from "./Store.ts";

/** All records and values of the commit are in `bytes`, which is transferred and comes back with the answer. */
export interface PackedCommit {
  readonly commit: Commit;
  readonly bytes: ArrayBuffer;
}

export type Request =
  | {
    readonly _tag: "Open";
    readonly path: string;
    readonly options: DatabaseOptions;
    readonly bounds: LetterBounds;
  }
  | { readonly _tag: "Commit"; readonly packed: PackedCommit; readonly sync: boolean }
  | {
    readonly _tag: "Groups";
    readonly after: number;
    readonly bytes: number;
    readonly url: string | undefined;
  }
  | { readonly _tag: "Urls" }
  | {
    readonly _tag: "Replay";
    readonly url: string;
    readonly reasons: ReadonlyArray<string>;
    readonly firstRow: number;
    readonly bytes: number;
  }
  | {
    readonly _tag: "Letters";
    readonly filter: DeadFilter;
    readonly after: DeadPlace | undefined;
    readonly bytes: number;
  }
  | { readonly _tag: "ChangeLetters"; readonly changes: ReadonlyArray<DeadChange> }
  | { readonly _tag: "Online" }
  | {
    readonly _tag: "State";
    readonly table: StateTable;
    readonly after: Pick<StateRow, "owner" | "key"> | undefined;
    readonly bytes: number;
  }
  | { readonly _tag: "Bound"; readonly bounds: LetterBounds }
  | { readonly _tag: "Close" };

/** What each request is answered with. */
export interface Answers {
  readonly Open: Identity;
  readonly Commit: ArrayBuffer;
  readonly Groups: Page<Group>;
  readonly Urls: ReadonlyArray<UrlUse>;
  readonly Replay: UrlUse;
  readonly Letters: Page<DeadRow>;
  readonly ChangeLetters: ReadonlyArray<number>;
  readonly Online: Page<OnlineRow>;
  readonly State: Page<StateRow>;
  readonly Bound: undefined;
  readonly Close: undefined;
}

export interface ToWorker {
  readonly id: number;
  readonly request: Request;
}

/** What the Worker has to say unasked. */
export type Said =
  /** Something that whoever runs the broker should know. */
  | { readonly _tag: "Notice"; readonly message: string; readonly isDamage: boolean }
  | { readonly _tag: "Letters"; readonly letters: LetterFigures };

export type FromWorker =
  | Said
  | { readonly _tag: "Answer"; readonly id: number; readonly answer: Answers[keyof Answers] }
  /** `bytes`: what a commit came with. */
  | {
    readonly _tag: "Failure";
    readonly id: number;
    readonly message: string;
    /** Where the file is not for this program. */
    readonly expected: string | undefined;
    readonly bytes: ArrayBuffer | undefined;
  };
