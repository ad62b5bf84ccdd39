/** The one of `words` that `word` is most likely a slip of; null when nothing is near. Ties: the first. */
export function nearest(word: string, words: readonly string[]): string | null {
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let least = limit + 1;
  for (const candidate of words) {
    const changes = distance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (changes < least && candidate !== word) [best, least] = [candidate, changes];
  }
  return best;
}

/** Levenshtein's distance with swapped neighbours as one change, or `limit` when it is at least that. */
function distance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit;
  let beforePrevious: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1] ? 0 : 1;
      const replaced = (previous[column - 1] ?? 0) + same;
      const isSwap = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1] && row > 1;
      const swapped = isSwap ? (beforePrevious[column - 2] ?? limit) + 1 : limit;
      current.push(Math.min(replaced, swapped, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    [beforePrevious, previous] = [previous, current];
  }
  return Math.min(previous[right.length] ?? limit, limit);
}
