import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { VerifiedScope } from '../governance/index.ts';
import { findKind } from './find-kind.ts';
import { warnings } from './finding.ts';
import { otherKinds } from './kinds/index.ts';
import { asProblem, byPlace, fileOf, formatOf, isManifest, joinFiles, readFile } from './read.ts';
import { readText, type Text, type TextDocument } from './text.ts';
import type { Path, ScopeResources } from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A document of a kind that no mesh has, such as a Deployment; or a whole file in which no document says a kind. */
export type OtherManifest = {
  /** As it says itself; empty where it says none. */
  readonly kind: string;
  readonly file: string;
};

/** Labels of workloads that manifests make: of a Pod, or of the template of a Deployment and its like. */
export type WorkloadLabels = {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
};

type OfflineRead = {
  readonly resources: ScopeResources;
  readonly others: readonly OtherManifest[];
  readonly workloads: readonly WorkloadLabels[];
};

/** A dump of a whole cluster is one document. */
const maxDumpBytes = 64 * 1024 * 1024;

/**
 * `readManifests` for whoever looks at a folder: it also says of each document that its apiVersion is an older one, and
 * which workloads are made. `written`: a scope's own files, as strictly as ever. `exported`: files of an installation
 * that Fairlead does not govern, or what a cluster prints: a List is its items, and other kinds are nobody's mistake.
 */
export function readOffline(scope: VerifiedScope, manner: Manner): OfflineRead {
  const files = scope.files.filter(({ path }) => manner === 'exported' || isManifest(path));
  const sorted = files.toSorted((left, right) => byCodeUnit(left.path, right.path));
  const all = sorted.map((file) => readOne(scope, file, manner));
  const read = all.map((one) => one.read);
  return {
    resources: sortedAs(joinFiles(scope, read)),
    others: all.flatMap(({ others }) => others),
    workloads: all.flatMap(({ workloads }) => workloads),
  };
}

type Manner = 'written' | 'exported';
type File = VerifiedScope['files'][number];

function readOne(scope: VerifiedScope, file: File, manner: Manner) {
  const name = fileOf(scope, file.path);
  const { documents, foreign, problems } =
    manner === 'written' ? writtenDocuments(file) : exportedDocuments(file);
  const read = readFile(scope, file, () => ({ documents, problems }));
  const all = [...read.problems, ...documents.flatMap((document) => older(document, name))];
  return {
    read: { ...read, problems: all },
    others: [
      ...foreign.map(({ value }) => ({ kind: textOf(value.kind), file: name })),
      ...(manner === 'exported' && isKindless(file) ? [{ kind: '', file: name }] : []),
    ],
    workloads: [...documents, ...foreign].flatMap(({ value }) => workloadOf(value)),
  };
}

/** A text, and those of its documents that no mesh reads. */
type Documents = Text & { readonly foreign: readonly TextDocument[] };

function writtenDocuments({ path, bytes }: File): Documents {
  return { ...readText(bytes, formatOf(path)), foreign: [] };
}

function exportedDocuments(file: File): Documents {
  const text = exportedText(file);
  const own: TextDocument[] = [];
  const foreign: TextDocument[] = [];
  for (const document of text.documents) {
    for (const one of unfolded(document)) {
      const isOther = isForeign(one) || (one !== document && isSecret(one));
      (isOther ? foreign : own).push(one);
    }
  }
  const starts = [...own, ...foreign].sort((left, right) => left.position.line - right.position.line);
  const others = new Set(foreign);
  const problems = text.problems.filter(({ code, position }) => {
    const document = warnings.has(code) ? lastBefore(starts, position.line) : undefined;
    return document === undefined || !others.has(document);
  });
  return { problems, documents: own, foreign };
}

/** Whether any of its documents could say what it is. */
function mayHoldManifests(file: File): boolean {
  return sourceOf(file).includes('apiVersion');
}

/** Whether it says something, but nowhere of which kind. */
function isKindless(file: File): boolean {
  return !mayHoldManifests(file) && /^(?![ \t\r]*(?:#|---[ \t\r]*$|$))/m.test(sourceOf(file).toString());
}

function sourceOf({ bytes }: File): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The last of `documents`, which are in order, that begins at a line or before it. */
function lastBefore(documents: readonly TextDocument[], line: number): TextDocument | undefined {
  let [start, end] = [0, documents.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    if ((documents[middle]?.position.line ?? 0) <= line) start = middle + 1;
    else end = middle;
  }
  return documents[start - 1];
}

/** What a cluster prints of its Secrets is not in git for that. */
function isSecret({ value }: TextDocument): boolean {
  return value.kind === 'Secret';
}

function sortedAs(resources: ScopeResources): ScopeResources {
  return { ...resources, problems: resources.problems.toSorted(byPlace) };
}

/** Nothing of a file that cannot hold a manifest: charts and pipelines stand beside them, templates wait for values. */
function exportedText(file: File): Text {
  const { path, bytes } = file;
  if (!mayHoldManifests(file)) return { documents: [], problems: [] };
  const text = readText(bytes, formatOf(path), maxDumpBytes);
  const isTemplate = text.problems.length > 0 && sourceOf(file).includes('{{');
  return isTemplate ? { ...text, problems: [] } : text;
}

/** A `List`, or a `VirtualServiceList` whose items need not say what they are. */
function unfolded(list: TextDocument): readonly TextDocument[] {
  const { apiVersion, kind, items } = list.value;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items)) return [list];
  const said = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  return items.flatMap((item: unknown, index) => {
    if (!isFields(item)) return [];
    const path = ['items', index];
    return {
      value: { ...said, ...item },
      position: list.at(path),
      outline: { ...list.outline, offsets: new Map() },
      at: (inner: Path) => list.at([...path, ...inner]),
      keyAt: (inner: Path) => list.keyAt([...path, ...inner]),
    };
  });
}

function isForeign({ value }: TextDocument): boolean {
  const found = findKind(value);
  // Most ConfigMaps of a cluster are for applications.
  if ('kind' in found) return value.kind === 'ConfigMap' && fieldsOf(value.data).mesh === undefined;
  const { code } = found.finding;
  if (code !== 'FL2101' && code !== 'FL2102' && code !== 'FL2114') return false;
  const [group = '', version] = textOf(value.apiVersion).split('/');
  return version === undefined || otherKinds[group] === undefined;
}

/** That newer versions of its kind are read is no reason to change it today. */
function older(document: TextDocument, file: string): readonly Problem[] {
  const found = findKind(document.value);
  if (!('kind' in found)) return [];
  const { name, apiVersions } = found.kind;
  const [newest = ''] = apiVersions;
  const { apiVersion } = document.value;
  if (apiVersion === newest) return [];
  const message = `${apiVersion} is an older version of ${name}`;
  const position = document.at(['apiVersion']);
  return [asProblem({ code: 'FL2116', message, fix: `write ${newest}`, position }, file)];
}

function workloadOf(document: Fields): readonly WorkloadLabels[] {
  const { kind, metadata, spec } = document;
  const namespace = textOf(fieldsOf(metadata).namespace) || 'default';
  const template = fieldsOf(fieldsOf(fieldsOf(spec).template).metadata);
  const labels = kind === 'Pod' ? fieldsOf(metadata).labels : template.labels;
  if (kind === 'WorkloadGroup' || !isFields(labels)) return [];
  const texts = Object.entries(labels).map(([name, value]) => [name, String(value)] as const);
  return [{ namespace, labels: Object.fromEntries(texts) }];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
