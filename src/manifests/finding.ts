import type { Code } from './codes.ts';
import type { Path } from './types.ts';

/** A mistake in one document, before its file is known. */
export type Finding = {
  readonly code: Code;
  readonly message: string;
  readonly path: Path;
  /** Default: the code's. */
  readonly fix?: string;
  /** What to point at; default: the value. */
  readonly on?: 'key' | 'value';
};

/** Codes of documents that are honoured, but perhaps not as their author expects. */
export const warnings: ReadonlySet<Code> = new Set([
  'FL2014',
  'FL2116',
  'FL2210',
  'FL2214',
  'FL2215',
  'FL2224',
  'FL2230',
  'FL2233',
  'FL2244',
  'FL2280',
  'FL2281',
  'FL2282',
  'FL2283',
  'FL2284',
  'FL2285',
  'FL2293',
  'FL2296',
  'FL2298',
]);

const maxFindings = 50;

/** Of all that is wrong with a document not more than anybody reads; what leaves it out comes first. */
export function gravest<T extends Pick<Finding, 'code'>>(all: readonly T[]): readonly T[] {
  const [mild, grave] = [[] as T[], [] as T[]];
  for (const one of all) (warnings.has(one.code) ? mild : grave).push(one);
  return [...grave, ...mild].slice(0, maxFindings);
}
