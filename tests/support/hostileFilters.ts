/** Topic filters that cost as much as they can. */

/** Filters of up to `levels` levels that match the topic `a/a/…` of so many, those with fewest `+` first. */
export const cheapestFilters = (levels: number): ReadonlyArray<string> =>
  Array.from({ length: levels }, (_, i) => i + 1).flatMap((length) =>
    [...matchingFilters(length)].flatMap((filter) =>
      length === levels ? [filter, `${filter}/#`] : [`${filter}/#`]
    )
  ).map((filter) => ({ filter, wildcards: filter.split("+").length - 1 }))
    .filter(({ wildcards }) => wildcards <= 4)
    .toSorted((a, b) => a.wildcards - b.wildcards).map(({ filter }) => filter);

/** All 2 ** `levels` filters of names and `+` that match the topic `a/a/…` of so many levels. */
export function* matchingFilters(levels: number): Generator<string> {
  for (let i = 0; i < 2 ** levels; i++) {
    yield Array.from({ length: levels }, (_, bit) => (i >> bit) & 1 ? "+" : "a").join("/");
  }
}
