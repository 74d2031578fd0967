/**
 * What is wrong with an answer whose status is known: the status counts, and nothing behind the fault does.
 * A fault's words must never hold what the peer has sent.
 */

/**
 * Where the fault is. Few, because they name counters.
 *
 * - `status_line`: readable, but not as HTTP/1.1 has it. `header`: a header line breaks a rule.
 * - `head_size`: status line and headers are over the limit.
 * - `framing`: content-length or transfer-encoding do not say where the body ends.
 * - `chunks`: the chunks of a body, or its trailers, break a rule.
 * - `upgrade`: the peer switches protocols unasked (101).
 * - `cut_short`: the connection ended before the answer did. `stalled`: the rest did not come in time.
 * - `surplus`: bytes behind the end of the answer.
 * - `body`: one of `chunks` and `cut_short`; fetch does not tell which.
 */
export type AnswerFaultKind =
  | "status_line"
  | "header"
  | "head_size"
  | "framing"
  | "chunks"
  | "upgrade"
  | "cut_short"
  | "stalled"
  | "surplus"
  | "body";

export interface AnswerFault {
  readonly kind: AnswerFaultKind;
  /** For people. */
  readonly detail: string;
}

/** The fault of an answer whose rest did not come within `timeout` milliseconds of its request. */
export const answerStalled = (timeout: number): AnswerFault => ({
  kind: "stalled",
  detail: `its rest did not come within ${timeout} ms`,
});
