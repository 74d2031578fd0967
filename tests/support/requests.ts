/** Requests for `ConnectionPool.send`, made of texts. */
import type { TransportRequest } from "../../src/http/Exchange.ts";
import type { HeaderLines, RequestBody, RequestHead } from "../../src/http/RequestWriter.ts";

/** A text, or all of some bytes, as a body. */
export const bodyOf = (content: string | Uint8Array): RequestBody => {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { slab: { bytes }, offset: 0, length: bytes.length };
};

/** ASCII as header lines; each must end in CRLF. */
export const linesOf = (text: string): HeaderLines => ({
  room: text.length,
  write: (buffer, at) => at + new TextEncoder().encodeInto(text, buffer.subarray(at)).written,
});

/** A request of this head. Default: no lines, no body, 8 s. */
export const requestOf = (
  head: RequestHead,
  options: { readonly lines?: string; readonly body?: string; readonly timeout?: number } = {},
): TransportRequest => ({
  head,
  lines: linesOf(options.lines ?? ""),
  body: bodyOf(options.body ?? ""),
  timeout: options.timeout ?? 8000,
});
