/** Finds the known word that a misspelt one most likely stands for. It must never guess far: no hint is better than a wrong one. */

/**
 * The candidate that is fewest edits away from `word`: a letter more, less, other, or two swapped.
 *
 * Undefined when more than a third of the letters would have to change. Of equally near candidates
 * the first one wins.
 */
export const nearest = (word: string, candidates: Iterable<string>): string | undefined => {
  let best: string | undefined;
  let limit = Math.max(1, Math.floor(word.length / 3));
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance > limit || (best !== undefined && distance === limit)) continue;
    best = candidate;
    limit = distance;
  }
  return best;
};

/** Optimal string alignment distance: Levenshtein's, and a swap of two neighbours counts as one edit. */
const editDistance = (a: string, b: string): number => {
  let beforeLast: ReadonlyArray<number> = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        cell(last, j) + 1,
        cell(row, j - 1) + 1,
        cell(last, j - 1) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, cell(beforeLast, j - 2) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return cell(last, b.length);
};

/** Every index asked for has been filled before; the fallback only satisfies the compiler. */
const cell = (row: ReadonlyArray<number>, index: number): number => row[index] ?? Infinity;
