/**
 * A response's header fields, taken apart only when somebody asks: a 2xx is rarely looked into. Must never
 * be made of bytes that `ResponseReader` has not checked.
 */
import { COLON, latin1, LF, trim } from "./grammar.ts";

export class ResponseHead {
  /** The block from the end of the status line on. */
  readonly #block: Uint8Array;
  #fields: ReadonlyArray<readonly [name: string, value: string]> | undefined;

  /** `block` must have passed the reader's checks and must not change any more. */
  constructor(block: Uint8Array) {
    this.#block = block;
  }

  /** All fields in the order they came, names in lower case, values without the white space around them. */
  get fields(): ReadonlyArray<readonly [name: string, value: string]> {
    return this.#fields ??= parseFields(this.#block);
  }
}

const parseFields = (block: Uint8Array): ReadonlyArray<readonly [string, string]> => {
  const fields: Array<readonly [string, string]> = [];
  let line = 0;
  while (line < block.length) {
    const feed = block.indexOf(LF, line);
    const end = feed === -1 ? block.length : feed;
    const colon = block.indexOf(COLON, line);
    const name = latin1(block, line, colon).toLowerCase();
    fields.push([name, trim(latin1(block, colon + 1, end))]);
    line = end + 1;
  }
  return fields;
};
