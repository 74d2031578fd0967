/**
 * Memory for the small byte arrays that messages are made of: acknowledgements, frames, payloads.
 *
 * In Deno a `new Uint8Array(n)`, however small, has memory of its own that the garbage collector must
 * account for: 1 to 3 µs under load, and 400 bytes beside the content. A piece of a shared slab costs
 * 0.1 µs and 100 bytes. A slab lives as long as any piece of it, so it is kept small: what one
 * long-lived message can hold on to is one kilobyte.
 */

const SLAB_SIZE = 1024;

/** Larger arrays get memory of their own. */
const LARGEST_PIECE = 128;

let slab = new ArrayBuffer(SLAB_SIZE);
let used = 0;

/** Bytes of undefined content, the caller's alone. */
export const allocateBytes = (length: number): Uint8Array<ArrayBuffer> => {
  if (length > LARGEST_PIECE) return new Uint8Array(length);
  if (used + length > SLAB_SIZE) {
    slab = new ArrayBuffer(SLAB_SIZE);
    used = 0;
  }
  const bytes = new Uint8Array(slab, used, length);
  used += length;
  return bytes;
};

/** A copy, the caller's alone. */
export const copyBytes = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => {
  const copy = allocateBytes(bytes.length);
  copy.set(bytes);
  return copy;
};
