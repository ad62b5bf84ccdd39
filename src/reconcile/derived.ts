import { createHash } from 'node:crypto';
import { byCodeUnit } from '../base/order.ts';
import type { LineState, ScopeState } from '../governance/index.ts';
import { closed, isDigest, isId, isLine, mapOf, parsed } from './shape.ts';

/** What a replica derived at a tip, as others can compare it (G20): one line for each scope, by uid. */
export type Derived = {
  readonly tip: string;
  readonly digest: string;
  readonly scopes: ReadonlyMap<string, string>;
};

export function derivedOf({ tip, scopes }: LineState): Derived {
  return derived(tip, new Map([...scopes.values()].map((scope) => [scope.uid, lineOf(scope)])));
}

export function formatDerived({ tip, scopes }: Derived): string {
  return JSON.stringify({ tip, scopes: Object.fromEntries(scopes) });
}

/** Strict: null for anything that `formatDerived` would not have written. */
export function parseDerived(text: string): Derived | null {
  const value = parsed(text);
  if (!isDerived(value)) return null;
  const { tip, scopes } = value as {
    readonly tip: string;
    readonly scopes: Readonly<Record<string, string>>;
  };
  return derived(tip, new Map(Object.entries(scopes)));
}

const isDerived = closed({ tip: isId, scopes: mapOf(isDigest, isLine(200)) });

/**
 * Whether a scope here and what another line says of it may be one line at two times: it was so here, or may become so. What
 * it was never, at a number that it has had, is another line of it (G20).
 */
export function mayBeOneLine({ seq, accepted, lineage }: ScopeState, said: string): boolean {
  const [number, , digest] = said.split(' ');
  const at = Number(number);
  if (at === seq) return digest === accepted.digest;
  return at > seq || lineage.some((entry) => entry.seq === at && entry.next === digest);
}

/** In the order of uids, so that all replicas say the same. */
function derived(tip: string, scopes: ReadonlyMap<string, string>): Derived {
  const hash = createHash('sha256');
  for (const uid of [...scopes.keys()].sort(byCodeUnit)) hash.update(`${uid} ${scopes.get(uid)}\n`);
  return { tip, scopes, digest: hash.digest('hex') };
}

const lines = new WeakMap<ScopeState, string>();

function lineOf(scope: ScopeState): string {
  const { seq, epoch, accepted, status } = scope;
  const line = lines.get(scope) ?? `${seq} ${epoch.commit} ${accepted.digest} ${status}`;
  lines.set(scope, line);
  return line;
}
