/**
 * Writes HTTP/1.1 requests: head and body in one buffer, so that a request is one write.
 *
 * What is the same for all requests to a URL is made once (`RequestHead`). Never writes a header that
 * could end the head early or change how the message is framed.
 *
 * Source: RFC 9112 (HTTP/1.1).
 */
import * as Either from "effect/Either";
import { TransportError } from "./TransportError.ts";
import { writeBytes, writeDecimal } from "./writeAscii.ts";

/** A request's body: a part of a buffer, which others may be in as well. A view of each cost 100 bytes. */
export interface RequestBody {
  readonly slab: { readonly bytes: Uint8Array };
  readonly offset: number;
  readonly length: number;
}

/** All of `bytes` as a body. */
export const wholeBody = (bytes: Uint8Array): RequestBody => ({
  slab: { bytes },
  offset: 0,
  length: bytes.length,
});

/** The part of a head that all requests of one method to one URL have in common. */
export interface RequestHead {
  readonly method: string;
  /** Request line and fixed headers. Secret: may have credentials. */
  readonly bytes: Uint8Array;
  /** The fixed headers' names, in lower case: a request must not give them again. */
  readonly names: ReadonlySet<string>;
  /** Names that requests gave and that were found good, as they were written. */
  readonly passed: Set<string>;
}

/**
 * Header fields by name; names are case-insensitive, values Latin-1. A `content-length` is left out,
 * because the body says it (HttpClientRequest sets one with every body).
 */
export type RequestHeaders = Readonly<Record<string, string>>;

/**
 * Header lines that write themselves, for requests sent 100,000 times a second: without text, and
 * without the checks that `requestHeadersFault` makes.
 */
export interface HeaderLines {
  /** Bytes that they take at most. */
  readonly room: number;
  /**
   * Writes them from `at` on, each with its CRLF, and answers where they end. They must be valid, and
   * none may frame the message or be in the head already.
   */
  write(buffer: Uint8Array, at: number): number;
}

/**
 * Prepares the requests of one method to one URL.
 *
 * `headers` go with each of them; `host` and `authorization` there replace what the URL says. The
 * URL's userinfo becomes basic authorization (RFC 7617, UTF-8). Fails with `invalid_request`.
 */
export const makeRequestHead = (
  method: string,
  url: URL,
  headers: RequestHeaders = {},
): Either.Either<RequestHead, TransportError> => {
  if (!TOKEN.test(method)) return invalid("the method is no token");
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return invalid(`cannot send to ${url.protocol} URLs`);
  }
  const fixed = new Map<string, string>([["host", url.host]]);
  if (url.username !== "" || url.password !== "") {
    const credentials = decodeUserinfo(url);
    if (credentials === undefined) return invalid("the URL's user or password is not valid UTF-8");
    fixed.set("authorization", `Basic ${credentials.toBase64()}`);
  }
  for (const name in headers) {
    const value = headers[name] as string; // for-in: an own key
    const fault = headerFault(name, value);
    if (fault !== undefined) return invalid(fault);
    if (!isContentLength(name)) fixed.set(name.toLowerCase(), value);
  }
  let text = `${method} ${url.pathname}${url.search} HTTP/1.1\r\n`;
  for (const [name, value] of fixed) text += `${name}: ${value}\r\n`;
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return Either.right({ method, bytes, names: new Set(fixed.keys()), passed: new Set() });
};

/** What is wrong with a request's own headers, or undefined. Does not name the value: it may be secret. */
export const requestHeadersFault = (
  head: RequestHead,
  headers: RequestHeaders,
): string | undefined => {
  const { names, passed } = head;
  for (const name in headers) {
    const value = headers[name] as string; // for-in: an own key
    if (passed.has(name)) {
      if (!FIELD_VALUE.test(value)) return valueFault(name);
      continue;
    }
    const fault = headerFault(name, value);
    if (fault !== undefined) return fault;
    if (names.has(name.toLowerCase())) return `the header ${name} is given twice`;
    if (passed.size < MAX_PASSED) passed.add(name);
  }
  return undefined;
};

/** Writes the requests of one connection, one after another, into a buffer that it keeps. */
export class RequestWriter {
  #buffer: Uint8Array = NOTHING;
  /** The view of the buffer that was answered last. */
  #last: Uint8Array = NOTHING;
  /** Whose bytes are at the buffer's beginning. */
  #head: RequestHead | undefined;

  /**
   * The whole request. The answer is a view of the buffer: valid until the next call. `headers` must
   * have passed `requestHeadersFault`. Without a body, methods that usually have one say length 0.
   */
  write(
    head: RequestHead,
    headers: RequestHeaders,
    body: RequestBody | undefined,
    lines?: HeaderLines,
  ): Uint8Array {
    const length = body?.length ?? (LENGTH_REQUIRED.has(head.method) ? 0 : undefined);
    let text = "";
    for (const name in headers) {
      if (!isContentLength(name)) text += `${name}: ${headers[name]}\r\n`;
    }
    const linesAt = head.bytes.length + text.length;
    const room = linesAt + (lines?.room ?? 0) + CONTENT_LENGTH_ROOM + (body?.length ?? 0);
    const buffer = this.#atLeast(room);
    if (this.#head !== head) buffer.set(head.bytes, 0);
    this.#head = buffer === this.#buffer ? head : undefined;
    if (text !== "") writeLatin1(buffer, head.bytes.length, text);
    let at = lines === undefined ? linesAt : lines.write(buffer, linesAt);
    if (length !== undefined) {
      at = writeBytes(buffer, at, CONTENT_LENGTH);
      at = writeDecimal(buffer, at, length);
      at = writeBytes(buffer, at, CRLF);
    }
    at = writeBytes(buffer, at, CRLF);
    if (body === undefined) return this.#request(buffer, at);
    const { slab, offset, length: size } = body;
    buffer.set(slab.bytes.subarray(offset, offset + size), at);
    return this.#request(buffer, at + size);
  }

  /** The first bytes of the buffer; the view made last where it fits, since requests to a URL are often of one length. */
  #request(buffer: Uint8Array, length: number): Uint8Array {
    if (buffer !== this.#buffer) return buffer.subarray(0, length);
    if (this.#last.length !== length) this.#last = buffer.subarray(0, length);
    return this.#last;
  }

  #atLeast(size: number): Uint8Array {
    if (size <= this.#buffer.length) return this.#buffer;
    this.#head = undefined;
    // A rare large request must not stay in memory once per connection.
    if (size > MAX_KEPT_BUFFER) return new Uint8Array(size);
    this.#buffer = new Uint8Array(Math.min(MAX_KEPT_BUFFER, Math.max(1024, size * 2)));
    this.#last = NOTHING;
    return this.#buffer;
  }
}

const isContentLength = (name: string): boolean =>
  name.length === 14 && name.toLowerCase() === "content-length";

const headerFault = (name: string, value: string): string | undefined => {
  if (!TOKEN.test(name)) return "a header name is no token";
  if (!FIELD_VALUE.test(value)) return valueFault(name);
  if (FRAMING.test(name)) return `the header ${name} is not the caller's to set`;
  return undefined;
};

const valueFault = (name: string): string =>
  `the header ${name} has characters that a header may not have`;

const decodeUserinfo = (url: URL): Uint8Array | undefined => {
  try {
    return new TextEncoder().encode(
      `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`,
    );
  } catch {
    return undefined; // a percent escape that is no UTF-8: said by the caller
  }
};

const encoder = new TextEncoder();

const NOTHING = new Uint8Array(0);
const CONTENT_LENGTH = encoder.encode("content-length: ");
const CRLF = encoder.encode("\r\n");
/** `content-length: ` with 16 digits, its end, and the empty line. */
const CONTENT_LENGTH_ROOM = 36;

/** `text` has no character above U+00FF. As UTF-8 where that is the same: 70 ns for 130 characters, by the loop 150. */
const writeLatin1 = (buffer: Uint8Array, from: number, text: string): void => {
  const { read, written } = encoder.encodeInto(text, buffer.subarray(from));
  // Both: in a buffer without room to spare, text with other characters is cut at `written`.
  if (read === text.length && written === text.length) return;
  for (let i = 0; i < text.length; i++) buffer[from + i] = text.charCodeAt(i);
};

const invalid = (fault: string): Either.Either<never, TransportError> =>
  Either.left(new TransportError({ fault: "invalid_request", message: fault }));

/** RFC 9110 5.6.2 */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** RFC 9110 5.5: no control characters but tab, so that nothing can end the line. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/; // deno-lint-ignore-line no-control-regex

/** What frames the message or speaks about the connection is the pool's to say (RFC 9112 6, 9). */
const FRAMING =
  /^(?:transfer-encoding|connection|keep-alive|proxy-connection|upgrade|te|trailer|expect)$/i;

/** RFC 9110 8.6: a user agent says the length where the method gives content a meaning. */
const LENGTH_REQUIRED: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/** A caller that makes up names all the time must not fill the memory. */
const MAX_PASSED = 64;
const MAX_KEPT_BUFFER = 64 * 1024;
