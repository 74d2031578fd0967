// @ts-check
/** Numbers and times as people read them. */

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const ONE_DIGIT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });

/** `48,211`. @param {number} n */
export const count = (n) => WHOLE.format(n);

/** `1.2M`, where there is little room. @param {number} n */
export const short = (n) => n < 10_000 ? WHOLE.format(n) : SHORT.format(n);

/** Of something per second: `4,980`, `3.2`, `0`. @param {number} n */
export const rate = (n) => n < 9.95 ? ONE_DIGIT.format(n) : WHOLE.format(n);

/** `12:03:44`, of milliseconds since 1970. @param {number} at */
export const clock = (at) => CLOCK.format(at);

/** `12:03`. @param {number} at */
export const minute = (at) => MINUTE.format(at);

/** `3 ms`, `1.2 s`, `4 min`, `3 h 12 min`, `2 d 3 h`. @param {number} ms */
export const duration = (ms) => {
  if (ms < 1000) return `${ms < 10 ? ONE_DIGIT.format(ms) : WHOLE.format(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${ONE_DIGIT.format(seconds)} s`;
  if (seconds < 90) return `${WHOLE.format(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
};

/** `1 event`, `3 events`. @param {number} n @param {string} thing */
export const several = (n, thing) => `${count(n)} ${thing}${n === 1 ? "" : "s"}`;

/**
 * The end of an axis that begins at 0: the next of 1, 2, 4, 5, 8 by powers of ten, so that its half is round too.
 *
 * @param {number} most what the axis has to hold
 */
export const axisEnd = (most) => {
  if (most <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 4, 5, 8, 10].find((step) => most <= step * power);
  return (step ?? 10) * power;
};
