/** What can keep the delivery engine from starting, or a reload from being taken over. */
import * as Data from "effect/Data";

/** A `ca_file` that cannot be read, or holds no certificate. */
export class CaFileError extends Data.TaggedError("CaFileError")<{
  readonly path: string;
  readonly cause: unknown;
}> {
  override get message(): string {
    return `ca_file ${this.path} cannot be used: ${this.cause}`;
  }
}

/** A delivery worker that did not start. */
export class WorkerStartError extends Data.TaggedError("WorkerStartError")<{
  readonly detail: string;
}> {
  override get message(): string {
    return `a delivery worker did not start: ${this.detail}`;
  }
}

export type WebHookError = CaFileError | WorkerStartError;
