/**
 * Reads HTTP/1.1 responses to POST: bytes in, a status, headers and the place where the response ends
 * out. A body is read over and not kept: nothing in it is of use to us.
 *
 * Synchronous and pure: it does no I/O, keeps no view of the bytes it is given, and tells the same
 * however the stream is cut into reads. One reader serves all responses of one connection, one after
 * another. Never guesses: what RFC 9112 does not allow is malformed, because after a wrong guess
 * about where a response ends, the next one is taken for the answer to another request. What was read
 * before the fault counts, above all the status.
 *
 * Over 400 lines, because it is one machine: where a response ends follows from all that was read of it.
 *
 * Source: RFC 9112 (HTTP/1.1), RFC 9110 (semantics).
 */
import {
  COLON,
  CR,
  digit,
  DOT,
  hexDigit,
  isFieldText,
  latin1,
  LF,
  ONE,
  SEMICOLON,
  SPACE,
  TAB,
  tokenEnd,
  trim,
} from "./grammar.ts";
import type { AnswerFault, AnswerFaultKind } from "./AnswerFault.ts";
import { ResponseHead } from "./ResponseHead.ts";

/** How much of a response is taken; more than that is cut off or refused. */
export interface ResponseLimits {
  /** Bytes of one header block, status line included; the trailers have the same limit. More: malformed. */
  readonly maxHeadBytes: number;
  /** Bytes of the body, chunk framing not counted. More: `cut`. */
  readonly maxBodyBytes: number;
}

const DEFAULT_LIMITS: ResponseLimits = {
  maxHeadBytes: 64 * 1024,
  maxBodyBytes: 1024 * 1024,
};

/**
 * Where a response stands.
 *
 * - `more`: it is not over.
 * - `done`: it is over; `rest` bytes of the last read are not part of it.
 * - `cut`: status and headers count, the body is larger than the limit; close the connection.
 * - `malformed`: `fault` says what is wrong, `isAnswered` whether a status was read before; close the
 *   connection.
 */
export type Progress = "more" | "done" | "cut" | "malformed";

/** What a response's end tells about the connection it came on. */
export type AfterResponse =
  | { readonly _tag: "Close" }
  | {
    readonly _tag: "KeepAlive";
    /** Milliseconds that the peer keeps an idle connection (`Keep-Alive: timeout=n`), if it said so. */
    readonly timeout: number | undefined;
  };

type Phase =
  | "head"
  /** `#left` bytes of the body are missing. */
  | "sized"
  | "chunk-size"
  /** `#left` bytes of the chunk are missing. */
  | "chunk-data"
  | "chunk-end"
  | "trailers"
  | "until-close"
  | "over";

/** A response that came whole in one read, and what it was read as. */
interface Known {
  /** Its bytes are the first `length` of these. */
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly status: number;
  readonly minor: number;
  readonly head: ResponseHead;
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly keepAliveTimeout: number | undefined;
}

/** Reads the responses of one connection. After `done`, call `begin` before the next one. */
export class ResponseReader {
  readonly #limits: ResponseLimits;
  #phase: Phase = "over";
  #started = false;

  /** Bytes of a line, or of the head's lines, that more reads are needed for. */
  #carry = NOTHING;
  #carried = 0;
  /** Where the unfinished line begins in `#carry`, in a head. */
  #lineStart = 0;
  /** Where the fields begin in the head block. */
  #fieldsStart = 0;

  /** Interim responses that came before. */
  #interim = 0;
  #status = 0;
  #minor = 1;
  #head = NO_HEAD;
  #length: number | undefined;
  #transferEncoding: string | undefined;
  #close = false;
  #keepAlive = false;
  #keepAliveTimeout: number | undefined;
  #untilClose = false;

  #left = 0;
  /** Of chunks and of a body up to the close; the limit of the others is seen in their length. */
  #bodyBytes = 0;
  #trailerBytes = 0;

  #fault = NO_FAULT;
  #rest = 0;

  /** The last response that fits: a receiver says the same to each event, and the same bytes mean the same. */
  #known: Known | undefined;

  constructor(limits: ResponseLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Expects a new response. */
  begin(): void {
    this.#started = false;
    this.#untilClose = false;
    this.#interim = 0;
    this.#bodyBytes = 0;
    this.#trailerBytes = 0;
    this.#fault = NO_FAULT;
    this.#rest = 0;
    this.#beginHead();
  }

  /** Whether any byte of the response has come. */
  get started(): boolean {
    return this.#started;
  }

  /** Whether a status line was read that is the answer's: no interim one, to which another follows. */
  get isAnswered(): boolean {
    return this.#status >= 200 || this.#status === SWITCHING;
  }

  /** The final status: 200 to 999, or 101; valid once `isAnswered`. */
  get status(): number {
    return this.#status;
  }

  /** Of a response that is `malformed`, or was broken off: the fields before its fault. */
  get head(): ResponseHead {
    return this.#head;
  }

  /** The bytes after `done` that belong to no response. */
  get rest(): number {
    return this.#rest;
  }

  /** What is wrong, after `malformed`. */
  get fault(): AnswerFault {
    return this.#fault;
  }

  /** What the response said about the connection (RFC 9112 9.3). */
  get after(): AfterResponse {
    if (
      this.#close || this.#untilClose || this.#keepAliveTimeout === 0 ||
      (this.#minor === 0 && !this.#keepAlive)
    ) return CLOSE;
    return this.#keepAliveTimeout === undefined
      ? KEEP_ALIVE
      : { _tag: "KeepAlive", timeout: this.#keepAliveTimeout };
  }

  /** Takes the next bytes of the stream: the first `length` of `input`. They may be overwritten after the call. */
  read(input: Uint8Array, length = input.length): Progress {
    const whole = !this.#started && length <= MAX_KNOWN;
    if (length > 0) this.#started = true;
    if (whole && this.#recall(input, length)) return "done";
    const bytes = input.subarray(0, length);
    const progress = this.#parse(bytes);
    if (whole && progress === "done" && this.#rest === 0) this.#remember(bytes);
    return progress;
  }

  #parse(bytes: Uint8Array): Progress {
    let at = 0;
    while (at < bytes.length || this.#phase === "over") {
      switch (this.#phase) {
        case "head": {
          at = this.#readHead(bytes, at);
          break;
        }
        case "sized":
        case "chunk-data": {
          const end = Math.min(bytes.length, at + this.#left);
          this.#left -= end - at;
          at = end;
          if (this.#left === 0) this.#phase = this.#phase === "sized" ? "over" : "chunk-end";
          break;
        }
        case "until-close": {
          this.#bodyBytes += bytes.length - at;
          return this.#bodyBytes > this.#limits.maxBodyBytes ? "cut" : "more";
        }
        case "chunk-size":
        case "chunk-end":
        case "trailers": {
          at = this.#readChunkLine(bytes, at);
          break;
        }
        case "over": {
          this.#rest = bytes.length - at;
          return "done";
        }
      }
      if (at < 0) return at === CUT ? "cut" : "malformed";
    }
    return "more";
  }

  /** The stream has ended: `done` when that is how this response ends, else `more` is missing. */
  end(): "more" | "done" {
    if (this.#phase !== "until-close") return "more";
    this.#phase = "over";
    return "done";
  }

  /** The response will not go on: what has come of its head counts. */
  breakOff(): void {
    if (this.#phase === "head") this.#keepFields(this.#carry, 0, this.#lineStart, this.#carried);
  }

  /** Whether the first `length` bytes are the known response, which then is read. */
  #recall(input: Uint8Array, length: number): boolean {
    const known = this.#known;
    if (known === undefined || known.length !== length) return false;
    const before = known.bytes;
    for (let i = 0; i < length; i++) if (input[i] !== before[i]) return false;
    this.#phase = "over";
    this.#status = known.status;
    this.#minor = known.minor;
    this.#head = known.head;
    this.#close = known.close;
    this.#keepAlive = known.keepAlive;
    this.#keepAliveTimeout = known.keepAliveTimeout;
    return true;
  }

  #remember(bytes: Uint8Array): void {
    let copy = this.#known?.bytes ?? NOTHING;
    if (copy.length < bytes.length) copy = new Uint8Array(bytes.length);
    copy.set(bytes);
    this.#known = {
      bytes: copy,
      length: bytes.length,
      status: this.#status,
      minor: this.#minor,
      head: this.#head,
      close: this.#close,
      keepAlive: this.#keepAlive,
      keepAliveTimeout: this.#keepAliveTimeout,
    };
  }

  #beginHead(): void {
    this.#phase = "head";
    this.#carried = 0;
    this.#lineStart = 0;
    this.#fieldsStart = 0;
    this.#status = 0;
    this.#head = NO_HEAD;
    this.#length = undefined;
    this.#transferEncoding = undefined;
    this.#close = false;
    this.#keepAlive = false;
    this.#keepAliveTimeout = undefined;
  }

  /** Reads lines up to the empty one. Returns where to go on in `bytes`, or CUT or MALFORMED. */
  #readHead(bytes: Uint8Array, from: number): number {
    // The common case, a head in one read, is parsed in place; else its bytes gather in `#carry`.
    let block = bytes;
    let end = bytes.length;
    let line = from;
    let search = from;
    const carriedBefore = this.#carried;
    if (carriedBefore > 0) {
      this.#gather(bytes, from, Math.min(end, from + this.#limits.maxHeadBytes + 1));
      block = this.#carry;
      end = this.#carried;
      line = this.#lineStart;
      search = carriedBefore;
    }
    const start = carriedBefore > 0 ? 0 : from;
    for (;;) {
      const feed = block.indexOf(LF, search);
      if (feed === -1 || feed >= end) break;
      if (feed + 1 - start > this.#limits.maxHeadBytes) {
        return this.#headIsTooLong(block, start, line, end);
      }
      const lineEnd = feed > line && block[feed - 1] === CR ? feed - 1 : feed;
      const first = this.#status === 0;
      if (lineEnd === line && !first) {
        this.#head = new ResponseHead(block.slice(this.#fieldsStart + start, line));
        const used = feed + 1 - start - carriedBefore;
        this.#carried = 0;
        const framed = this.#endHead();
        return framed < 0 ? framed : from + used;
      }
      if (!first) {
        if (!this.#parseField(block, line, lineEnd)) {
          this.#keepFields(block, start, line, lineEnd);
          return MALFORMED;
        }
      } else if (lineEnd > line) {
        if (
          !this.#parseStatusLineStart(block, line, feed + 1) ||
          !this.#parseStatusLine(block, line, lineEnd)
        ) return MALFORMED;
        if (line > start) return this.#malformed("status_line", "empty lines before the status");
        this.#fieldsStart = feed + 1 - start;
      }
      line = search = feed + 1;
    }
    if (end - start > this.#limits.maxHeadBytes) {
      return this.#headIsTooLong(block, start, line, end);
    }
    // Garbage without a line's end (TLS spoken on this port, SSH) is refused now, not at the time-out.
    if (this.#status === 0 && !this.#parseStatusLineStart(block, line, end)) return MALFORMED;
    if (carriedBefore === 0) this.#gather(bytes, from, end);
    this.#lineStart = line - start;
    return bytes.length;
  }

  #headIsTooLong(block: Uint8Array, start: number, line: number, end: number): typeof MALFORMED {
    this.#keepFields(block, start, line, end);
    return this.#malformed("head_size", `the head is over ${this.#limits.maxHeadBytes} bytes`);
  }

  /**
   * Makes the head of the fields before `line`, with which the fault comes: without the last one where
   * `line` begins as the rest of it does (obs-fold, RFC 9112 5.2), for then half of its value is missing.
   */
  #keepFields(block: Uint8Array, start: number, line: number, end: number): void {
    const from = this.#fieldsStart + start;
    let to = line;
    if (line < end && isFold(block[line])) to = block.lastIndexOf(LF, line - 2) + 1;
    this.#head = this.#fieldsStart > 0 && to > from
      ? new ResponseHead(block.slice(from, to))
      : NO_HEAD;
  }

  /** Checks as much of `HTTP/` as is there, the line's end included; or it is an empty line's CR. */
  #parseStatusLineStart(block: Uint8Array, from: number, to: number): boolean {
    if (to - from === 1 && block[from] === CR) return true;
    for (let i = 0; i < STATUS_LINE_START.length && from + i < to; i++) {
      if (block[from + i] !== STATUS_LINE_START[i]) {
        return this.#refuse("status_line", "the answer does not begin with HTTP/");
      }
    }
    return true;
  }

  /** `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 4); servers that leave out the last space are common. */
  #parseStatusLine(block: Uint8Array, from: number, to: number): boolean {
    const at = from + STATUS_LINE_START.length;
    const minor = digit(block[at + 2]);
    const a = digit(block[at + 4]);
    const b = digit(block[at + 5]);
    const c = digit(block[at + 6]);
    if (
      to < at + 7 || block[at] !== ONE || block[at + 1] !== DOT || minor === -1 ||
      block[at + 3] !== SPACE || a < 1 || b === -1 || c === -1 ||
      (to > at + 7 && block[at + 7] !== SPACE) || !isFieldText(block, at + 7, to)
    ) return this.#parseOddStatusLine(latin1(block, from, to));
    this.#minor = minor;
    this.#status = a * 100 + b * 10 + c;
    return this.#status <= 599 ||
      this.#refuse("status_line", `the status ${this.#status} is outside 100 to 599`); // RFC 9110 15
  }

  /** One that breaks a rule: its status counts where there can be no doubt about it. Always refuses. */
  #parseOddStatusLine(line: string): false {
    const parts = ODD_STATUS_LINE.exec(line);
    if (parts === null) {
      return this.#refuse("status_line", "the status line has no three-digit status");
    }
    this.#status = Number(parts[2]);
    return this.#refuse(
      "status_line",
      /^1\.[0-9]$/.test(parts[1] ?? "")
        ? "the status line has odd spaces or control characters"
        : "the status line has another version than HTTP/1.x",
    );
  }

  /** `name ":" OWS value OWS` (RFC 9112 5); only what frames the message is looked at further. */
  #parseField(block: Uint8Array, from: number, to: number): boolean {
    const colon = tokenEnd(block, from, to);
    if (colon === from || colon === to || block[colon] !== COLON) {
      const first = block[from];
      return this.#refuse(
        "header",
        isFold(first) ? "a header line is folded" : "a header line has no valid name",
      );
    }
    if (!isFieldText(block, colon + 1, to)) {
      return this.#refuse("header", "a header value has control characters");
    }
    switch (colon - from) {
      case 10: // connection, keep-alive
      case 14: // content-length
      case 17: // transfer-encoding
        return this.#parseFramingField(
          latin1(block, from, colon).toLowerCase(),
          latin1(block, colon + 1, to),
        );
    }
    return true;
  }

  #parseFramingField(name: string, text: string): boolean {
    const value = trim(text);
    switch (name) {
      case "content-length":
        // One number, or the same number several times (RFC 9112 6.3 item 5).
        for (const item of value.split(",")) {
          const digits = trim(item);
          if (!/^[0-9]{1,15}$/.test(digits)) {
            return this.#refuse("framing", "content-length is no number");
          }
          const length = Number(digits);
          if (this.#length !== undefined && this.#length !== length) {
            return this.#refuse("framing", "content-length is given twice and differs");
          }
          this.#length = length;
        }
        return true;
      case "transfer-encoding":
        this.#transferEncoding = this.#transferEncoding === undefined
          ? value.toLowerCase()
          : `${this.#transferEncoding},${value.toLowerCase()}`;
        return true;
      case "connection":
        for (const item of value.toLowerCase().split(",")) {
          const token = trim(item);
          if (token === "close") this.#close = true;
          else if (token === "keep-alive") this.#keepAlive = true;
        }
        return true;
      case "keep-alive": {
        const timeout = /(?:^|[,\s])timeout\s*=\s*"?([0-9]{1,9})/i.exec(value);
        if (timeout !== null) this.#keepAliveTimeout = Number(timeout[1]) * 1000;
        return true;
      }
    }
    return true;
  }

  /** Decides how the body is framed (RFC 9112 6.3). Returns CUT, MALFORMED or 0. */
  #endHead(): number {
    const status = this.#status;
    if (status < 200) {
      // This client asks for no upgrade, so nobody may switch protocols (RFC 9110 15.2.2).
      if (status === SWITCHING) {
        return this.#malformed("upgrade", "the server switches protocols unasked (101)");
      }
      if (++this.#interim > MAX_INTERIM) {
        return this.#malformed("status_line", `more than ${MAX_INTERIM} interim responses (1xx)`);
      }
      this.#beginHead();
      return 0;
    }
    const encoding = this.#transferEncoding;
    if (encoding !== undefined) {
      // No TE header is sent, so that no other coding is acceptable (RFC 9112 6.1, 7.4).
      if (encoding !== "chunked") {
        return this.#malformed("framing", "the transfer-encoding is not chunked");
      }
      // RFC 9112 6.1
      if (this.#minor === 0) return this.#malformed("framing", "HTTP/1.0 with a transfer-encoding");
      // RFC 9112 6.2; who sends both may be made to by somebody else (6.3 item 3).
      if (this.#length !== undefined) {
        return this.#malformed("framing", "a content-length beside a transfer-encoding");
      }
    }
    if (status === 204 || status === 304) {
      this.#phase = "over";
    } else if (encoding !== undefined) {
      this.#phase = "chunk-size";
    } else if (this.#length === undefined) {
      this.#phase = "until-close";
      this.#untilClose = true;
    } else if (this.#length > this.#limits.maxBodyBytes) {
      return CUT;
    } else {
      this.#left = this.#length;
      this.#phase = this.#left === 0 ? "over" : "sized";
    }
    return 0;
  }

  /** Reads one line of the chunk framing (RFC 9112 7.1), where only CRLF ends a line. */
  #readChunkLine(bytes: Uint8Array, from: number): number {
    const feed = bytes.indexOf(LF, from);
    const end = feed === -1 ? bytes.length : feed + 1;
    if (this.#phase === "trailers") {
      this.#trailerBytes += end - from;
      if (this.#trailerBytes > this.#limits.maxHeadBytes) {
        return this.#malformed("chunks", "the trailers are too long");
      }
    } else if (this.#carried + end - from > MAX_CHUNK_LINE) {
      return this.#malformed("chunks", "a chunk's size line is too long");
    }
    let block = bytes;
    let line = from;
    let lineEnd = end;
    if (feed === -1 || this.#carried > 0) {
      this.#gather(bytes, from, end);
      if (feed === -1) return end;
      block = this.#carry;
      line = 0;
      lineEnd = this.#carried;
      this.#carried = 0;
    }
    if (lineEnd - line < 2 || block[lineEnd - 2] !== CR) {
      return this.#malformed("chunks", "a chunk line does not end in CRLF");
    }
    lineEnd -= 2;
    switch (this.#phase) {
      case "chunk-end":
        if (lineEnd !== line) return this.#malformed("chunks", "a chunk is longer than its size");
        this.#phase = "chunk-size";
        return end;
      case "trailers":
        if (lineEnd === line) this.#phase = "over";
        else if (!this.#parseTrailer(block, line, lineEnd)) return MALFORMED;
        return end;
      default:
        return this.#parseChunkSize(block, line, lineEnd) ?? end;
    }
  }

  /** `1*HEXDIG *( BWS ";" extension )`; extensions mean nothing to us (RFC 9112 7.1.1). */
  #parseChunkSize(block: Uint8Array, from: number, to: number): number | undefined {
    let size = 0;
    let at = from;
    for (; at < to; at++) {
      const value = hexDigit(block[at] as number); // at < to: inside
      if (value === -1) break;
      size = size * 16 + value;
      if (size > Number.MAX_SAFE_INTEGER) {
        return this.#malformed("chunks", "a chunk's size is too large");
      }
    }
    if (at === from) return this.#malformed("chunks", "a chunk has no size");
    while (at < to && (block[at] === SPACE || block[at] === TAB)) at++;
    if (at < to && block[at] !== SEMICOLON) {
      return this.#malformed("chunks", "a chunk's size is malformed");
    }
    if (!isFieldText(block, at, to)) {
      return this.#malformed("chunks", "a chunk's extension has control characters");
    }
    this.#bodyBytes += size;
    if (size === 0) {
      this.#phase = "trailers";
    } else if (this.#bodyBytes > this.#limits.maxBodyBytes) {
      return CUT;
    } else {
      this.#left = size;
      this.#phase = "chunk-data";
    }
    return undefined;
  }

  /** Trailers are checked and dropped: none may change the framing (RFC 9110 6.5.1). */
  #parseTrailer(block: Uint8Array, from: number, to: number): boolean {
    const colon = tokenEnd(block, from, to);
    return colon > from && colon < to && block[colon] === COLON &&
        isFieldText(block, colon + 1, to) ||
      this.#refuse("chunks", "a trailer line is malformed");
  }

  /** Appends to `#carry`. */
  #gather(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.#carried + to - from;
    if (needed > this.#carry.length) {
      const larger = new Uint8Array(Math.max(512, needed, this.#carry.length * 2));
      larger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = larger;
    }
    this.#carry.set(bytes.subarray(from, to), this.#carried);
    this.#carried = needed;
  }

  #refuse(kind: AnswerFaultKind, detail: string): false {
    this.#fault = { kind, detail };
    return false;
  }

  #malformed(kind: AnswerFaultKind, detail: string): typeof MALFORMED {
    this.#fault = { kind, detail };
    return MALFORMED;
  }
}

const CUT = -1;
const MALFORMED = -2;

/** Without an end to them, a server keeps this thread reading as fast as it can write; Go's client takes as many. */
const MAX_INTERIM = 5;

/** Bytes of a response that is worth remembering. */
const MAX_KNOWN = 1024;

/** Sizes take 16 digits at most; the rest is for extensions. */
const MAX_CHUNK_LINE = 4096;

const NOTHING = new Uint8Array(0);
const NO_HEAD = new ResponseHead(NOTHING);
const NO_FAULT: AnswerFault = { kind: "header", detail: "" };
const CLOSE: AfterResponse = { _tag: "Close" };
const KEEP_ALIVE: AfterResponse = { _tag: "KeepAlive", timeout: undefined };

const STATUS_LINE_START = new TextEncoder().encode("HTTP/");

/** No more lenient than that: of four digits, or after another word, nobody knows which status is meant. */
const ODD_STATUS_LINE = /^HTTP\/([0-9](?:\.[0-9])?)[ \t]+([1-9][0-9]{2})(?:[ \t\r]|$)/;

/** Switching Protocols: the one 1xx to which no other answer follows. */
const SWITCHING = 101;

/** Whether a line that begins with this goes on with the one before. */
const isFold = (c: number | undefined): boolean => c === SPACE || c === TAB;
