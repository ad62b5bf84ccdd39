import { isDeepStrictEqual } from 'node:util';
import { byCodeUnit } from '../../base/order.ts';
import type { Path, Resource, ScopeResources } from '../../manifests/index.ts';

/** A field of a manifest, as its author wrote it; undefined where it is not written. */
type FieldDifference = {
  /** `spec.http[0].timeout`. */
  readonly path: string;
  /** Of the head's file; of the base's where it was removed. */
  readonly line: number;
  readonly before?: unknown;
  readonly after?: unknown;
};

/** What a head says otherwise about one manifest. */
export type ManifestDifference = {
  /** `VirtualService/shop/cart`. */
  readonly document: string;
  readonly change: 'added' | 'changed' | 'removed';
  readonly file: string;
  readonly line: number;
  readonly fields: readonly FieldDifference[];
};

/** The manifests that a head changes, in the order of their files. What is left out with an error is not there. */
export function manifestDifferences(
  base: readonly ScopeResources[],
  head: readonly ScopeResources[],
): readonly ManifestDifference[] {
  const [before, after] = [byDocument(base), byDocument(head)];
  const documents = [...new Set([...before.keys(), ...after.keys()])];
  return documents
    .flatMap((document) => difference(document, before.get(document), after.get(document)))
    .sort((left, right) => byCodeUnit(left.file, right.file) || left.line - right.line);
}

function byDocument(scopes: readonly ScopeResources[]): ReadonlyMap<string, Resource> {
  const all = scopes.flatMap(({ resources }) => resources);
  return new Map(
    all.map((resource) => [`${resource.kind}/${resource.namespace}/${resource.name}`, resource]),
  );
}

function difference(
  document: string,
  before: Resource | undefined,
  after: Resource | undefined,
): readonly ManifestDifference[] {
  const shown = after ?? before;
  if (shown === undefined) return [];
  const { file, line } = shown.source;
  if (before === undefined) return [{ document, change: 'added', file, line, fields: [] }];
  if (after === undefined) return [{ document, change: 'removed', file, line, fields: [] }];
  const written = ({ labels, spec }: Resource) => ({ metadata: { labels }, spec });
  const fields = [...apart(written(before), written(after), [])].map(({ path, ...values }) => {
    const place = values.after === undefined ? before.at(path) : after.at(path);
    return { path: pathText(path), line: place.line, ...values };
  });
  return fields.length === 0 ? [] : [{ document, change: 'changed', file, line, fields }];
}

type Apart = { readonly path: Path; readonly before?: unknown; readonly after?: unknown };

function* apart(before: unknown, after: unknown, path: Path): Generator<Apart> {
  if (isDeepStrictEqual(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) yield* listsApart(before, after, path);
  else if (isFields(before) && isFields(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      yield* apart(before[key], after[key], [...path, key]);
  } else {
    const [old, now] = [before === undefined ? {} : { before }, after === undefined ? {} : { after }];
    yield { path, ...old, ...now };
  }
}

/** What is the same at both ends of a list stays out of it: an item that is put in front changes no other. */
function* listsApart(before: readonly unknown[], after: readonly unknown[], path: Path): Generator<Apart> {
  const least = Math.min(before.length, after.length);
  let head = 0;
  while (head < least && isDeepStrictEqual(before[head], after[head])) head += 1;
  let tail = 0;
  while (tail < least - head && isDeepStrictEqual(before.at(-1 - tail), after.at(-1 - tail))) tail += 1;
  const [old, now] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  for (let at = 0; at < Math.max(old.length, now.length); at++)
    yield* apart(old[at], now[at], [...path, head + at]);
}

function pathText(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .slice(1);
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
