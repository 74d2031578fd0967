/**
 * Writes HTTP/1.1 POST requests: head and body in one buffer, so that a request is one write.
 *
 * What is the same for all requests to a URL is made once (`RequestHead`), and checked there: it must
 * never have a header that could end the head early or change how the message is framed.
 *
 * Source: RFC 9112 (HTTP/1.1).
 */
import * as Either from "effect/Either";
import { encodeLatin1, isFieldText, tokenEnd } from "./grammar.ts";
import { TransportError } from "./TransportError.ts";
import { writeBytes, writeDecimal } from "./writeAscii.ts";

/** A request's body: a part of a buffer, which others may be in as well. A view of each cost 100 bytes. */
export interface RequestBody {
  readonly slab: { readonly bytes: Uint8Array };
  readonly offset: number;
  readonly length: number;
}

/** The part of a head that all requests to one URL have in common. */
export interface RequestHead {
  /** Request line and fixed headers. Secret: may have credentials. */
  readonly bytes: Uint8Array;
}

/** Header fields by name; names are case-insensitive, values Latin-1. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** A request's own header lines. They write themselves, 100,000 times a second, and nobody checks them. */
export interface HeaderLines {
  /** Bytes that they take at most. */
  readonly room: number;
  /**
   * Writes them from `at` on, each with its CRLF; returns where they end. They must be valid, and
   * none may frame the message or be in the head already.
   */
  write(buffer: Uint8Array, at: number): number;
}

/**
 * Prepares the requests to one URL.
 *
 * `headers` go with each of them; `host` and `authorization` there replace what the URL says. The
 * URL's userinfo becomes basic authorization (RFC 7617, UTF-8). Fails with `invalid_request`.
 */
export const makeRequestHead = (
  url: URL,
  headers: RequestHeaders = {},
): Either.Either<RequestHead, TransportError> => {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return invalid(`cannot send to ${url.protocol} URLs`);
  }
  const fixed = new Map<string, string>([["host", url.host]]);
  if (url.username !== "" || url.password !== "") {
    const credentials = decodeUserinfo(url);
    if (credentials === undefined) return invalid("the URL's user or password is not valid UTF-8");
    fixed.set("authorization", `Basic ${credentials.toBase64()}`);
  }
  for (const [name, value] of Object.entries(headers)) {
    const fault = headerFault(name, value);
    if (fault !== undefined) return invalid(fault);
    fixed.set(name.toLowerCase(), value);
  }
  let text = `POST ${url.pathname}${url.search} HTTP/1.1\r\n`;
  for (const [name, value] of fixed) text += `${name}: ${value}\r\n`;
  return Either.right({ bytes: encodeLatin1(text) });
};

/**
 * Whether a header of this name, in whatever case, is the client's own to write, and no caller's: it frames
 * the message or speaks about the connection. (RFC 9112 6, RFC 9110 7.6.1 and 10.1.1)
 */
export const isFramingField = (name: string): boolean => FRAMING_FIELDS.has(name.toLowerCase());

/** Writes the requests of one connection, one after another, into a buffer that it keeps. */
export class RequestWriter {
  #buffer: Uint8Array = NOTHING;
  /** The view of the buffer that was returned last. */
  #last: Uint8Array = NOTHING;
  /** Whose bytes are at the buffer's beginning. */
  #head: RequestHead | undefined;

  /** Returns the whole request: a view of the buffer, valid until the next call. */
  write(head: RequestHead, lines: HeaderLines, body: RequestBody): Uint8Array {
    const linesAt = head.bytes.length;
    const { slab, offset, length } = body;
    const buffer = this.#atLeast(linesAt + lines.room + CONTENT_LENGTH_ROOM + length);
    if (this.#head !== head) buffer.set(head.bytes, 0);
    this.#head = buffer === this.#buffer ? head : undefined;
    let at = lines.write(buffer, linesAt);
    at = writeBytes(buffer, at, CONTENT_LENGTH);
    at = writeDecimal(buffer, at, length);
    at = writeBytes(buffer, at, HEAD_END);
    buffer.set(slab.bytes.subarray(offset, offset + length), at);
    return this.#request(buffer, at + length);
  }

  /** The request was sent whole: a buffer that is not kept is given back at once, not when the collector comes. */
  sent(request: Uint8Array): void {
    const { buffer } = request;
    if (buffer === this.#buffer.buffer || !(buffer instanceof ArrayBuffer)) return;
    if (buffer.byteLength > MAX_KEPT_BUFFER) buffer.transfer(0);
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

/** What is wrong with a header, or undefined. Does not name the value: it may be secret. */
const headerFault = (name: string, value: string): string | undefined => {
  if (!isToken(encodeLatin1(name))) return "a header name is no token";
  const text = encodeLatin1(value);
  if (!isFieldText(text, 0, text.length)) {
    return `the header ${name} has characters that a header may not have`;
  }
  if (isFramingField(name)) {
    return `the header ${name} is not the caller's to set`;
  }
  return undefined;
};

const isToken = (bytes: Uint8Array): boolean =>
  bytes.length > 0 && tokenEnd(bytes, 0, bytes.length) === bytes.length;

const decodeUserinfo = (url: URL): Uint8Array | undefined => {
  try {
    return new TextEncoder().encode(
      `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`,
    );
  } catch {
    return undefined; // a percent escape that is no UTF-8: said by the caller
  }
};

const ENCODER = new TextEncoder();

const NOTHING = new Uint8Array(0);
const CONTENT_LENGTH = ENCODER.encode("content-length: ");
const HEAD_END = ENCODER.encode("\r\n\r\n");
/** `content-length: ` with 16 digits, its end, and the empty line. */
const CONTENT_LENGTH_ROOM = 36;

const invalid = (fault: string): Either.Either<never, TransportError> =>
  Either.left(new TransportError({ fault: "invalid_request", message: fault }));

/** Bytes of the largest buffer that a connection keeps. */
const MAX_KEPT_BUFFER = 64 * 1024;

const FRAMING_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
