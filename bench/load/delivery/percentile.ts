/** The value that `part` (0 to 1) of all values do not exceed; NaN of none. */
export const percentile = (values: Float64Array, part: number): number => {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)]!; // within
};
