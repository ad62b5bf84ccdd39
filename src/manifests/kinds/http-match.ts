import type { HttpMatch, PresenceOrMatch } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { checkRegex } from './regex.ts';

const parts = ['uri', 'scheme', 'method', 'authority'] as const;
const maps = ['headers', 'withoutHeaders', 'queryParams'] as const;

const noText = 'write at least one character, or remove it: any value fits then';

/** Values that match nothing, and expressions that Envoy would refuse. */
export function* checkMatch(match: HttpMatch, path: Path): Generator<Finding> {
  for (const part of parts) {
    const value = match[part];
    if (value === undefined) continue;
    const empty = Object.values(value).includes('');
    if (empty) yield { code: 'FL2109', message: `${part} is empty`, path: [...path, part], fix: noText };
    yield* checkRegex(value.regex, [...path, part, 'regex']);
  }
  for (const map of maps) {
    for (const [name, value] of Object.entries(match[map] ?? {}))
      yield* checkText(value, [...path, map, name]);
  }
}

/** How a text is compared: an empty prefix would be any text, and Envoy refuses it. */
export function* checkText({ prefix, regex }: PresenceOrMatch, path: Path): Generator<Finding> {
  for (const [how, text] of Object.entries({ prefix, regex })) {
    if (text === '')
      yield { code: 'FL2109', message: `the ${how} is empty`, path: [...path, how], fix: noText };
  }
  yield* checkRegex(regex, [...path, 'regex']);
}
