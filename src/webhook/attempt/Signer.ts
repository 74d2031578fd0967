/**
 * Standard Webhooks 1.0 signatures: one `v1` for each secret, so that a receiver that knows the newer or the
 * older one finds its own. Signed are id, timestamp and body, which is the body before any content-encoding.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
 */
import type { RequestBody } from "../../http/RequestWriter.ts";
import { HmacSha256 } from "./HmacSha256.ts";
import type { MessagePart } from "./HmacSha256.ts";

export class Signer {
  readonly #codes: ReadonlyArray<HmacSha256>;
  /** Bytes that the signatures take at most. */
  readonly room: number;

  /** @param keys the secrets' bytes, in the order of the signatures */
  constructor(keys: ReadonlyArray<Uint8Array>) {
    this.#codes = keys.map((key) => new HmacSha256(key));
    this.room = keys.length * SIGNATURE_LENGTH;
  }

  /** Writes the header's value from `at` on; returns where it ends. `id` and `timestamp`: as their headers have them. */
  write(
    buffer: Uint8Array,
    at: number,
    id: MessagePart,
    timestamp: MessagePart,
    body: RequestBody,
  ): number {
    const { slab, offset, length } = body;
    const message = [id, DOT, timestamp, DOT, {
      bytes: slab.bytes,
      from: offset,
      to: offset + length,
    }];
    const from = at;
    for (const code of this.#codes) {
      const signature = `${at === from ? "" : " "}v1,${code.code(message).toBase64()}`;
      for (let i = 0; i < signature.length; i++) buffer[at++] = signature.charCodeAt(i); // ASCII
    }
    return at;
  }
}

/** A space, `v1,` and 32 bytes in base64. */
const SIGNATURE_LENGTH = 48;

const DOT: MessagePart = { bytes: new TextEncoder().encode("."), from: 0, to: 1 };
