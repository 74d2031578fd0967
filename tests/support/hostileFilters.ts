/** Topic filters that cost as much as they can. */

/** All 2 ** `levels` filters of names and `+` that match the topic `a/a/…` of so many levels. */
export function* matchingFilters(levels: number): Generator<string> {
  for (let i = 0; i < 2 ** levels; i++) {
    yield Array.from({ length: levels }, (_, bit) => (i >> bit) & 1 ? "+" : "a").join("/");
  }
}
