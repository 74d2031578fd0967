/** Finds the known word that a misspelt one most likely stands for. It must never guess far: no hint is better than a wrong one. */
import { distance } from "fastest-levenshtein";

/**
 * The candidate that is fewest edits away from `word`: a letter more, less, or other; capitals are no
 * difference.
 *
 * Undefined when more than a third of the letters would have to change. Of equally near candidates the
 * one of the nearest length wins, then the first: two letters swapped are as many edits as two left out.
 */
export const nearest = (word: string, candidates: Iterable<string>): string | undefined => {
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(word.length / 3));
  let closest = Infinity;
  for (const candidate of candidates) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase());
    const lengths = Math.abs(word.length - candidate.length);
    if (edits > fewest || (edits === fewest && lengths >= closest)) continue;
    best = candidate;
    fewest = edits;
    closest = lengths;
  }
  return best;
};
