/** What can be wrong with a store. */
import * as Data from "effect/Data";

/** The store cannot be used as it is: the broker does not start. */
export class StoreError extends Data.TaggedError("StoreError")<{
  /** The directory or file that is meant. */
  readonly path: string;
  readonly expected: string;
  readonly found: string;
}> {
  override get message(): string {
    return `${this.path}: expected ${this.expected}, found ${this.found}`;
  }
}

/** A commit could not be made (disk full, input or output error): nothing of it was written; it may be tried again. */
export class CommitError extends Data.TaggedError("CommitError")<{
  readonly message: string;
}> {}

/** Something could not be read (input or output error, damage). */
export class ReadError extends Data.TaggedError("ReadError")<{
  readonly message: string;
}> {}
