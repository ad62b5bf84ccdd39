import type { VerifiedScope } from '../../src/governance/index.ts';
import { readManifests, type ScopeResources } from '../../src/manifests/index.ts';
import { type Built, build } from '../../src/mesh/index.ts';

export type ScopeText = {
  /** Dotted scope path; its depth is the scope's. */
  readonly path: string;
  readonly namespaces?: readonly string[];
  readonly hosts?: readonly string[];
  /** YAML by file; a text alone is `mesh.yaml`. */
  readonly files: string | Readonly<Record<string, string>>;
};

/** A scope as governance would hand it on, its manifests read by the real reader; `before` is what it said last. */
export function scope(
  { path, namespaces = ['*'], hosts = ['*'], files }: ScopeText,
  before: ScopeResources | null = null,
): ScopeResources {
  const texts = typeof files === 'string' ? { 'mesh.yaml': files } : files;
  const encoder = new TextEncoder();
  const facts = {
    uid: `uid-${path}`,
    parent: path.includes('.') ? `uid-${path.slice(0, path.lastIndexOf('.'))}` : null,
    path,
    directory: path,
    seq: 1,
    epoch: '0'.repeat(40),
    digest: '',
    commit: '0'.repeat(40),
    owns: { namespaces, hosts },
    granted: { namespaces: [], hosts: [] },
    trustDomain: null,
    signers: [],
    files: Object.entries(texts).map(([file, text]) => ({ path: file, bytes: encoder.encode(text) })),
  };
  return readManifests(facts as unknown as VerifiedScope, before);
}

/** The mesh of some scopes. What the manifests' reader finds is an error of the test. */
export function meshOf(...texts: readonly ScopeText[]): Built {
  const scopes = texts.map((text) => scope(text));
  const wrong = scopes.flatMap(({ problems }) => problems).filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong, null, 1));
  return build(scopes);
}

/** `FL3201 acme/mesh.yaml:3`, in order. */
export function codesOf({ problems }: Built): readonly string[] {
  return problems.map(({ code, file, line }) => `${code} ${file}:${line}`);
}
