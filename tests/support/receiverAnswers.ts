/**
 * Answers of receivers in the wild, and what each must come to by the contract: a status decides as soon as
 * it is read. Where Deno's fetch comes to something else the entry says so, and why.
 *
 * Over 400 lines, because it is one table.
 */
import type { AnswerFaultKind } from "../../src/http/AnswerFault.ts";

/** What an answer comes to. */
export interface Ending {
  /** `delivered`, or the failure's reason, with `, retried` and `, after n` where these are so. */
  readonly outcome: string;
  /** What is counted beside it. */
  readonly fault: AnswerFaultKind | "none";
  /** Whether the next request goes over the same connection; `either`: that is left to chance. */
  readonly again: boolean | "either";
}

export interface ReceiverAnswer extends Ending {
  readonly says: string;
  /** Latin-1. */
  readonly answer: string;
  /** What the receiver does behind it: default, it reads the next request. */
  readonly then?: "close" | "reset" | "stall";
  /** It answers when it has the request's head, and reads no body; once only. */
  readonly early?: true;
  readonly fetch?: Partial<Ending> & { readonly why: string };
}

const OK = "HTTP/1.1 200 OK\r\n";
const BODY = "content-length: 2\r\n\r\nok";
const GOOD = OK + BODY;
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const INTERIM = "HTTP/1.1 100 Continue\r\n\r\n";

const FINE = { outcome: "delivered", fault: "none", again: true } as const;
const FINE_ONCE = { ...FINE, again: false } as const;

/** Delivered, with this fault. */
const faulty = (fault: AnswerFaultKind): Ending => ({ outcome: "delivered", fault, again: false });

/** No status: a network error. */
const none = (outcome: string): Ending => ({
  outcome: `${outcome}, retried`,
  fault: "none",
  again: false,
});

const HIDDEN = { ...none("malformed"), why: "fetch refuses the head and hides the status" };
const HIDDEN_CUT = {
  ...none("network"),
  why: "fetch hides the status of a head that is not whole",
};
const HIDDEN_STALL = { ...none("timeout"), why: "fetch tells a status with the whole head" };
const BODY_FAULT = { fault: "body", why: "fetch does not tell what is wrong with a body" } as const;
const CHUNKED_AGAIN = {
  again: "either",
  why: "fetch may not have read the last chunk when it gives the body",
} as const;
const UNSEEN = { fault: "none", why: "fetch does not say that it closed for it" } as const;

const head = (lines: string, rest = BODY): string => OK + lines + rest;

export const RECEIVER_ANSWERS: ReadonlyArray<ReceiverAnswer> = [
  // As it should be
  { says: "a content-length", answer: GOOD, ...FINE },
  { says: "chunks", answer: `${CHUNKED}2\r\nok\r\n0\r\n\r\n`, ...FINE, fetch: CHUNKED_AGAIN },
  { says: "no reason", answer: `HTTP/1.1 200 \r\n${BODY}`, ...FINE },
  { says: "no reason and no space", answer: `HTTP/1.1 200\r\n${BODY}`, ...FINE },
  { says: "a reason in Latin-1", answer: `HTTP/1.1 200 \xe9\xe8\r\n${BODY}`, ...FINE },
  { says: "lines that end in LF alone", answer: GOOD.replaceAll("\r", ""), ...FINE },
  { says: "an interim answer before", answer: INTERIM + GOOD, ...FINE },
  { says: "five interim answers before", answer: INTERIM.repeat(5) + GOOD, ...FINE },
  { says: "204", answer: "HTTP/1.1 204 No Content\r\n\r\n", ...FINE },
  { says: "a body up to the close", answer: `${OK}\r\nok`, then: "close", ...FINE_ONCE },
  { says: "HTTP/1.0", answer: `HTTP/1.0 200 OK\r\n${BODY}`, ...FINE_ONCE },
  {
    says: "connection: close",
    answer: head("connection: close\r\n"),
    ...FINE_ONCE,
  },
  { says: "the same content-length twice", answer: head("content-length: 2\r\n"), ...FINE },
  {
    says: "the same content-length in a list",
    answer: `${OK}content-length: 2, 2\r\n\r\nok`,
    ...FINE,
  },
  { says: "99 headers", answer: head("x: y\r\n".repeat(98)), ...FINE },
  {
    says: "200 headers",
    answer: head("x: y\r\n".repeat(199)),
    ...FINE,
    fetch: { ...HIDDEN, why: "fetch takes 100 headers, and hides the status of more" },
  },
  {
    says: "chunk extensions",
    answer: `${CHUNKED}2;a="b"\r\nok\r\n0;c\r\n\r\n`,
    ...FINE,
    fetch: CHUNKED_AGAIN,
  },
  {
    says: "trailers",
    answer: `${CHUNKED}0\r\nx: y\r\n\r\n`,
    ...FINE,
    fetch: CHUNKED_AGAIN,
  },
  { says: "404", answer: `HTTP/1.1 404 No\r\n${BODY}`, ...FINE, outcome: "status_404" },
  {
    says: "503 with Retry-After",
    answer: `HTTP/1.1 503 No\r\nretry-after: 9\r\n${BODY}`,
    outcome: "status_503, retried, after 9000",
    fault: "none",
    again: false,
    fetch: { again: true, why: "fetch uses a connection again after any status" },
  },

  // Status lines
  {
    says: "two spaces before the status",
    answer: `HTTP/1.1  200 OK\r\n${BODY}`,
    ...faulty("status_line"),
    fetch: HIDDEN,
  },
  {
    says: "tabs in the status line",
    answer: `HTTP/1.1\t200\tOK\r\n${BODY}`,
    ...faulty("status_line"),
    fetch: HIDDEN,
  },
  {
    says: "a control character in the reason",
    answer: `HTTP/1.1 200 O\x01K\r\n${BODY}`,
    ...faulty("status_line"),
    fetch: HIDDEN,
  },
  {
    says: "a bare CR in the reason",
    answer: `HTTP/1.1 200 O\rK\r\n${BODY}`,
    ...faulty("status_line"),
    fetch: HIDDEN,
  },
  {
    says: "HTTP/2.0",
    answer: `HTTP/2.0 200 OK\r\n${BODY}`,
    ...faulty("status_line"),
    fetch: HIDDEN,
  },
  {
    says: "HTTP/0.9 in a status line",
    answer: `HTTP/0.9 404 No\r\n${BODY}`,
    ...faulty("status_line"),
    outcome: "status_404",
    fetch: HIDDEN,
  },
  { says: "HTTP/1.2", answer: `HTTP/1.2 200 OK\r\n${BODY}`, ...FINE, fetch: HIDDEN },
  {
    says: "empty lines before the status line",
    answer: `\r\n\r\n${GOOD}`,
    ...faulty("status_line"),
    fetch: { fault: "none", again: true, why: "fetch reads over them" },
  },
  {
    says: "a status of 600, which is to be taken for a 5xx",
    answer: `HTTP/1.1 600 X\r\n${BODY}`,
    outcome: "status_6xx, retried",
    fault: "status_line",
    again: false,
    fetch: { fault: "none", again: true, why: "fetch knows statuses up to 999" },
  },
  { says: "a status of 99", answer: `HTTP/1.1 099 X\r\n${BODY}`, ...none("malformed") },
  { says: "a status of four digits", answer: `HTTP/1.1 2000 X\r\n${BODY}`, ...none("malformed") },
  { says: "a status of two digits", answer: `HTTP/1.1 20\r\n${BODY}`, ...none("malformed") },
  { says: "a version in small letters", answer: GOOD.toLowerCase(), ...none("malformed") },
  { says: "HTTP/0.9: a body alone", answer: "<html>ok</html>\n", ...none("malformed") },
  { says: "another protocol", answer: "220 mx.example ESMTP\r\n", ...none("malformed") },
  {
    says: "CR alone at the ends of lines",
    answer: "HTTP/1.1 200 OK\rcontent-length: 0\r\r",
    then: "close",
    ...none("network"),
    fetch: { outcome: "malformed, retried", why: "fetch refuses a bare CR at once" },
  },
  { says: "nothing", answer: "", then: "close", ...none("network") },
  {
    says: "a status line that is cut",
    answer: "HTTP/1.1 200 O",
    then: "close",
    ...none("network"),
  },
  {
    says: "a status line that stalls",
    answer: "HTTP/1.1 200 O",
    then: "stall",
    ...none("timeout"),
  },

  // Interim answers
  {
    says: "six interim answers before",
    answer: INTERIM.repeat(6) + GOOD,
    ...none("malformed"),
    fetch: { ...FINE, why: "fetch takes as many as come in time" },
  },
  { says: "an interim answer alone", answer: INTERIM, then: "close", ...none("network") },
  {
    says: "an interim answer with a broken head",
    answer: `HTTP/1.1 100 Continue\r\nno colon\r\n\r\n${GOOD}`,
    ...none("malformed"),
  },
  {
    says: "101, which nobody asked for",
    answer: "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    ...faulty("upgrade"),
    outcome: "status_1xx",
    fetch: UNSEEN,
  },

  // Headers
  { says: "a folded header", answer: head("a: b\r\n c\r\n"), ...faulty("header"), fetch: HIDDEN },
  {
    says: "a fold before any header",
    answer: head("\tc: d\r\n"),
    ...faulty("header"),
    fetch: HIDDEN,
  },
  { says: "a header without a colon", answer: head("foo\r\n"), ...faulty("header"), fetch: HIDDEN },
  {
    says: "a space before a colon",
    answer: head("foo : b\r\n"),
    ...faulty("header"),
    fetch: HIDDEN,
  },
  { says: "a header without a name", answer: head(": b\r\n"), ...faulty("header"), fetch: HIDDEN },
  {
    says: "a name with an illegal character",
    answer: head("f(o: b\r\n"),
    ...faulty("header"),
    fetch: HIDDEN,
  },
  { says: "NUL in a value", answer: head("a: \0\r\n"), ...faulty("header"), fetch: HIDDEN },
  { says: "a bare CR in a value", answer: head("a: b\rc\r\n"), ...faulty("header"), fetch: HIDDEN },
  {
    says: "a broken header behind 404",
    answer: `HTTP/1.1 404 No\r\nfoo\r\n${BODY}`,
    ...faulty("header"),
    outcome: "status_404",
    fetch: HIDDEN,
  },
  {
    says: "a broken header behind 503 and Retry-After",
    answer: `HTTP/1.1 503 No\r\nretry-after: 9\r\nfoo\r\n${BODY}`,
    ...faulty("header"),
    outcome: "status_503, retried, after 9000",
    fetch: HIDDEN,
  },
  {
    says: "a Retry-After behind a broken header, where it does not count",
    answer: `HTTP/1.1 503 No\r\nfoo\r\nretry-after: 9\r\n${BODY}`,
    ...faulty("header"),
    outcome: "status_503, retried",
    fetch: HIDDEN,
  },
  {
    says: "a Retry-After that is folded, of which half is none",
    answer: `HTTP/1.1 503 No\r\nretry-after: 9\r\n 9\r\n${BODY}`,
    ...faulty("header"),
    outcome: "status_503, retried",
    fetch: HIDDEN,
  },
  {
    says: "a head of 66 KB",
    answer: head(`x: ${"y".repeat(996)}\r\n`.repeat(66)),
    ...faulty("head_size"),
    fetch: { ...FINE, why: "fetch takes larger heads" },
  },
  {
    says: "a head of 600 KB",
    answer: head(`x: ${"y".repeat(8996)}\r\n`.repeat(66)),
    ...faulty("head_size"),
    fetch: HIDDEN,
  },

  // How long the body is
  ...["-1", "+2", "0x2", "two", "2 2", "99999999999999999999"].map((value): ReceiverAnswer => ({
    says: `content-length '${value}'`,
    answer: `${OK}content-length: ${value}\r\n\r\nok`,
    ...faulty("framing"),
    fetch: HIDDEN,
  })),
  {
    says: "differing content-lengths",
    answer: `${OK}content-length: 2\r\ncontent-length: 3\r\n\r\nok`,
    ...faulty("framing"),
    fetch: HIDDEN,
  },
  {
    says: "a content-length of 10 TB, and closes by itself",
    answer: `${OK}content-length: 9999999999999\r\n\r\nok`,
    then: "stall",
    ...FINE_ONCE,
    fetch: { fault: "stalled", why: "fetch reads on until the limit" },
  },
  ...["gzip", "x", "chunked, x"].map((value): ReceiverAnswer => ({
    says: `transfer-encoding '${value}'`,
    answer: `${OK}transfer-encoding: ${value}\r\n\r\nok`,
    then: "close",
    ...faulty("framing"),
    fetch: { fault: "none", why: "fetch takes it for a body up to the close" },
  })),
  {
    says: "transfer-encoding 'identity' beside a content-length",
    answer: head("transfer-encoding: identity\r\n"),
    then: "close",
    ...faulty("framing"),
    fetch: { fault: "none", why: "fetch takes it for a body up to the close" },
  },
  ...["gzip, chunked", "chunked, chunked"].map((value): ReceiverAnswer => ({
    says: `transfer-encoding '${value}'`,
    answer: `${OK}transfer-encoding: ${value}\r\n\r\n0\r\n\r\n`,
    ...faulty("framing"),
    fetch: { fault: "none", again: "either", why: "fetch looks at the last coding only" },
  })),
  {
    says: "chunks beside a content-length",
    answer: `${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    ...faulty("framing"),
    fetch: { fault: "none", again: "either", why: "fetch goes by the chunks alone" },
  },
  {
    says: "HTTP/1.0 with chunks",
    answer: "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ...faulty("framing"),
    fetch: HIDDEN,
  },

  // Chunks
  ...([
    ["no size", "ok\r\n"],
    ["a negative size", "-1\r\n"],
    ["a size with 0x", "0x2\r\nok\r\n0\r\n\r\n"],
    ["a size of 17 digits", "fffffffffffffffff\r\n"],
    ["a chunk that is longer than its size", "2\r\nokk\r\n0\r\n\r\n"],
    ["lines of chunks that end in LF alone", "2\nok\n0\n\n"],
    ["a chunk extension of 20 KB", `2;${"x".repeat(20_000)}\r\nok\r\n0\r\n\r\n`],
    ["a trailer without a colon", "0\r\nno colon\r\n\r\n"],
    ["trailers of 66 KB", `0\r\n${`x: ${"y".repeat(996)}\r\n`.repeat(66)}\r\n`],
  ] as const).map(([says, chunks]): ReceiverAnswer => ({
    says,
    answer: CHUNKED + chunks,
    ...faulty("chunks"),
    fetch: BODY_FAULT,
  })),
  {
    says: "broken chunks behind 503 and Retry-After",
    answer: "HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\nretry-after: 9\r\n\r\nno size\r\n",
    ...faulty("chunks"),
    outcome: "status_503, retried, after 9000",
    fetch: BODY_FAULT,
  },

  // Cut short
  {
    says: "a head cut behind its status line",
    answer: OK,
    then: "close",
    ...faulty("cut_short"),
    fetch: HIDDEN_CUT,
  },
  {
    says: "a head cut in a header",
    answer: `${OK}content-le`,
    then: "close",
    ...faulty("cut_short"),
    fetch: HIDDEN_CUT,
  },
  {
    says: "a body cut short",
    answer: `${OK}content-length: 3\r\n\r\nok`,
    then: "close",
    ...faulty("cut_short"),
    fetch: BODY_FAULT,
  },
  {
    says: "a body cut short behind 404",
    answer: "HTTP/1.1 404 No\r\ncontent-length: 3\r\n\r\nok",
    then: "close",
    ...faulty("cut_short"),
    outcome: "status_404",
    fetch: BODY_FAULT,
  },
  {
    says: "chunks cut short",
    answer: `${CHUNKED}2\r\nok\r\n`,
    then: "close",
    ...faulty("cut_short"),
    fetch: BODY_FAULT,
  },
  {
    says: "trailers cut short",
    answer: `${CHUNKED}0\r\nx: y\r\n`,
    then: "close",
    ...faulty("cut_short"),
    fetch: BODY_FAULT,
  },
  {
    says: "a reset in the body",
    answer: `${OK}content-length: 3\r\n\r\nok`,
    then: "reset",
    ...faulty("cut_short"),
    fetch: BODY_FAULT,
  },

  // Stalls
  {
    says: "a stall behind the status line",
    answer: OK,
    then: "stall",
    ...faulty("stalled"),
    fetch: HIDDEN_STALL,
  },
  {
    says: "a stall behind 503 and Retry-After",
    answer: "HTTP/1.1 503 No\r\nretry-after: 9\r\n",
    then: "stall",
    ...faulty("stalled"),
    outcome: "status_503, retried, after 9000",
    fetch: HIDDEN_STALL,
  },
  {
    says: "a stall in the body",
    answer: `${OK}content-length: 3\r\n\r\nok`,
    then: "stall",
    ...faulty("stalled"),
  },
  {
    says: "a stall in the body behind 429 and Retry-After",
    answer: "HTTP/1.1 429 No\r\nretry-after: 9\r\ncontent-length: 3\r\n\r\nok",
    then: "stall",
    ...faulty("stalled"),
    outcome: "status_429, retried, after 9000",
  },
  {
    says: "a stall in the chunks",
    answer: `${CHUNKED}2\r\nok\r\n`,
    then: "stall",
    ...faulty("stalled"),
  },
  {
    says: "a stall in a body up to the close",
    answer: `${OK}\r\nok`,
    then: "stall",
    ...faulty("stalled"),
  },

  // Behind the end
  { says: "bytes behind the end", answer: `${GOOD}more`, ...faulty("surplus"), fetch: UNSEEN },
  {
    says: "a second answer behind the first",
    answer: GOOD + GOOD,
    ...faulty("surplus"),
    fetch: UNSEEN,
  },
  {
    says: "204 with a body",
    answer: `HTTP/1.1 204 No Content\r\n${BODY}`,
    ...faulty("surplus"),
    fetch: UNSEEN,
  },
  {
    says: "304 with a body",
    answer: `HTTP/1.1 304 Not Modified\r\n${BODY}`,
    ...faulty("surplus"),
    outcome: "status_3xx",
    fetch: UNSEEN,
  },
  {
    says: "bytes behind the chunks",
    answer: `${CHUNKED}0\r\n\r\n!`,
    ...faulty("surplus"),
    fetch: UNSEEN,
  },

  // Before the request is sent
  {
    says: "413 before the request is sent",
    answer: "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n",
    early: true,
    outcome: "status_413",
    fault: "none",
    again: false,
  },
  {
    says: "413 with a broken header before the request is sent",
    answer: "HTTP/1.1 413 Too Large\r\nfoo\r\n\r\n",
    early: true,
    ...faulty("header"),
    outcome: "status_413",
    fetch: HIDDEN,
  },
];
