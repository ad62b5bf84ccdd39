import { scopeYaml } from '../world.ts';
import type { Files } from './history.ts';
import { filesAt, hash, join, type Own, own, uidOf } from './own.ts';
import type { DelegationRecord } from './policy.ts';
import { dotted, type Scope, type State } from './state.ts';
import type { Member } from './statement.ts';
import { recordsYaml } from './world.ts';

/** What a team wants to become of its scopes. */
export const RESTRUCTURINGS = [
  'delegate',
  'split',
  'dissolve',
  'merge',
  'merge with a sibling',
  'merge in a new one',
  'move',
  'rename',
  'move to an own repository',
  'undelegate',
  'redelegate',
  'edit',
  'delegate and dissolve',
  'delegate the dead',
] as const;

/** What somebody writes who has no right to. */
export const SEIZURES = [
  'annex',
  'annex and forward',
  'bury the living',
  'forget',
  'remove',
  'rekey',
] as const;

export type Restructuring = (typeof RESTRUCTURINGS)[number] | (typeof SEIZURES)[number];

/** The tree afterwards, whose consent it needs, and with what (in one group, if there is more than one). */
export type Plan = {
  readonly files: Files;
  readonly members: readonly Member[];
  /** Names of anchors that no state has yet. */
  readonly newcomers: readonly string[];
};

type Json = Readonly<Record<string, unknown>>;
type Draft = { readonly state: State; readonly files: Map<string, string> };

/** `scope` is the parent, or the scope that leaves its parent for `other`; `n` makes names and salts. */
export function plan(
  state: State,
  before: Files,
  what: Restructuring,
  scope: Scope,
  other: Scope,
  n: number,
): Plan | null {
  const draft = { state, files: new Map(before) };
  const parent = state.get(scope.parent ?? '');
  switch (what) {
    case 'delegate':
    case 'split':
    case 'delegate the dead':
      return create(draft, scope, what, n);
    case 'dissolve':
    case 'merge':
      return parent === undefined ? null : bury(draft, scope, parent, what);
    case 'delegate and dissolve': {
      const first = parent === undefined ? null : bury(draft, scope, parent, 'dissolve');
      const second = parent === undefined ? null : create(draft, parent, 'delegate', n);
      if (first === null || second === null) return null;
      return {
        ...second,
        members: [...first.members.filter(({ uid }) => uid === scope.uid), ...second.members],
      };
    }
    case 'move':
      return parent === undefined ? null : move(draft, scope, parent, other, n);
    case 'rename':
      return parent === undefined ? null : rename(draft, scope, parent, n);
    case 'merge with a sibling':
      return parent === undefined || other.parent !== parent.uid || other === scope
        ? null
        : unite(draft, scope, parent, other);
    case 'merge in a new one': {
      const made = parent === undefined ? null : create(draft, parent, 'delegate', n);
      const heir = made?.members.at(-1)?.uid ?? '';
      return parent === undefined || made === null
        ? null
        : inherit(draft, scope, parent, heir, made.newcomers);
    }
    case 'move to an own repository':
      return parent === undefined ? null : emigrate(draft, scope, parent, n);
    case 'undelegate':
    case 'redelegate': {
      if (parent === undefined) return null;
      const { status: _old, ...kept } = recordOf(draft, parent, scope.uid);
      record(draft, parent, what === 'redelegate' ? kept : { ...kept, status: 'withdrawn' });
      return done(draft, what === 'redelegate' ? [same(scope), at(draft, parent)] : [at(draft, parent)]);
    }
    case 'edit':
      if (parent === undefined) return null;
      record(draft, parent, { ...recordOf(draft, parent, scope.uid), floor: floorOf(n) });
      return done(draft, [at(draft, parent)]);
    default:
      return seize(draft, what, scope, other);
  }
}

function floorOf(n: number): Json {
  const threshold = 1 + (n % 2);
  return n % 3 === 0 ? { threshold, require: [{ type: 'human', atLeast: 1 }] } : { threshold };
}

function seize(draft: Draft, what: (typeof SEIZURES)[number], scope: Scope, other: Scope): Plan | null {
  const parent = draft.state.get(scope.parent ?? '');
  if (parent === undefined) return null;
  const old = recordOf(draft, parent, scope.uid);
  const members = () => [at(draft, parent), at(draft, other), same(scope)];
  if (what === 'annex') {
    record(draft, other, { ...old, path: 'annexed' });
    transfer(draft, scope.place, join(other.place, 'annexed'));
  } else if (what === 'annex and forward') {
    // The bytes stay where they were.
    record(draft, other, { ...old, path: 'annexed' });
    record(draft, parent, { name: old.name, uid: scope.uid, forward: 's.annexed' });
  } else if (what === 'bury the living') record(draft, parent, { ...old, tombstone: 'none' });
  else if (what === 'forget') forget(draft, parent, scope.uid);
  else if (what === 'remove') clear(draft, scope.place);
  else
    draft.files.set(join('mesh', join(scope.place, 'scope.yaml')), scopeYaml({ name: 'k', anchors: ['x'] }));
  return done(draft, members());
}

/** The consents, once for each scope, of those that the tree has in it. */
function done(
  { files }: Draft,
  members: readonly (Member | null)[],
  newcomers: readonly string[] = [],
): Plan {
  const found = new Map(
    members.flatMap((member) => (member === null ? [] : [[member.uid, member] as const])),
  );
  return { files, members: [...found.values()], newcomers };
}

const CHILDREN = ['k', 'l', 'm'] as const;
const NEWCOMERS = [['n'], ['x', 'n'], ['w', 'z']] as const;

function create(
  draft: Draft,
  parent: Scope,
  what: 'delegate' | 'split' | 'delegate the dead',
  n: number,
): Plan | null {
  const name = CHILDREN[n % CHILDREN.length] ?? 'k';
  const anchors = NEWCOMERS[n % NEWCOMERS.length] ?? ['n'];
  const place = join(parent.place, name);
  if (filesAt(draft.files, place).size > 0 || draft.files.has(`mesh/${place}`)) return null;
  const salt = hash(what === 'delegate the dead' ? name : `${parent.uid} ${parent.seq} ${n}`).slice(0, 32);
  const yaml = scopeYaml({ name, anchors, salt, quorum: '{ threshold: 1 }', owns: '{}' });
  draft.files.set(`mesh/${place}/scope.yaml`, yaml);
  const old = join('mesh', join(parent.place, 'v.yaml'));
  draft.files.set(`mesh/${place}/v.yaml`, what === 'split' ? (draft.files.get(old) ?? '0') : '0');
  if (what === 'split') draft.files.delete(old);
  const child = ownNow(draft, place);
  if (child === null) return null;
  const uid = uidOf(child);
  record(draft, parent, { name, uid, path: name });
  const first = { uid, seq: 1, base: 'none', next: child.digest };
  return done(draft, [at(draft, parent), first], anchors);
}

function bury(draft: Draft, scope: Scope, parent: Scope, what: 'dissolve' | 'merge'): Plan {
  const old = recordOf(draft, parent, scope.uid);
  const [name, files] = [String(old.name), filesAt(draft.files, scope.place)];
  clear(draft, scope.place);
  for (const [path, text] of what === 'merge' ? files : [])
    if (path !== 'scope.yaml') draft.files.set(join('mesh', join(parent.place, `of-${name}-${path}`)), text);
  record(draft, parent, { ...old, tombstone: what === 'merge' ? parent.uid : 'none' });
  return done(draft, [{ ...same(scope), next: 'gone' }, at(draft, parent)]);
}

function move(draft: Draft, scope: Scope, parent: Scope, other: Scope, n: number): Plan | null {
  if (other.uid === parent.uid) return null;
  const old = recordOf(draft, parent, scope.uid);
  const name = `moved-${n % 3}`;
  record(draft, other, { ...old, name, path: name });
  record(draft, parent, { name: old.name, uid: scope.uid, forward: `${dotted(draft.state, other)}.${name}` });
  transfer(draft, scope.place, join(other.place, name));
  return done(draft, [same(scope), at(draft, parent), at(draft, other)]);
}

/** A new name and a new place below the same parent. */
function rename(draft: Draft, scope: Scope, parent: Scope, n: number): Plan {
  const old = recordOf(draft, parent, scope.uid);
  const name = `named-${n % 3}`;
  record(draft, parent, { ...old, name, path: n % 2 === 0 ? name : old.path });
  const records = recordsAt(draft, parent).map(({ text }) => JSON.parse(text) as Json);
  const forward = { name: old.name, uid: scope.uid, forward: `${dotted(draft.state, parent)}.${name}` };
  write(draft, parent, name === old.name ? records : [...records, forward]);
  if (n % 2 === 0) transfer(draft, scope.place, join(parent.place, name));
  return done(draft, [same(scope), at(draft, parent)]);
}

function unite(draft: Draft, scope: Scope, parent: Scope, heir: Scope): Plan {
  const files = filesAt(draft.files, scope.place);
  const old = recordOf(draft, parent, scope.uid);
  clear(draft, scope.place);
  for (const [path, text] of files)
    if (path !== 'scope.yaml') draft.files.set(`mesh/${heir.place}/of-${old.name}-${path}`, text);
  record(draft, parent, { ...old, tombstone: heir.uid });
  return done(draft, [{ ...same(scope), next: 'gone' }, at(draft, heir), at(draft, parent)]);
}

/** The files of one that ends are those that a new one begins with. */
function inherit(
  draft: Draft,
  scope: Scope,
  parent: Scope,
  heir: string,
  newcomers: readonly string[],
): Plan | null {
  const born = recordsAt(draft, parent).find(({ uid }) => uid === heir);
  const place = join(parent.place, born?.path ?? '');
  for (const [path, text] of filesAt(draft.files, scope.place))
    if (path !== 'scope.yaml') draft.files.set(`mesh/${place}/${path}`, text);
  clear(draft, scope.place);
  record(draft, parent, { ...recordOf(draft, parent, scope.uid), tombstone: heir });
  const next = ownNow(draft, place)?.digest;
  if (next === undefined) return null;
  const first = { uid: heir, seq: 1, base: 'none', next };
  return done(draft, [{ ...same(scope), next: 'gone' }, first, at(draft, parent)], newcomers);
}

function emigrate(draft: Draft, scope: Scope, parent: Scope, n: number): Plan {
  const { path: _path, ...old } = recordOf(draft, parent, scope.uid);
  const genesis = `sha1:${'1'.repeat(40)}`;
  const there = {
    urls: ['https://git.example/c.git'],
    branch: 'main',
    path: 'mesh',
    genesis,
    digest: scope.digest,
  };
  clear(draft, scope.place);
  record(draft, parent, { ...old, repository: { ...there, seq: scope.seq + (n % 4 === 0 ? 0 : 1) } });
  return done(draft, [{ ...same(scope), next: 'gone' }, at(draft, parent)]);
}

function clear({ files }: Draft, place: string): void {
  for (const path of filesAt(files, place).keys()) files.delete(`mesh/${place}/${path}`);
}

function transfer(draft: Draft, from: string, to: string): void {
  const files = filesAt(draft.files, from);
  clear(draft, from);
  for (const [path, text] of files) draft.files.set(`mesh/${to}/${path}`, text);
}

/** A draft is still being written: `own` would remember it as it was. */
function ownNow({ files }: Draft, place: string): Own | null {
  return own(new Map(files), place);
}

function recordsAt(draft: Draft, { place }: Scope): readonly DelegationRecord[] {
  return ownNow(draft, place)?.records ?? [];
}

function recordOf(draft: Draft, parent: Scope, uid: string): Json {
  const found = recordsAt(draft, parent).find((each) => each.uid === uid && each.kind !== 'forward');
  return found === undefined ? { name: 'nobody', uid } : (JSON.parse(found.text) as Json);
}

/** Puts a record in the place of the one of that uid, or at the end; what forwards, stays. */
function record(draft: Draft, parent: Scope, added: Json): void {
  const old = recordsAt(draft, parent).map(({ text }) => JSON.parse(text) as Json);
  const isOld = ({ uid, forward }: Json) => uid === added.uid && forward === undefined;
  write(draft, parent, old.some(isOld) ? old.map((each) => (isOld(each) ? added : each)) : [...old, added]);
}

function forget(draft: Draft, parent: Scope, uid: string): void {
  const old = recordsAt(draft, parent).map(({ text }) => JSON.parse(text) as Json);
  write(
    draft,
    parent,
    old.filter((each) => each.uid !== uid),
  );
}

function write({ files }: Draft, { place }: Scope, records: readonly Json[]): void {
  files.set(join('mesh', join(place, 'delegations.yaml')), recordsYaml(records));
}

/** A consent to what the tree makes of a scope; null where it makes nothing of it. */
function at(draft: Draft, { uid, seq, digest, place }: Scope): Member | null {
  const next = ownNow(draft, place);
  return next === null ? null : { uid, seq: seq + 1, base: digest, next: next.digest };
}

function same({ uid, seq, digest }: Scope): Member {
  return { uid, seq: seq + 1, base: digest, next: digest };
}
