import type { Delegations } from '../generated/schemas/Delegations.ts';
import { validateDelegations } from '../generated/schemas/validators.js';
import { readData } from './data.ts';
import type { Ruleset } from './ruleset.ts';
import { schemaMistake } from './schema.ts';
import type { Policy } from './types.ts';

/** A parent's record of a child scope. It holds no anchors: re-keying a child never touches its parent. */
export type Delegation = {
  readonly name: string;
  readonly uid: string;
  /** Directory of this repository, relative to the parent's; null for a scope that lives elsewhere. It masks, live or dead. */
  readonly path: string | null;
  readonly live: boolean;
  readonly grants: { readonly namespaces: readonly string[]; readonly hosts: readonly string[] };
  /** Checked when the child is created or reconfigured; without one in the record, one that everything meets. */
  readonly floor: Pick<Policy, 'threshold' | 'require'>;
};

export type DelegationsRead =
  | { readonly ok: true; readonly records: readonly Delegation[] }
  | { readonly ok: false; readonly reason: string };

/** Reads `delegations.yaml` (formats.md). Not readable by G12 means that the scope's own digest is ⊥. */
export function readDelegations(bytes: Uint8Array, ruleset: Ruleset): DelegationsRead {
  const data = readData(bytes, ruleset);
  if (!data.ok) return data;
  if (!validateDelegations(data.value))
    return { ok: false, reason: schemaMistake(validateDelegations.errors) };
  const records = (data.value as Delegations).spec.map(readRecord);
  const reason = badRecords(records);
  return reason === null ? { ok: true, records } : { ok: false, reason };
}

function readRecord(record: Delegations['spec'][number]): Delegation {
  return {
    name: record.name,
    uid: record.uid,
    path: record.path ?? null,
    live: record.status !== 'withdrawn' && record.tombstone === undefined && record.forward === undefined,
    grants: { namespaces: record.grants?.namespaces ?? [], hosts: record.grants?.hosts ?? [] },
    floor: { threshold: record.floor?.threshold ?? 1, require: record.floor?.require ?? [] },
  };
}

function badRecords(records: readonly Delegation[]): string | null {
  const uids = new Set<string>();
  const names = new Set<string>();
  const live: string[] = [];
  for (const { uid, name, path, live: isLive } of records) {
    if (uids.has(uid)) return `uid ${uid} twice`;
    uids.add(uid);
    if (isLive && names.has(name)) return `name ${name} twice`;
    if (isLive) names.add(name);
    if (path === null) continue;
    const reason = badPath(path);
    if (reason !== null) return `path ${JSON.stringify(path)}: ${reason}`;
    const nested = isLive ? live.find((other) => isWithin(path, other) || isWithin(other, path)) : undefined;
    if (nested !== undefined) return `paths ${nested} and ${path} are equal or nested`;
    if (isLive) live.push(path);
  }
  return null;
}

function badPath(path: string): string | null {
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    return 'not a plain path';
  const [first] = segments;
  return first === 'anchors' || first === 'identity' ? `${first}/ belongs to the scope itself` : null;
}

/** Component by component: `team-a2` is not within `team-a`. */
function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
