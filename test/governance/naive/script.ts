import fc from 'fast-check';
import { formatApproval, formatWithdrawal } from '../../../src/votes/index.ts';
import { scopeYaml, sshKey } from '../world.ts';
import { type Files, mergeBases } from './history.ts';
import { hash, join, type Own, own } from './own.ts';
import { parsePolicy } from './policy.ts';
import { plan, RESTRUCTURINGS, SEIZURES } from './restructure.ts';
import type { Scope } from './state.ts';
import { groupDigest, type Member } from './statement.ts';
import { createForge, type Forge, withOwn } from './world.ts';

/** Which one of those that there are, whatever their number. */
const pick = fc.nat(30);
const edit = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('0', '1', '2', '3', '4', '5') },
  { weight: 1, arbitrary: fc.constantFrom('second file', 'no second file', 'forbidden name', 'folded name') },
  { weight: 1, arbitrary: fc.constantFrom('unreadable records', 'absent', 'a file in its place', 'a note') },
);

/** What somebody does: honest anchors, and a forge whose administrator puts main wherever a descendant is. */
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('work'), from: pick, scope: pick, edit, by: pick }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('honest pull request'), scope: pick, edit, by: pick }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('approve'), on: pick, by: pick }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('state'),
      on: pick,
      scope: pick,
      of: pick,
      by: pick,
      round: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('withdraw'), on: pick, scope: pick, by: pick, round: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('renew'), scope: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repair'), scope: pick }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('reconfigure'), scope: pick, to: pick, signed: pick }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('group'),
      scope: pick,
      edits: fc.tuple(edit, edit),
      signed: pick,
      how: fc.constantFrom('whole', 'one alone', 'another alone', 'another digest', 'alone too'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('restructure'),
      what: fc.constantFrom(...RESTRUCTURINGS, ...RESTRUCTURINGS, ...SEIZURES),
      scope: pick,
      other: pick,
      signed: pick,
      how: fc.constantFrom('merge', 'merge', 'merge', 'tokens', 'on main', 'ungrouped', 'one by one'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('land'),
      branch: pick,
      how: fc.constantFrom('merge', 'forward', 'ours', 'theirs', 'squash'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('squashed pull request'), scope: pick, edit, signed: pick }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('token'),
      on: pick,
      scope: pick,
      of: pick,
      by: pick,
      what: fc.constantFrom('yes', 'no', 'signed for git'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('octopus'), branch: pick, other: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('update branch'), branch: pick, by: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('plant'), scope: pick, edit, by: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restore'), scope: pick, of: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('evil merge'), of: pick, tree: pick, scope: pick }) },
);

/** Everything that is done, but what nothing comes of without. */
const DONE: Command['do'][] = [
  'work',
  'approve',
  'state',
  'withdraw',
  'renew',
  'repair',
  'reconfigure',
  'group',
  'land',
  'squashed pull request',
  'token',
  'octopus',
  'update branch',
  'plant',
  'restore',
  'evil merge',
];

export type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

/** Half of what can be done is done in one history: the rest of it is done the more often. */
export const scripts = (maxLength: number): fc.Arbitrary<readonly Command[]> =>
  fc
    .tuple(fc.array(command, { minLength: 1, maxLength: 2 * maxLength, size: 'max' }), fc.subarray(DONE))
    .map(([script, undone]) => script.filter((each) => !undone.includes(each.do)).slice(0, maxLength));

/** Does what the script says. What makes no sense where it is said (nothing to land yet) is not done. */
export function play(script: readonly Command[]): Forge {
  const forge = createForge({ root: { more: recovery }, children: { c: { anchors: ['y', 'z', 'w'] } } });
  for (const each of script) run(forge, each);
  return forge;
}

function run(forge: Forge, command: Command): void {
  switch (command.do) {
    case 'work': {
      const branch = at([forge.main, ...forge.branches, ...forge.all], command.from);
      const scope = at(forge.live(), command.scope);
      extend(forge, branch, edited(forge.filesOf(branch), scope, command.edit), forge.who(scope, command.by));
      return;
    }
    case 'honest pull request':
      honest(forge, at(forge.live(), command.scope), command.edit, command.by);
      return;
    case 'approve': {
      const branch = at([...forge.branches, forge.main], command.on);
      const by = forge.who(at(forge.live(), command.by), command.by);
      extend(forge, branch, forge.filesOf(branch), by);
      return;
    }
    case 'state': {
      const scope = at(forge.live(), command.scope);
      const next = own(
        forge.filesOf(at([forge.main, ...forge.branches, ...forge.all], command.of)),
        scope.place,
      );
      if (next === null) return;
      const message = approval(scope, next.digest, command.round);
      say(forge, command.on, message, forge.who(scope, command.by));
      return;
    }
    case 'withdraw': {
      const scope = at(forge.live(), command.scope);
      const line = formatWithdrawal({ uid: scope.uid, seq: scope.seq + 1, round: command.round });
      say(forge, command.on, `no\n\n${line}\n`, forge.who(scope, command.by));
      return;
    }
    case 'renew':
      renew(forge, at(forge.live(), command.scope));
      return;
    case 'repair': {
      const scope = at(forge.live(), command.scope);
      const files = withOwn(forge.filesOf(forge.main), scope.bytes, scope.place);
      forge.main = forge.commit({ parents: [forge.main], files });
      renew(forge, scope);
      return;
    }
    case 'reconfigure':
      reconfigure(forge, at(forge.live(), command.scope), command.to, command.signed);
      return;
    case 'squashed pull request':
      squashed(forge, at(forge.live(), command.scope), command.edit, command.signed);
      return;
    case 'token':
      token(forge, command);
      return;
    case 'group':
      group(forge, command);
      return;
    case 'restructure':
      restructure(forge, command);
      return;
    case 'land': {
      if (forge.branches.length > 0) land(forge, at(forge.branches, command.branch), command.how);
      return;
    }
    case 'octopus': {
      const [one, two] = [at(forge.all, command.branch), at(forge.all, command.other)];
      if (new Set([one, two, forge.main]).size < 3) return;
      const files = forge.mergeFiles(forge.main, one);
      forge.main = forge.commit({ parents: [forge.main, one, two], files });
      return;
    }
    case 'update branch': {
      if (forge.branches.length === 0) return;
      const branch = at(forge.branches, command.branch);
      if (branch === forge.main) return;
      const by = forge.who(at(forge.live(), command.by), command.by);
      extend(forge, branch, forge.mergeFiles(branch, forge.main), by, [forge.main]);
      return;
    }
    case 'plant': {
      const scope = at(forge.live(), command.scope);
      const files = edited(forge.filesOf(forge.main), scope, command.edit);
      forge.main = forge.commit({ parents: [forge.main], files, by: forge.who(scope, command.by) });
      return;
    }
    case 'restore': {
      const { place } = at(forge.live(), command.scope);
      const files = withOwn(
        forge.filesOf(forge.main),
        own(forge.filesOf(at(forge.all, command.of)), place),
        place,
      );
      forge.main = forge.commit({ parents: [forge.main], files });
      return;
    }
    case 'evil merge': {
      const [of, tree] = [at(forge.all, command.of), at(forge.all, command.tree)];
      const { place } = at(forge.live(), command.scope);
      if (of === forge.main) return;
      const files = withOwn(forge.filesOf(forge.main), own(forge.filesOf(tree), place), place);
      forge.main = forge.commit({ parents: [forge.main, of], files });
    }
  }
}

function at<Value>(list: readonly Value[], index: number): Value {
  const value = list[index % list.length];
  if (value === undefined) throw new Error('an empty list');
  return value;
}

/** A commit on a branch: on a new one, if the branch is not the tip of one. */
function extend(
  forge: Forge,
  branch: string,
  files: Files,
  by: string | null,
  others: readonly string[] = [],
): void {
  const known = forge.branches.indexOf(branch);
  const tip = forge.commit({ parents: [branch, ...others], files, by });
  if (known < 0) forge.branches.push(tip);
  else forge.branches[known] = tip;
}

function edited(files: Files, { place, policy }: Scope, how: string): Files {
  const result = new Map(files);
  const path = (name: string) => join('mesh', join(place, name));
  if (how === 'second file') result.set(path('w.yaml'), 'w');
  else if (how === 'no second file') result.delete(path('w.yaml'));
  else if (how === 'forbidden name') result.set(path('.git'), 'x');
  else if (how === 'folded name') result.set(path('V.yaml'), 'x');
  else if (how === 'unreadable records') result.set(path('delegations.yaml'), 'spec: &a [*a]');
  else if (how === 'a note') result.set(path('anchors/note'), policy.name);
  else if (how === 'absent' || how === 'a file in its place') {
    if (place === '') return result;
    for (const each of files.keys()) if (each.startsWith(path(''))) result.delete(each);
    if (how === 'a file in its place') result.set(`mesh/${place}`, 'x');
  } else result.set(path('v.yaml'), how);
  return result;
}

function approval(scope: Scope, next: string, round: number): string {
  return `yes\n\n${approvalLine(scope, next, round)}\n`;
}

function approvalLine({ uid, seq, digest }: Scope, next: string, round: number): string {
  return formatApproval({ uid, seq: seq + 1, base: digest, next, round });
}

/** A commit that changes nothing but says something, on a branch or on main. */
function say(forge: Forge, on: number, message: string, by: string | null): void {
  const branch = at([forge.main, ...forge.branches], on);
  const tip = forge.commit({ parents: [branch], files: forge.filesOf(branch), by, message });
  const known = forge.branches.indexOf(branch);
  if (known >= 0) forge.branches[known] = tip;
  else forge.main = tip;
}

function renew(forge: Forge, scope: Scope): void {
  for (const n of scope.policy.anchors.keys())
    say(forge, 0, approval(scope, scope.digest, 2), forge.who(scope, n));
}

/** What a good team does: a branch from main, a commit, the others' signatures, and a merge. */
function honest(forge: Forge, scope: Scope, edit: string, first: number): void {
  const anchors = scope.policy.anchors.length;
  let tip = forge.commit({
    parents: [forge.main],
    files: edited(forge.filesOf(forge.main), scope, edit),
    by: forge.who(scope, first % anchors),
  });
  const isSaid = scope.policy.statements === 'Required' || first > 15;
  const next = own(forge.filesOf(tip), scope.place)?.digest ?? scope.digest;
  const message = isSaid ? approval(scope, next, 0) : '';
  for (const n of scope.policy.anchors.keys())
    tip = forge.commit({ parents: [tip], files: forge.filesOf(tip), by: forge.who(scope, n), message });
  forge.branches.push(tip);
  if (first % 3 > 0) land(forge, tip, 'merge');
}

/** One unsigned commit on main, with the detached approvals of most in its message. */
function squashed(forge: Forge, scope: Scope, edit: string, signed: number): void {
  const files = edited(forge.filesOf(forge.main), scope, edit);
  const next = own(files, scope.place)?.digest;
  if (next === undefined) return;
  const keys = forge.keysOf(scope.policy.anchors).filter((_key, n) => n !== signed % 7);
  const tokens = keys.map((key) => forge.repository.token([approvalLine(scope, next, 0)], key));
  forge.main = forge.commit({
    parents: [forge.main],
    files,
    message: `squashed\n\n${tokens.join(' ')}\nbye`,
  });
}

function token(forge: Forge, { on, scope: which, of, by, what }: Extract<Command, { do: 'token' }>): void {
  const scope = at(forge.live(), which);
  const key = forge.who(scope, by);
  const next = own(forge.filesOf(at([forge.main, ...forge.branches, ...forge.all], of)), scope.place);
  if (next === null || key === null) return;
  const withdrawal = formatWithdrawal({ uid: scope.uid, seq: scope.seq + 1, round: by % 2 });
  const line = what === 'no' ? withdrawal : approvalLine(scope, next.digest, by % 3);
  say(
    forge,
    on,
    `see ${forge.repository.token([line], key, what === 'signed for git' ? 'git' : 'fairlead')}`,
    forge.who(scope, by + on),
  );
}

/** Two scopes change at once, and their people name both in every statement; the forge lands what it likes of it. */
function group(forge: Forge, { scope, edits, signed, how }: Extract<Command, { do: 'group' }>): void {
  const [one, two] = [at(forge.live(), scope), at(forge.live(), scope + 1)];
  if (one === two) return;
  const before = forge.filesOf(forge.main);
  const files = edited(edited(before, one, edits[0]), two, edits[1]);
  const [first, second] = [own(files, one.place), own(files, two.place)];
  if (first === null || second === null) return;
  const members = [memberOf(one, first), memberOf(two, second)];
  const digest = how === 'another digest' ? hash('another') : groupDigest(members);
  const lines = members.map((member) => formatApproval({ ...member, group: digest }));
  let tip = forge.commit({ parents: [forge.main], files });
  const people = peopleOf(forge, [one, two]);
  for (const [n, by] of people.entries())
    if (signed % 4 > 0 || n !== signed % people.length)
      tip = forge.commit({ parents: [tip], files, by, message: `both\n\n${lines.join('\n')}` });
  if (how === 'alone too')
    for (const n of one.policy.anchors.keys())
      tip = forge.commit({
        parents: [tip],
        files,
        by: forge.who(one, n),
        message: approval(one, first.digest, 0),
      });
  forge.branches.push(tip);
  const landed =
    how === 'one alone' || how === 'alone too'
      ? withOwn(before, first, one.place)
      : how === 'another alone'
        ? withOwn(before, second, two.place)
        : files;
  forge.main = forge.commit({ parents: [forge.main, tip], files: landed });
}

function memberOf({ uid, seq, digest }: Scope, next: Own): Member {
  return { uid, seq: seq + 1, base: digest, next: next.digest };
}

function peopleOf(forge: Forge, scopes: readonly Scope[]): readonly string[] {
  return [...new Set(scopes.flatMap(({ policy }) => forge.keysOf(policy.anchors)))];
}

/** A change of who is where: written, approved by most of those whom it concerns, and landed. */
function restructure(forge: Forge, command: Extract<Command, { do: 'restructure' }>): void {
  const { what, signed, how } = command;
  const live = forge.live();
  const children = live.filter(({ parent }) => parent !== null);
  const isAboutAny =
    what === 'delegate' || what === 'split' || what === 'delegate the dead' || children.length === 0;
  const [scope, other] = [at(isAboutAny ? live : children, command.scope), at(live, command.other)];
  const made = plan(forge.state(), forge.filesOf(forge.main), what, scope, other, signed);
  if (made === null) return;
  const { files, members, newcomers } = made;
  const isAlone = members.length === 1 || how === 'ungrouped';
  const group = isAlone ? {} : { group: groupDigest(members) };
  const lines = members.map((member) => formatApproval({ ...member, ...group }));
  const scopes = members.flatMap(({ uid }) => forge.state().get(uid) ?? []);
  const people = [...new Set([...peopleOf(forge, scopes), ...newcomers])].filter(
    (_by, n) => n !== signed % 9,
  );
  if (how === 'tokens') {
    const tokens = people.map((by) => forge.repository.token(lines, by));
    forge.main = forge.commit({ parents: [forge.main], files, message: tokens.join('\n') });
    return;
  }
  const start = forge.main;
  let tip = forge.commit({ parents: [start], files });
  for (const by of people) {
    const said = how === 'one by one' ? [at(lines, signed)] : lines;
    tip = forge.commit({ parents: [tip], files, by, message: `so be it\n\n${said.join('\n')}\n` });
    if (how === 'on main') forge.main = tip;
  }
  if (how !== 'on main') forge.main = forge.commit({ parents: [start, tip], files });
}

/** In these the anchors `r` and `s` may take over with those who are there from then on. */
const recovery = `recovery: { threshold: 1, anchors: [${['r', 's']
  .map((name) => `{ name: ${name}, keys: [{ ssh: "${sshKey(name)}" }] }`)
  .join(', ')}] }`;

const POLICIES = [
  { anchors: ['x', 'y', 'z'], quorum: '{ threshold: 2 }', more: recovery },
  { anchors: ['x', 'y', 'n'], quorum: '{ threshold: 2 }' },
  { anchors: ['x', 'w'], quorum: '{ threshold: 1, byClass: { reconfigure: 2 } }' },
  { anchors: ['y', 'z', 'w'], quorum: '{ threshold: 2, statements: Required }' },
  { anchors: ['x'], quorum: '{ threshold: 2 }' },
  {
    anchors: ['x', { name: 'bot', keys: ['y'], type: 'automation' }],
    quorum: '{ threshold: 1, require: [{ type: human, atLeast: 1 }] }',
  },
] as const;

/** Somebody writes another policy and so many of those concerned approve it; main is the branch. */
function reconfigure(forge: Forge, scope: Scope, to: number, signed: number): void {
  const { policy, place } = scope;
  const { name, salt } = policy;
  const owns = place === '' ? '{ namespaces: ["*"], hosts: ["*"] }' : '{}';
  const text = scopeYaml({ ...at(POLICIES, to), name, salt, owns });
  const files = new Map(forge.filesOf(forge.main)).set(join('mesh', join(place, 'scope.yaml')), text);
  forge.main = forge.commit({ parents: [forge.main], files });
  const next = own(files, place)?.digest;
  if (next === undefined) return;
  const message = approval(scope, next, 2);
  const everybody = ['x', 'y', 'z', 'w', 'n', 'r', 's'];
  const fresh = forge.keysOf(parsePolicy(text)?.anchors ?? []);
  const some = everybody.filter((_name, index) => (signed * 37 + 1) & (1 << index));
  const people = at([everybody, [...fresh, 'r'], some], signed);
  if (signed > 20) {
    const tokens = people.map((by) => forge.repository.token([approvalLine(scope, next, 2)], by));
    forge.main = forge.commit({ parents: [forge.main], files, message: tokens.join('\n') });
  } else for (const by of people) forge.main = forge.commit({ parents: [forge.main], files, by, message });
}

function land(forge: Forge, branch: string, how: 'merge' | 'forward' | 'ours' | 'theirs' | 'squash'): void {
  if (branch === forge.main) return;
  const files = {
    merge: () => forge.mergeFiles(forge.main, branch),
    forward: () => forge.filesOf(branch),
    ours: () => forge.filesOf(forge.main),
    theirs: () => forge.filesOf(branch),
    squash: () => forge.mergeFiles(forge.main, branch),
  }[how]();
  if (how === 'squash') forge.main = forge.commit({ parents: [forge.main], files });
  else if (how !== 'forward') forge.main = forge.commit({ parents: [forge.main, branch], files });
  else if (mergeBases(forge.repository.commits, forge.main, branch).includes(forge.main)) forge.main = branch;
}
