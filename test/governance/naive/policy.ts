import { parse } from 'yaml';

export type Anchor = { readonly name: string; readonly type: string; readonly keys: readonly string[] };

export type Policy = {
  readonly name: string;
  readonly salt: string;
  readonly anchors: readonly Anchor[];
  readonly threshold: number;
  readonly byClass: Readonly<Record<string, number>>;
  readonly require: readonly { readonly type: string; readonly atLeast: number }[];
  readonly statements: string;
  readonly recovery: { readonly threshold: number; readonly anchors: readonly Anchor[] } | null;
};

export type Floor = Pick<Policy, 'threshold' | 'require'>;

export type DelegationRecord = {
  readonly name: string;
  readonly uid: string;
  /** Where it masks, live or dead. */
  readonly path: string | null;
  readonly kind: 'live' | 'withdrawn' | 'tombstone' | 'forward';
  /** The uid that a merge names; else null. */
  readonly successor: string | null;
  /** Of a scope that has a repository of its own: what is at its genesis there. */
  readonly repository: { readonly digest: string; readonly seq: number } | null;
  /** The dotted path to which a scope has gone; else null. */
  readonly forward: string | null;
  readonly floor: Floor;
  /** Everything that the record says, to see whether it was edited. */
  readonly text: string;
  /** Its grants and floor. */
  readonly terms: string;
};

type Yaml = { readonly [name: string]: unknown };

function mapOf(value: unknown): Yaml {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Yaml) : {};
}

function listOf(value: unknown): readonly Yaml[] {
  return Array.isArray(value) ? value.map(mapOf) : [];
}

/** Null where it is not YAML, or could never work (G6). */
export function parsePolicy(text: string | undefined): Policy | null {
  const file = mapOf(yamlOf(text));
  const spec = mapOf(file.spec);
  const quorum = mapOf(spec.quorum);
  const policy: Policy = {
    name: String(mapOf(file.metadata).name),
    salt: String(spec.salt),
    anchors: listOf(spec.anchors).map(anchorOf),
    threshold: Number(quorum.threshold),
    byClass: mapOf(quorum.byClass) as Readonly<Record<string, number>>,
    require: requireOf(quorum.require),
    statements: String(quorum.statements ?? 'Optional'),
    recovery: spec.recovery === undefined ? null : recoveryOf(mapOf(spec.recovery)),
  };
  return canWork(policy) ? policy : null;
}

function requireOf(value: unknown): Policy['require'] {
  return listOf(value).map(({ type, atLeast }) => ({ type: String(type), atLeast: Number(atLeast) }));
}

function recoveryOf({ threshold, anchors }: Yaml): Policy['recovery'] {
  return { threshold: Number(threshold), anchors: listOf(anchors).map(anchorOf) };
}

function anchorOf({ name, type, keys }: Yaml): Anchor {
  return {
    name: String(name),
    type: String(type ?? 'human'),
    keys: listOf(keys).map(({ ssh, openpgp }) => keyOf(ssh ?? openpgp)),
  };
}

/** The key without its comment, or the fingerprint of a certificate. */
export function keyOf(line: unknown): string {
  return String(line).split(' ').slice(0, 2).join(' ');
}

function yamlOf(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : parse(text);
  } catch {
    return undefined;
  }
}

const STRUCTURAL = ['delegate', 'split', 'merge', 'move', 'dissolve', 'undelegate'] as const;

export function threshold(policy: Policy, of: string): number {
  const listed = policy.byClass[of];
  if (listed !== undefined) return listed;
  if (of === 'update') return policy.threshold;
  if (of === 'renew') return threshold(policy, 'update');
  if (of === 'reconfigure') return Math.max(policy.threshold, threshold(policy, 'update'));
  return threshold(policy, 'reconfigure');
}

function canWork(policy: Policy): boolean {
  const { anchors, recovery, require } = policy;
  const everybody = [...anchors, ...(recovery?.anchors ?? [])];
  const keys = everybody.flatMap((anchor) => anchor.keys);
  const names = everybody.map(({ name }) => name);
  const reconfigure = threshold(policy, 'reconfigure');
  const classes = ['update', 'reconfigure', ...STRUCTURAL];
  const count = (type: string) => anchors.filter((anchor) => anchor.type === type).length;
  return (
    anchors.length > 0 &&
    new Set(keys).size === keys.length &&
    new Set(names).size === names.length &&
    classes.every((each) => threshold(policy, each) >= 1 && threshold(policy, each) <= anchors.length) &&
    require.every(({ type, atLeast }) => atLeast <= count(type)) &&
    (recovery === null || (recovery.threshold >= 1 && recovery.threshold <= recovery.anchors.length)) &&
    threshold(policy, 'update') <= reconfigure &&
    STRUCTURAL.every((each) => reconfigure <= threshold(policy, each))
  );
}

/** Without a file there are no records; null where it cannot be read (G12). */
export function parseRecords(text: string | undefined): readonly DelegationRecord[] | null {
  if (text === undefined) return [];
  const { kind, spec } = mapOf(yamlOf(text));
  if (kind !== 'Delegations' || !Array.isArray(spec)) return null;
  const records = listOf(spec).map(recordOf);
  const keys = records.map(recordKey);
  const live = records.filter((record) => record.kind === 'live');
  const placed = records.filter((record) => record.kind === 'live' || record.kind === 'withdrawn');
  const paths = placed.flatMap(({ path }) => (path === null ? [] : [path]));
  const names = live.map(({ name }) => name);
  const isBad =
    new Set(keys).size !== keys.length ||
    new Set(names).size !== names.length ||
    records.some(({ path }) => path !== null && /^(anchors|identity)(\/|$)/.test(path)) ||
    paths.some((path, at) => paths.some((other, to) => at !== to && isInside(path, other)));
  return isBad ? null : records;
}

/** A uid has one record that says where it is, and one at each name that it left. */
export function recordKey({ kind, uid, name }: DelegationRecord): string {
  return kind === 'forward' ? `${uid} ${name}` : uid;
}

/** Component by component. */
export function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function repositoryOf({ digest, seq }: Yaml): DelegationRecord['repository'] {
  return { digest: String(digest), seq: Number(seq) };
}

function recordOf(record: Yaml): DelegationRecord {
  const { name, uid, path, status, tombstone, forward } = record;
  const floor = mapOf(record.floor);
  const kind =
    tombstone !== undefined
      ? 'tombstone'
      : forward !== undefined
        ? 'forward'
        : status === 'withdrawn'
          ? 'withdrawn'
          : 'live';
  return {
    name: String(name),
    uid: String(uid),
    path: path === undefined ? null : String(path),
    kind,
    successor: tombstone === undefined || tombstone === 'none' ? null : String(tombstone),
    repository: record.repository === undefined ? null : repositoryOf(mapOf(record.repository)),
    forward: forward === undefined ? null : String(forward),
    floor: { threshold: Number(floor.threshold ?? 1), require: requireOf(floor.require) },
    text: JSON.stringify(record),
    terms: JSON.stringify([record.grants, record.floor]),
  };
}

/** Whether every class of a policy is as strong as a floor, or at least as strong as it was. */
export function meetsFloor(
  policy: Policy,
  { threshold: least, require }: Floor,
  old: Policy | null,
): boolean {
  return ['update', 'reconfigure', ...STRUCTURAL].every((each) => {
    const isStrong = (measure: (of: Policy) => number, needed: number) =>
      measure(policy) >= needed || (old !== null && measure(policy) >= measure(old));
    return (
      isStrong((of) => threshold(of, each), least) &&
      require.every(({ type, atLeast }) => isStrong((of) => certain(of, each, type), atLeast))
    );
  });
}

/** How many anchors of a type are in every quorum for a class. */
function certain(policy: Policy, of: string, type: string): number {
  const listed = policy.require.filter((each) => each.type === type).map(({ atLeast }) => atLeast);
  const others = policy.anchors.filter((anchor) => anchor.type !== type).length;
  return Math.max(0, ...listed, threshold(policy, of) - others);
}
