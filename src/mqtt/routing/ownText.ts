/**
 * A part of a text, to be kept when the whole may be gone: the runtime makes a part of 13 characters or
 * more as a view, which keeps the whole of 64 KB in memory for as long as the part is there.
 *
 * Returns the part itself where it is most of the whole.
 */
export const ownText = (part: string, whole: string): string =>
  part.length < 13 || 2 * part.length > whole.length ? part : (" " + part).slice(1);
