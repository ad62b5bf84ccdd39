import type { HttpMatch } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkRegex } from './regex.ts';

const parts = ['uri', 'scheme', 'method', 'authority'] as const;
const maps = ['headers', 'withoutHeaders', 'queryParams'] as const;

/** Values that match nothing, and expressions that Envoy would refuse. */
export function* checkMatch(match: HttpMatch, path: Path): Generator<Finding> {
  for (const part of parts) {
    const value = match[part];
    if (value === undefined) continue;
    const empty = Object.values(value).includes('');
    if (empty) yield { code: 'FL2109', message: `${part} is empty`, path: [...path, part] };
    yield* checkRegex(value.regex, [...path, part, 'regex']);
  }
  for (const map of maps) {
    for (const [name, { regex }] of Object.entries(match[map] ?? {}))
      yield* checkRegex(regex, [...path, map, name, 'regex']);
  }
}
