import type { Delegations } from '../generated/schemas/Delegations.ts';
import { validateDelegations } from '../generated/schemas/validators.js';
import { readData } from './data.ts';
import type { Ruleset } from './ruleset.ts';
import { schemaMistake } from './schema.ts';
import type { Policy } from './types.ts';

/** Where a scope with a repository of its own lives, and what stands at its genesis there. */
type Repository = {
  readonly urls: readonly string[];
  readonly branch: string;
  readonly path: string;
  readonly genesis: string;
  readonly digest: string;
  readonly seq: number | null;
};

/** A parent's record of a child scope. It holds no anchors: re-keying a child never touches its parent. */
export type Delegation = {
  readonly name: string;
  readonly uid: string;
  /** `forward` stands at a name that a scope has left; every other uid has one record. */
  readonly status: 'live' | 'withdrawn' | 'tombstone' | 'forward';
  /** Directory of this repository, relative to the parent's; null for a scope that lives elsewhere. It masks, live or dead. */
  readonly path: string | null;
  readonly repository: Repository | null;
  readonly live: boolean;
  /** Of a tombstone: uid of the successor, or null. */
  readonly successor: string | null;
  /** Dotted path of the scope that has left; else null. */
  readonly forward: string | null;
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
  const { name, uid, path, repository, tombstone, forward } = record;
  const status =
    forward !== undefined ? 'forward' : tombstone !== undefined ? 'tombstone' : (record.status ?? 'live');
  return {
    name,
    uid,
    status,
    path: path ?? null,
    repository: repository === undefined ? null : { ...repository, seq: repository.seq ?? null },
    live: status === 'live',
    successor: tombstone === undefined || tombstone === 'none' ? null : tombstone,
    forward: forward ?? null,
    grants: { namespaces: record.grants?.namespaces ?? [], hosts: record.grants?.hosts ?? [] },
    floor: { threshold: record.floor?.threshold ?? 1, require: record.floor?.require ?? [] },
  };
}

/** The one record of each uid that says where its scope is; lists are long, and are asked often. */
export function recordsByUid(records: readonly Delegation[]): ReadonlyMap<string, Delegation> {
  const known = byUid.get(records);
  if (known !== undefined) return known;
  const mains = records
    .filter(({ status }) => status !== 'forward')
    .map((record) => [record.uid, record] as const);
  const made = new Map(mains);
  byUid.set(records, made);
  return made;
}

const byUid = new WeakMap<readonly Delegation[], ReadonlyMap<string, Delegation>>();

function badRecords(records: readonly Delegation[]): string | null {
  const seen = new Set<string>();
  const names = new Set<string>();
  for (const record of records) {
    const { uid, name, path, live } = record;
    const key = record.status === 'forward' ? `${uid} ${name}` : uid;
    if (seen.has(key)) return `uid ${uid} twice`;
    seen.add(key);
    if (live && names.has(name)) return `name ${name} twice`;
    if (live) names.add(name);
    const reason = badPlace(record) ?? (path === null ? null : badPath(path));
    if (reason !== null) return `${path === null ? name : `path ${JSON.stringify(path)}`}: ${reason}`;
  }
  return nested(records.flatMap(({ status, path }) => (status === 'tombstone' ? [] : (path ?? []))));
}

/** A scope stands at one place; one that has left, at none. */
function badPlace({ status, path, repository }: Delegation): string | null {
  const places = (path === null ? 0 : 1) + (repository === null ? 0 : 1);
  if (status === 'forward') return places === 0 ? null : 'a forward has neither path nor repository';
  return places === 1 ? null : 'a record has either a path or a repository';
}

/** Own digest: no two paths are equal or nested. A dead one's place may be used again. */
function nested(paths: readonly string[]): string | null {
  const sorted = paths.map((path) => `${path}/`).sort();
  const at = sorted.findIndex((path, place) => sorted[place + 1]?.startsWith(path));
  const [outer, inner] = [sorted[at], sorted[at + 1]];
  if (outer === undefined || inner === undefined) return null;
  return `paths ${outer.slice(0, -1)} and ${inner.slice(0, -1)} are equal or nested`;
}

function badPath(path: string): string | null {
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    return 'not a plain path';
  const [first] = segments;
  return first === 'anchors' || first === 'identity' ? `${first}/ belongs to the scope itself` : null;
}
