import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { VerifiedScope } from '../governance/index.ts';
import { codes } from './codes.ts';
import { type Draft, withoutTwins } from './duplicates.ts';
import { findKind } from './find-kind.ts';
import { type Finding, gravest, warnings } from './finding.ts';
import type { Fitting, SpokenFor } from './kinds/kind.ts';
import { outlinedAt } from './position.ts';
import { schemaFindings } from './schema-findings.ts';
import { readText, type Text, type TextDocument, type TextProblem } from './text.ts';
import type { About, Resource, ScopeResources } from './types.ts';

/**
 * What a scope's manifests say, and everything that is wrong with them, in byte order of the files. Pure: the same
 * scope gives the same resources. Reads `.yaml`, `.yml` and `.json`; never a directory whose name begins with a dot.
 * Of `before`, what the scope said last, files with the same bytes give the same objects, and are not read again.
 */
export function readManifests(scope: VerifiedScope, before: ScopeResources | null = null): ScopeResources {
  const files = scope.files.filter(({ path }) => isManifest(path));
  const sorted = files.toSorted((left, right) => byCodeUnit(left.path, right.path));
  const last = before === null ? undefined : filesRead.get(before.resources);
  const known = last !== undefined && isReadAlike(last.scope, scope) ? last.files : NOTHING;
  const read = sorted.map((file): FileRead => {
    const same = known.get(file.path);
    return same !== undefined && Buffer.compare(same.bytes, file.bytes) === 0 ? same : readFile(scope, file);
  });
  const joined = joinFiles(scope, read);
  filesRead.set(joined.resources, { scope, files: new Map(read.map((file) => [file.path, file])) });
  return joined;
}

/** What the files of a scope say together. */
export function joinFiles(scope: VerifiedScope, read: readonly FileRead[]): ScopeResources {
  const { resources, problems } = withoutTwins(read.flatMap(({ drafts }) => drafts));
  const all = [...read.flatMap((file) => file.problems), ...problems];
  return { scope, resources, problems: all.toSorted(byPlace) };
}

type FilesRead = { readonly scope: VerifiedScope; readonly files: ReadonlyMap<string, FileRead> };

/** What the resources of a scope were read from. */
const filesRead = new WeakMap<readonly Resource[], FilesRead>();
const NOTHING: FilesRead['files'] = new Map();

/** Whether all that `readFile` asks of a scope is the same. */
function isReadAlike(left: VerifiedScope, right: VerifiedScope): boolean {
  const [ours, theirs] = [left.owns.namespaces, right.owns.namespaces];
  const isPlaced = left.uid === right.uid && left.path === right.path && left.directory === right.directory;
  return isPlaced && ours.length === theirs.length && ours.every((name, index) => name === theirs[index]);
}

export function isManifest(path: string): boolean {
  return (
    /\.(yaml|yml|json)$/i.test(path) &&
    !path
      .split('/')
      .slice(0, -1)
      .some((name) => name.startsWith('.'))
  );
}

/** What one file says. */
export type FileRead = VerifiedScope['files'][number] & {
  readonly drafts: readonly Draft[];
  readonly problems: readonly Problem[];
};

/** `read` gives the same whenever it is called. */
export function readFile(
  scope: VerifiedScope,
  { path, bytes }: VerifiedScope['files'][number],
  read: () => Text = () => readText(bytes, formatOf(path)),
): FileRead {
  const file = fileOf(scope, path);
  const text = read();
  const again = once(read);
  const drafts: Draft[] = [];
  const problems = text.problems.map((problem) => asProblem(problem, file));
  for (const [index, document] of text.documents.entries()) {
    const { fitting, findings } = readDocument(scope, document);
    problems.push(...findings.map((finding) => asProblem(located(finding, document), file)));
    if (fitting === null) continue;
    const source = { scope: scope.path, uid: scope.uid, file, ...document.position };
    drafts.push({
      resource: fitting.resource(aboutOf(fitting, source, finderIn(document, index, again))),
      namePosition: document.at(['metadata', 'name']),
    });
  }
  return { path, bytes, drafts, problems };
}

/**
 * The nodes of a whole mesh are too many to keep: who asks for what is not in the outline reads the file again, once. A function
 * of its own, since whatever is made beside a closure that holds the document holds it too.
 */
function finderIn({ outline, position }: TextDocument, index: number, again: () => Text): About['at'] {
  return (path) => outlinedAt(outline, path) ?? again().documents[index]?.at(path) ?? position;
}

/** How the mesh calls a file of a scope. */
export function fileOf({ directory }: VerifiedScope, path: string): string {
  return directory === '' ? path : `${directory}/${path}`;
}

export function formatOf(path: string): 'yaml' | 'json' {
  return /\.json$/i.test(path) ? 'json' : 'yaml';
}

type DocumentRead = { readonly fitting: Fitting | null; readonly findings: readonly Finding[] };

function readDocument(scope: VerifiedScope, { value }: TextDocument): DocumentRead {
  const found = findKind(value);
  if ('finding' in found) return { fitting: null, findings: [found.finding] };
  const read = found.kind.read(value);
  if ('errors' in read)
    return { fitting: null, findings: distinct(schemaFindings(found.kind.schema, value, read.errors)) };
  const findings = [
    ...(found.kind.isClusterWide ? [] : checkNamespace(found.kind.name, scope, read)),
    ...(read.speaksFor ?? []).flatMap((one) => [...checkOwned(scope, one)]),
    ...checkAnnotations(found.kind.name, read),
    ...read.findings,
  ];
  const isHonoured = findings.every(({ code }) => warnings.has(code));
  return { fitting: isHonoured ? read : null, findings: distinct(findings) };
}

function* checkNamespace(kind: string, scope: VerifiedScope, { metadata }: Fitting): Generator<Finding> {
  const namespace = kind === 'Namespace' ? metadata.name : namespaceOf(metadata);
  // An IstioOperator is mostly written without one.
  if (kind === 'IstioOperator' && metadata.namespace === undefined) return;
  yield* checkOwned(scope, { namespace, path: ['metadata', 'namespace'] });
}

function* checkOwned({ owns, path: own }: VerifiedScope, { namespace, path }: SpokenFor): Generator<Finding> {
  if (owns.namespaces.includes('*') || owns.namespaces.includes(namespace)) return;
  yield { code: 'FL2203', message: `${own} does not own the namespace ${namespace}`, path };
}

/** Istio reads them on Services alone. */
const ofServices = ['networking.istio.io/exportTo', 'networking.istio.io/traffic-distribution'];

function* checkAnnotations(kind: string, { metadata: { annotations = {} } }: Fitting): Generator<Finding> {
  if (kind === 'Service') return;
  for (const name of ofServices) {
    if (annotations[name] === undefined) continue;
    const message = `${name} says something of Services only`;
    yield { code: 'FL2244', message, path: ['metadata', 'annotations', name], on: 'key' };
  }
}

/** Kubernetes' default. */
function namespaceOf(metadata: Fitting['metadata']): string {
  return metadata.namespace ?? 'default';
}

function aboutOf({ metadata }: Fitting, source: About['source'], at: About['at']): About {
  const { name, labels = {} } = metadata;
  return { namespace: namespaceOf(metadata), name, labels, source, at };
}

/** One finding per place and code, and not more than anybody reads. */
export function distinct(findings: readonly Finding[]): readonly Finding[] {
  const byKey = new Map(findings.map((finding) => [JSON.stringify([finding.code, finding.path]), finding]));
  return gravest([...byKey.values()]);
}

export function located(finding: Finding, document: TextDocument): TextProblem {
  const { path, on = 'value', ...rest } = finding;
  return { ...rest, position: on === 'key' ? document.keyAt(path) : document.at(path) };
}

export function asProblem({ code, message, fix, position }: TextProblem, file: string): Problem {
  const severity = warnings.has(code) ? 'warning' : 'error';
  return { code, severity, message, fix: fix ?? codes[code].fix, file, ...position };
}

export function byPlace(left: Problem, right: Problem): number {
  const files = byCodeUnit(left.file, right.file);
  return files || left.line - right.line || left.column - right.column || byCodeUnit(left.code, right.code);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
