/**
 * Buffers in which commits go to the Worker: its answer brings each back, to be used again. A fresh one of
 * 256 KB for every window was a fifth of what a window costs.
 */
import type { Commit } from "./Commit.ts";
import type { PackedCommit } from "./StoreProtocol.ts";

/** Bytes of one that is kept: what a window has at most, but for a body larger than that. */
const KEPT_BYTES = 256 * 1024;
/** One is written while the next is filled. */
const KEPT = 2;

export class CommitBuffers {
  readonly #free: Array<ArrayBuffer> = [];

  /** A copy of the commit whose bytes are all in one buffer: the commit itself stays as it is, to be written again. */
  pack(commit: Commit): PackedCommit {
    let size = 0;
    for (const { records } of commit.groups) size += records.length;
    for (const { records } of commit.dead) size += records.length;
    for (const { value } of commit.state) size += value?.length ?? 0;
    const bytes = size > KEPT_BYTES
      ? new ArrayBuffer(size)
      : this.#free.pop() ?? new ArrayBuffer(KEPT_BYTES);
    const all = new Uint8Array(bytes);
    let at = 0;
    const copy = (from: Uint8Array): Uint8Array => {
      all.set(from, at);
      at += from.length;
      return all.subarray(at - from.length, at);
    };
    return {
      commit: {
        ...commit,
        groups: commit.groups.map((group) => ({ ...group, records: copy(group.records) })),
        dead: commit.dead.map((group) => ({ ...group, records: copy(group.records) })),
        state: commit.state.map((change) => ({
          ...change,
          value: change.value && copy(change.value),
        })),
      },
      bytes,
    };
  }

  giveBack(bytes: ArrayBuffer): void {
    if (bytes.byteLength === KEPT_BYTES && this.#free.length < KEPT) this.#free.push(bytes);
  }
}
