import type { Problem } from '../base/problem.ts';
import type { Validator } from '../generated/schemas/index.ts';
import { asProblem, byPlace, distinct, located } from './read.ts';
import { schemaFindings } from './schema-findings.ts';
import { readText } from './text.ts';
import type { Path, Position } from './types.ts';

export type Single<T> = {
  /** Null where a problem of severity `error` stands beside it. */
  readonly value: T | null;
  readonly problems: readonly Problem[];
  readonly at: (path: Path) => Position;
};

/** Reads the one document of a file that is no manifest, such as a configuration, as strictly as manifests are read. */
export function readSingle<T>(
  bytes: Uint8Array,
  { file, kind, validate }: { readonly file: string; readonly kind: string; readonly validate: Validator<T> },
): Single<T> {
  const { documents, problems } = readText(bytes, /\.json$/i.test(file) ? 'json' : 'yaml');
  const [document, second] = documents;
  const found = problems.map((problem) => asProblem(problem, file));
  const start: Position = { line: 1, column: 1 };
  if (document === undefined) {
    const empty = { code: 'FL2010', message: 'the file holds no document', position: start } as const;
    const nothing = found.length > 0 ? found : [asProblem(empty, file)];
    return { value: null, problems: nothing, at: () => start };
  }
  if (second !== undefined) {
    const more = {
      code: 'FL2009',
      message: 'a second document',
      fix: 'keep one document in this file',
    } as const;
    found.push(asProblem({ ...more, position: second.position }, file));
  }
  const { value } = document;
  const fits = validate(value);
  const findings = fits ? [] : distinct(schemaFindings(kind, value, validate.errors ?? []));
  found.push(...findings.map((finding) => asProblem(located(finding, document), file)));
  const good = fits && found.every(({ severity }) => severity === 'warning');
  return { value: good ? value : null, problems: found.toSorted(byPlace), at: document.at };
}
