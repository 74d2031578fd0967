/** Durations as configuration files write them: `"500ms"`, `"8s"`, `"1m30s"`. It must never read half of a text. */

const UNITS = [
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const MILLISECONDS: ReadonlyMap<string, number> = new Map(UNITS);

/**
 * Milliseconds of a duration, undefined when it is not one.
 *
 * One or more whole numbers, each with its unit: `w`, `d`, `h`, `m`, `s` or `ms`, in either case and
 * any order, as RMQTT reads them. Unlike there, a text that is no duration is not taken for zero.
 */
export const parseDuration = (text: string): number | undefined => {
  if (!/^(\d+(ms|[wdhms]))+$/i.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.toLowerCase().matchAll(/(\d+)(ms|[wdhms])/g)) {
    total += Number(count) * (MILLISECONDS.get(unit ?? "") ?? NaN);
  }
  return Number.isSafeInteger(total) ? total : undefined;
};

/** The shortest text that `parseDuration` reads as this many milliseconds, a whole number of them. */
export const formatDuration = (milliseconds: number): string => {
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of UNITS) {
    // Weeks only where nothing is left over: "2w", but "15d" rather than "2w1d".
    if (unit === "w" && rest % size !== 0) continue;
    const count = Math.floor(rest / size);
    if (count === 0) continue;
    text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === "" ? "0s" : text;
};
