/** Order of UTF-16 code units, which for the ASCII names of G10 is byte order. Never the order of a locale. */
export function byCodeUnit(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
