import { type Candidate, differences, kindOf, type Proposal } from './candidate.ts';
import type { Commit } from './history.ts';
import { filesAt, join, type Own, own, uidOf } from './own.ts';
import { type DelegationRecord, isInside, meetsFloor, parsePolicy, recordKey } from './policy.ts';
import { dotted, floorsOf, type Scope, type State } from './state.ts';
import { groupDigest } from './statement.ts';

type Role = 'parent' | 'created' | 'moved' | 'gone' | 'consenting' | 'successor';

/** What one changed record asks of the scopes that it concerns; null where no quorum could accept it. */
type Change = {
  readonly kind: 'delegate' | 'undelegate' | 'dissolve' | 'merge' | 'move';
  readonly parent: string;
  readonly roles: readonly { readonly uid: string; readonly role: Role }[];
  readonly record: DelegationRecord;
};

type Moment = {
  readonly before: State;
  readonly mi: Commit;
  /** Where a live scope is measured. */
  readonly placeOf: (scope: Scope) => string;
};

/** Uids of live scopes that a record in another live scope's tree claims: uid → the place that it would have. */
export function claimedMoves(
  before: State,
  mi: Commit,
): ReadonlyMap<string, { uid: string; parent: string; place: string }> {
  const moves = new Map<string, { uid: string; parent: string; place: string }>();
  for (const scope of living(before)) {
    for (const record of own(mi.files, scope.place)?.records ?? []) {
      const claimed = before.get(record.uid);
      if (record.path === null || claimed?.isLive !== true) continue;
      const place = join(scope.place, record.path);
      const isMine = claimed.parent === scope.uid;
      if (isMine ? claimed.place === place || record.kind === 'tombstone' : record.kind !== 'live') continue;
      moves.set(`${record.uid} ${scope.uid}`, { uid: record.uid, parent: scope.uid, place });
    }
  }
  return moves;
}

export function living(state: State): readonly Scope[] {
  return [...state.values()].filter(({ isLive }) => isLive);
}

/** The candidates of all structural groups at mi that are as they must be; the others have none. */
export function structural(moment: Moment): readonly Omit<Proposal, 'votes'>[] {
  const all: Change[] = [];
  const broken = new Set<string>();
  for (const scope of living(moment.before)) {
    const next = own(moment.mi.files, moment.placeOf(scope));
    if (next === null || next.digest === scope.digest || kindOf(scope.bytes, next) !== 'structural') continue;
    const found = changesOf(moment, scope, next);
    if (found.some((change) => change === null)) broken.add(scope.uid);
    all.push(...found.flatMap((change) => change ?? []));
  }
  return connected(possible(moment, all, broken)).flatMap((group) => candidatesOf(moment, group) ?? []);
}

/**
 * What a scope asks of others that nobody could accept, whoever signs, is held alone and with all else that the scope
 * asks (G18): it connects nobody, or a bogus record would hold a scope that has not changed.
 */
function possible(moment: Moment, all: readonly Change[], broken: Set<string>): readonly Change[] {
  breakImpossible(moment, all, broken);
  const left = all.filter(({ parent }) => !broken.has(parent));
  // A uid that is introduced twice at one commit is nobody's.
  const born = left.flatMap(({ kind, record, roles }) =>
    kind === 'delegate' && roles.some(({ role }) => role === 'created') ? [record.uid] : [],
  );
  for (const { parent, record } of left)
    if (born.filter((uid) => uid === record.uid).length > 1) broken.add(parent);
  breakImpossible(moment, all, broken);
  return all.filter(({ parent }) => !broken.has(parent));
}

/** Until nothing changes: what one scope asks for may need what another one asks for. */
function breakImpossible(moment: Moment, all: readonly Change[], broken: Set<string>): void {
  for (;;) {
    const left = all.filter(({ parent }) => !broken.has(parent));
    const bad = left.filter((change) => !isPossible(moment, left, change));
    if (bad.length === 0) return;
    for (const { parent } of bad) broken.add(parent);
  }
}

function isPossible(moment: Moment, left: readonly Change[], change: Change): boolean {
  const mine = left.filter((each) => each.parent === change.parent);
  const children = change.roles.filter(({ role }) => role !== 'parent');
  const scope = moment.before.get(change.parent);
  return (
    scope !== undefined &&
    children.every(({ uid, role }) => member(moment, role === 'created' ? mine : left, uid, role) !== null) &&
    parent(moment, left, scope) !== null
  );
}

/** What the records of one scope say differently from the accepted ones. */
function changesOf(moment: Moment, scope: Scope, next: Own): readonly (Change | null)[] {
  const old = new Map(scope.bytes.records.map((record) => [recordKey(record), record]));
  const now = new Map(next.records.map((record) => [recordKey(record), record]));
  const changes: (Change | null)[] = [];
  // Never removed: who leaves, leaves a forward.
  for (const record of old.values())
    if (!now.has(recordKey(record)) && !now.has(`${record.uid} ${record.name}`)) changes.push(null);
  for (const record of now.values()) {
    const before = old.get(recordKey(record));
    if (before?.text === record.text) continue;
    const isForward = record.kind === 'forward' || before?.kind === 'forward';
    changes.push(
      ...(isForward ? [left(scope, old, now, record)] : changesOfRecord(moment, scope, before, record)),
    );
  }
  return changes.length > 0 ? changes : [{ kind: 'delegate', parent: scope.uid, roles: [], record: nothing }];
}

const nothing: DelegationRecord = {
  name: '',
  uid: '',
  path: null,
  kind: 'live',
  successor: null,
  repository: null,
  forward: null,
  floor: { threshold: 1, require: [] },
  text: '',
  terms: '',
};

type Records = ReadonlyMap<string, DelegationRecord>;

/** A new forward stands at the name at which the scope was; the record of a scope that goes elsewhere is gone. */
function left(scope: Scope, old: Records, now: Records, record: DelegationRecord): Change | null {
  const before = old.get(record.uid);
  if (old.has(recordKey(record)) || before?.name !== record.name) return null;
  const stays = now.get(record.uid);
  if (stays !== undefined && stays.name === record.name) return null;
  return { kind: 'move', parent: scope.uid, roles: [{ uid: record.uid, role: 'moved' }], record };
}

/** Several kinds at once: a new name or place, and another standing. */
function changesOfRecord(
  moment: Moment,
  scope: Scope,
  old: DelegationRecord | undefined,
  record: DelegationRecord,
): readonly (Change | null)[] {
  const child = moment.before.get(record.uid);
  const isMine = child?.isLive === true && child.parent === scope.uid;
  const isRenamed = old !== undefined && (old.name !== record.name || old.path !== record.path);
  const stays = record.kind !== 'tombstone' && record.repository === null && record.path !== null;
  const edit: Change = { kind: 'delegate', parent: scope.uid, roles: [], record: nothing };
  const edits = old !== undefined && record.kind !== 'tombstone' && old.terms !== record.terms ? [edit] : [];
  if (!isMine || !isRenamed || !stays || old.path === null)
    return [changeOf(moment, scope, old, record), ...edits];
  const moved: Change = {
    kind: 'move',
    parent: scope.uid,
    roles: [{ uid: record.uid, role: 'moved' }],
    record,
  };
  if (old.kind === record.kind) return [moved, ...edits];
  const standing = changeOf(moment, scope, { ...old, name: record.name, path: record.path }, record);
  return [moved, standing === null ? null : { ...standing, roles: [], record: nothing }, ...edits];
}

function changeOf(
  { before }: Moment,
  scope: Scope,
  old: DelegationRecord | undefined,
  record: DelegationRecord,
): Change | null {
  const change = (kind: Change['kind'], ...roles: Change['roles']): Change => ({
    kind,
    parent: scope.uid,
    roles,
    record,
  });
  const child = before.get(record.uid);
  const isMine = child?.isLive === true && child.parent === scope.uid;
  const isPlaced = record.kind === 'live' && record.path !== null;
  if (old === undefined) {
    if (isPlaced && child?.isLive === true && !isMine)
      return change('move', { uid: record.uid, role: 'moved' }, { uid: child.parent ?? '', role: 'parent' });
    return isPlaced && child === undefined ? change('delegate', { uid: record.uid, role: 'created' }) : null;
  }
  if (old.kind === 'tombstone' || !isMine) return null;
  const { repository } = record;
  if (record.kind === 'live' && old.name === record.name && repository !== null) {
    const isExact = repository.digest === child.digest && repository.seq === child.seq + 1;
    return isExact ? change('move', { uid: record.uid, role: 'gone' }) : null;
  }
  if (old.path !== record.path || old.name !== record.name) return null;
  if (record.kind === 'tombstone') {
    const kind = record.successor === null ? 'dissolve' : 'merge';
    const into = record.successor === null || record.successor === scope.uid ? [] : [record.successor];
    const successors = into.map((uid) => ({ uid, role: before.has(uid) ? 'successor' : 'created' }) as const);
    return change(kind, { uid: record.uid, role: 'gone' }, ...successors);
  }
  if (old.kind === 'live' && record.kind === 'withdrawn') return change('undelegate');
  if (old.kind === 'withdrawn' && record.kind === 'live')
    return change('delegate', { uid: record.uid, role: 'consenting' });
  return change('delegate');
}

/** Scopes that changes connect. */
function connected(changes: readonly Change[]): readonly (readonly Change[])[] {
  const groups: Change[][] = [];
  for (const change of changes) {
    const members = membersOf([change]);
    const touching = groups.filter((group) => membersOf(group).some((uid) => members.includes(uid)));
    for (const group of touching) groups.splice(groups.indexOf(group), 1);
    groups.push([...touching.flat(), change]);
  }
  return groups;
}

function membersOf(group: readonly Change[]): readonly string[] {
  return group.flatMap(({ parent, roles }) => [parent, ...roles.map(({ uid }) => uid)]);
}

/** One candidate for each member, or null where the group is not as it must be. */
function candidatesOf(moment: Moment, group: readonly Change[]): readonly Omit<Proposal, 'votes'>[] | null {
  const roles = new Map<string, Set<Role>>();
  for (const { parent, roles: others } of group)
    for (const { uid, role } of [{ uid: parent, role: 'parent' as const }, ...others])
      roles.set(uid, (roles.get(uid) ?? new Set()).add(role));
  const found: Omit<Proposal, 'votes'>[] = [];
  for (const [uid, played] of roles) {
    // One level per group: nobody is a parent and a child in it, and nobody is a child in two ways.
    const [role] = played;
    const proposal = played.size === 1 && role !== undefined ? member(moment, group, uid, role) : null;
    if (proposal === null) return null;
    found.push(proposal);
  }
  const members = found.map(({ candidate }) => candidate);
  const digest = found.length > 1 ? groupDigest(members) : null;
  return found.map((proposal) => ({ ...proposal, candidate: { ...proposal.candidate, group: digest } }));
}

function member(
  moment: Moment,
  group: readonly Change[],
  uid: string,
  role: Role,
): Omit<Proposal, 'votes'> | null {
  const about = group.filter(({ record }) => record.uid === uid);
  const scope = moment.before.get(uid);
  if (role === 'created') return created(moment, group, uid);
  if (scope?.isLive !== true) return null;
  if (role === 'parent') return parent(moment, group, scope);
  if (role === 'gone') return gone(moment, about, scope);
  if (role === 'moved') return moved(moment, about, scope);
  if (role === 'successor') return successor(moment, group, scope);
  return clean(moment, scope, ['delegate'], scope.parent, moment.placeOf(scope));
}

function parent(moment: Moment, group: readonly Change[], scope: Scope): Omit<Proposal, 'votes'> | null {
  const place = moment.placeOf(scope);
  const bytes = own(moment.mi.files, place);
  const mine = group.filter((change) => change.parent === scope.uid);
  if (bytes === null || mine.length === 0) return null;
  const paths = differences(scope.bytes, bytes).filter((path) => path !== 'delegations.yaml');
  const leaving = paths.filter((path) => scope.bytes.files.has(path));
  const entering = paths.filter((path) => bytes.files.has(path));
  const born = mine.filter(({ roles }) => roles.some(({ role }) => role === 'created'));
  const arrivals = born.flatMap(({ record }) => [
    ...(childAt(moment, mine, record.uid)?.files.values() ?? []),
  ]);
  // A child of which the files stay is merged: a mere dissolve leaves nothing.
  const departures = departed(moment, mine, scope);
  if (!leaving.every((path) => arrivals.includes(scope.bytes.files.get(path) ?? ''))) return null;
  if (!entering.every((path) => departures.includes(bytes.files.get(path) ?? ''))) return null;
  const isSplit = ({ kind, roles }: Change) =>
    kind === 'delegate' && leaving.length > 0 && roles.some(({ role }) => role === 'created');
  const classes = mine.map((change) => (isSplit(change) ? 'split' : change.kind));
  const { uid, seq, digest: base, epoch } = scope;
  const candidate = {
    uid,
    seq: seq + 1,
    base,
    next: bytes.digest,
    classes,
    scope,
    policy: null,
    epoch,
    group: null,
  };
  return { candidate, place, parent: scope.parent, bytes };
}

/** The texts of scopes that end with this one as their successor. */
function departed({ before }: Moment, changes: readonly Change[], { uid }: Scope): readonly string[] {
  const merged = changes.filter(({ record }) => record.kind === 'tombstone' && record.successor === uid);
  return merged.flatMap(({ record }) => [...(before.get(record.uid)?.bytes.files.values() ?? [])]);
}

/** A sibling that others end in: nothing changes in it but the files that enter. */
function successor(moment: Moment, group: readonly Change[], scope: Scope): Omit<Proposal, 'votes'> | null {
  const place = moment.placeOf(scope);
  const bytes = own(moment.mi.files, place);
  const parents = group.filter(({ record }) => record.successor === scope.uid).map((each) => each.parent);
  if (bytes === null || !parents.every((each) => each === scope.parent)) return null;
  const paths = differences(scope.bytes, bytes);
  const departures = departed(moment, group, scope);
  const isAllowed = (path: string) =>
    !scope.bytes.files.has(path) && departures.includes(bytes.files.get(path) ?? '');
  if (!paths.every(isAllowed) || (paths.length > 0 && kindOf(scope.bytes, bytes) !== 'update')) return null;
  const { uid, seq, digest: base, epoch } = scope;
  const classes = ['merge'];
  const candidate = {
    uid,
    seq: seq + 1,
    base,
    next: bytes.digest,
    classes,
    scope,
    policy: null,
    epoch,
    group: null,
  };
  return { candidate, place, parent: scope.parent, bytes };
}

function childAt({ before, mi, placeOf }: Moment, changes: readonly Change[], uid: string): Own | null {
  const change = changes.find(({ record }) => record.uid === uid);
  const above = change === undefined ? undefined : before.get(change.parent);
  return above === undefined ? null : own(mi.files, join(placeOf(above), change?.record.path ?? ''));
}

function created(moment: Moment, group: readonly Change[], uid: string): Omit<Proposal, 'votes'> | null {
  const change = group.find(({ kind, record }) => kind === 'delegate' && record.uid === uid);
  const above = change === undefined ? undefined : moment.before.get(change.parent);
  if (change === undefined || above === undefined || moment.before.has(uid)) return null;
  const bytes = childAt(moment, [change], uid);
  const policy = parsePolicy(bytes?.files.get('scope.yaml'));
  if (bytes === null || policy === null || policy.name !== change.record.name) return null;
  if (uidOf(bytes) !== uid) return null;
  const floors = [...floorsOf(moment.before, above), change.record.floor];
  if (bytes.records.length > 0 || !floors.every((floor) => meetsFloor(policy, floor, null))) return null;
  const candidate: Candidate = {
    uid,
    seq: 1,
    base: 'none',
    next: bytes.digest,
    classes: ['delegate'],
    scope: null,
    policy,
    epoch: above.epoch,
    group: null,
  };
  return {
    candidate,
    place: join(moment.placeOf(above), change.record.path ?? ''),
    parent: above.uid,
    bytes,
  };
}

function isAbsent({ mi }: Moment, place: string): boolean {
  return filesAt(mi.files, place).size === 0 && !mi.files.has(`mesh/${place}`);
}

function gone(moment: Moment, about: readonly Change[], scope: Scope): Omit<Proposal, 'votes'> | null {
  const hasChildren = living(moment.before).some((each) => each.parent === scope.uid);
  const [change, ...others] = about;
  if (change === undefined || others.length > 0 || hasChildren || !isAbsent(moment, scope.place)) return null;
  const { uid, seq, digest: base, epoch, place } = scope;
  const classes = [change.kind];
  const candidate = {
    uid,
    seq: seq + 1,
    base,
    next: 'gone',
    classes,
    scope,
    policy: null,
    epoch,
    group: null,
  };
  return { candidate, place, parent: scope.parent, bytes: null };
}

/**
 * The old name forwards, the new parent has the record, the bytes are the accepted ones, and the old place is empty. A
 * new path below the old parent, and at the old name, has nothing to forward.
 */
function moved(moment: Moment, about: readonly Change[], scope: Scope): Omit<Proposal, 'votes'> | null {
  const [target, ...others] = about.filter(({ record }) => record.kind !== 'forward');
  const above = target === undefined ? undefined : moment.before.get(target.parent);
  if (target === undefined || above === undefined || others.length > 0) return null;
  const giver = moment.before.get(scope.parent ?? '');
  if (giver === undefined || isInside(above.place, scope.place)) return null;
  const name = giver.bytes.records.find((each) => recordKey(each) === scope.uid)?.name;
  const isSameName = target.parent === scope.parent && target.record.name === name;
  const path = `${dotted(moment.before, above)}.${target.record.name}`;
  const isForwarded = about.some((each) => each.parent === scope.parent && each.record.forward === path);
  if (!isSameName && !isForwarded) return null;
  const place = join(moment.placeOf(above), target.record.path ?? '');
  if (moment.placeOf(scope) !== place || (place !== scope.place && !isAbsent(moment, scope.place)))
    return null;
  return clean(moment, scope, ['move'], above.uid, place);
}

function clean(
  { mi }: Moment,
  scope: Scope,
  classes: readonly string[],
  parent: string | null,
  place: string,
): Omit<Proposal, 'votes'> | null {
  const bytes = own(mi.files, place);
  if (bytes?.digest !== scope.digest) return null;
  const { uid, seq, digest: base, epoch } = scope;
  const candidate = { uid, seq: seq + 1, base, next: base, classes, scope, policy: null, epoch, group: null };
  return { candidate, place, parent, bytes };
}
