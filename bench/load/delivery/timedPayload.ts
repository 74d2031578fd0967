/**
 * The payload of a timed message: when it was published, in front of what a sensor says. It must be as
 * long as the untimed one, so that both cost the same.
 */

const DIGITS = 16; // microseconds since 1970, until the year 2286
const TEXT = '{"temperature":21.5}';
const UTF8 = new TextEncoder();

/** The payload of messages whose way is not timed. */
export const untimedPayload: Uint8Array = UTF8.encode("-".repeat(DIGITS) + TEXT);

/** Where the time is written into a frame: it ends with the payload. */
export const writeTime = (frame: Uint8Array, micros: number): void => {
  UTF8.encodeInto(String(micros), frame.subarray(frame.length - untimedPayload.length));
};

/** `"payload":"` and the base64 of the time and two bytes more: 24 characters stand for 18 bytes. */
const BEFORE = '"payload":"';
const BASE64_LENGTH = 24;

/** When the message of a webhook body was published. */
export const readTime = (body: string): number => {
  const from = body.indexOf(BEFORE) + BEFORE.length;
  return Number(atob(body.slice(from, from + BASE64_LENGTH)).slice(0, DIGITS));
};
