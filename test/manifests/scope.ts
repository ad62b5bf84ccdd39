import { join } from 'node:path';
import type { VerifiedScope } from '../../src/governance/index.ts';
import { type Resource, readManifests, type ScopeResources } from '../../src/manifests/index.ts';

/** Files by path, as text or bytes. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A scope as governance would hand it on. Only tests may make one up: what is tested here begins after governance. */
export function scopeOf(files: Files, about: Partial<Omit<VerifiedScope, 'files'>> = {}): VerifiedScope {
  const encoder = new TextEncoder();
  const entries = Object.entries(files).map(([path, content]) => {
    return { path, bytes: typeof content === 'string' ? encoder.encode(content) : content };
  });
  const owns = { namespaces: ['*'], hosts: ['*'] };
  const made = {
    uid: '0'.repeat(64),
    parent: null,
    path: 'acme',
    directory: '',
    owns,
    granted: { namespaces: [], hosts: [] },
    seq: 1,
    signers: [],
    trustDomain: null,
  };
  return { ...made, ...about, files: entries } as unknown as VerifiedScope;
}

/** `code line:column` of every problem of one file, in order: what the tables compare. */
export function problemsOf(content: string | Uint8Array, file = 'a.yaml'): readonly string[] {
  return read({ [file]: content }).problems.map(({ code, line, column }) => `${code} ${line}:${column}`);
}

export function read(files: Files, about?: Parameters<typeof scopeOf>[1]): ScopeResources {
  return readManifests(scopeOf(files, about));
}

/** `Kind namespace/name` of every resource, in order. */
export function named(resources: readonly Resource[]): readonly string[] {
  return resources.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`);
}

/** A manifest with its spec, which may be written in any indentation below `spec:`. */
export function manifest(kind: string, spec: string, name = 'x'): string {
  const apiVersion = kind === 'Service' ? 'v1' : 'networking.istio.io/v1';
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: ${name} }\nspec:\n${spec}\n`;
}

export const exampleDirectory = join(import.meta.dirname, '../../examples-repo/mesh');
