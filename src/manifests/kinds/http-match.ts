import type { HttpMatch, PresenceOrMatch } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

const parts = ['uri', 'scheme', 'method', 'authority'] as const;
const maps = ['headers', 'withoutHeaders', 'queryParams'] as const;

/** Values that match nothing, and expressions that Envoy would refuse. */
export function* checkMatch(match: HttpMatch, path: Path): Generator<Finding> {
  for (const part of parts) {
    const value = match[part];
    if (value === undefined) continue;
    const empty = Object.values(value).includes('');
    if (empty) yield { code: 'FL2109', message: `${part} is empty`, path: [...path, part] };
    yield* checkValue(value, [...path, part]);
  }
  for (const map of maps) {
    for (const [name, value] of Object.entries(match[map] ?? {}))
      yield* checkValue(value, [...path, map, name]);
  }
}

/** RE2 has neither look-around nor back-references; what is left of its syntax Envoy checks. */
function* checkValue({ regex }: PresenceOrMatch, path: Path): Generator<Finding> {
  if (regex === undefined) return;
  const plain = regex.replace(/\\\\/g, '');
  if (!/(^|[^\\])\(\?(=|!|<=|<!)|\\[1-9]|\\k</.test(plain)) return;
  yield { code: 'FL2211', message: `${regex} is not RE2`, path: [...path, 'regex'] };
}
