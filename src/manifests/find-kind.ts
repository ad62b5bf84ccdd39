import type { Finding } from './finding.ts';
import { kinds, otherKinds } from './kinds/index.ts';
import type { Kind } from './kinds/kind.ts';
import { nearest } from './nearest.ts';

type Document = Readonly<Record<string, unknown>>;
type Found = { readonly kind: Kind } | { readonly finding: Finding };

/** The kind that a document says it is of, or what is wrong with that. */
export function findKind(document: Document): Found {
  const { apiVersion, kind } = document;
  for (const [field, value] of Object.entries({ apiVersion, kind })) {
    if (typeof value === 'string' && value !== '') continue;
    if (value === undefined) return refuse('FL2101', `${field} is missing`, []);
    return refuse('FL2107', `${field} is not text`, [field]);
  }
  if (kind === 'ConfigMap' && !hasMeshConfig(document)) {
    return refuse('FL2114', 'Fairlead reads a ConfigMap only for the MeshConfig in data.mesh', ['kind']);
  }
  return byName(String(apiVersion), String(kind));
}

function hasMeshConfig({ data }: Document): boolean {
  return typeof (data as { mesh?: unknown } | null | undefined)?.mesh === 'string';
}

function byName(apiVersion: string, name: string): Found {
  if (name === 'Scope' || name === 'Delegations')
    return refuse('FL2113', `a ${name} stands in this file`, ['kind']);
  if (name === 'Secret') return refuse('FL2115', 'a Secret stands in git', ['kind']);
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const named = kinds.filter((candidate) => candidate.name === name);
  const kind = named.find(({ apiVersions }) => apiVersions.includes(apiVersion));
  if (kind !== undefined) return { kind };
  if (otherKinds[group]?.includes(name)) {
    return refuse('FL2114', `Fairlead knows ${apiVersion} ${name}, but does not honour it yet`, ['kind']);
  }
  if (named.length > 0) {
    const fix = `write ${named.flatMap(({ apiVersions }) => apiVersions).join(', ')}`;
    return refuse('FL2103', `${name} has no apiVersion ${apiVersion}`, ['apiVersion'], fix);
  }
  return unknown(apiVersion, name);
}

function unknown(apiVersion: string, name: string): Found {
  const names = [...kinds.map((kind) => kind.name), ...Object.values(otherKinds).flat()];
  const meant = nearest(name, names);
  const fix = name === 'List' ? 'write its items as documents of their own' : undefined;
  return refuse(
    'FL2102',
    `${apiVersion} ${name} is no kind of a mesh`,
    ['kind'],
    fix ?? (meant === null ? fix : `did you mean ${meant}?`),
  );
}

function refuse(code: Finding['code'], message: string, path: Finding['path'], fix?: string): Found {
  return { finding: { code, message, path, ...(fix === undefined ? {} : { fix }) } };
}
