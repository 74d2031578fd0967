/** Sizes in bytes as configuration files write them: `"64KB"`, `"1m"`. It must never read half of a text. */

const FACTORS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["k", 1024],
  ["m", 1024 ** 2],
  ["g", 1024 ** 3],
]);

/**
 * Bytes of a size, undefined when it is not one.
 *
 * A whole number, then `k`, `m` or `g` (powers of 1024) or nothing, then `b` or nothing, in either
 * case: RMQTT's own files write `"1m"` and `"1M"`.
 */
export const parseByteSize = (text: string): number | undefined => {
  const match = /^(\d+)([kmg]?)b?$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (FACTORS.get((match[2] ?? "").toLowerCase()) ?? NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
};

/** The size in the largest unit that has no remainder: `"1MB"`, `"1000B"`. */
export const formatByteSize = (bytes: number): string => {
  if (bytes === 0) return "0B";
  const unit = (["G", "M", "K"] as const).find((u) =>
    bytes % (FACTORS.get(u.toLowerCase()) ?? NaN) === 0
  );
  return unit === undefined
    ? `${bytes}B`
    : `${bytes / (FACTORS.get(unit.toLowerCase()) ?? NaN)}${unit}B`;
};
