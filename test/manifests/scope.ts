import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
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
    path: 'acme',
    directory: '',
    owns,
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

/** The two scopes of `examples-repo`, as they stand in the worktree. */
export function exampleScopes(): readonly VerifiedScope[] {
  const isGovernance = /^(scope\.yaml|delegations\.yaml|anchors\/.*)$/;
  const entries = readdirSync(exampleDirectory, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const all = paths.map((path) => [relative(exampleDirectory, path), readFileSync(path, 'utf8')] as const);
  const within = (prefix: string) => all.filter(([path]) => path.startsWith(prefix));
  const own = (files: typeof all) => Object.fromEntries(files.filter(([path]) => !isGovernance.test(path)));
  const root = all.filter(([path]) => !path.startsWith('payments/'));
  const child = within('payments/').map(([path, text]) => [path.slice('payments/'.length), text] as const);
  const payments = { uid: '1'.repeat(64), path: 'payments.acme', directory: 'payments' };
  const owns = { namespaces: ['payments'], hosts: ['pay.acme.example'] };
  return [scopeOf(own(root)), scopeOf(own(child), { ...payments, owns })];
}
