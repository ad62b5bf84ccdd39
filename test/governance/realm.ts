import { sha256 } from '../../src/base/digest.ts';
import { createTreeDigests } from '../../src/git/index.ts';
import { type LineState, openLine, type ScopeState } from '../../src/governance/index.ts';
import { formatApproval, groupDigest } from '../../src/votes/index.ts';
import { createWorld, type ScopeSpec, scopeYaml, type World } from './world.ts';

/** One record of `delegations.yaml`; what is not said is a live one of the scope of that name, in the directory of its name. */
export type RecordSpec = {
  readonly name: string;
  readonly uid?: string;
  readonly path?: string | null;
  readonly namespaces?: readonly string[];
  /** In flow style: `status: withdrawn`. */
  readonly more?: string;
};

/** A member of a group: who mutates, from what stands at one commit (in one directory) to what stands at another. */
export type Party = {
  readonly who: string;
  readonly seq: number;
  /** Or a digest, or `none`; `gone`. */
  readonly base: Standing | string;
  readonly next: Standing | string;
};

/** A commit and a directory within the mesh path. */
type Standing = readonly [commit: string, directory: string];

/** Histories of many scopes. Each has anchors of its own: `a1`, `a2` are those of `a`; the root is `s`, of `s1` and `s2`. */
export type Realm = {
  readonly world: World;
  /** uid by the name that a scope had when it was made. */
  readonly uid: (name: string) => string;
  /** The `scope.yaml` of a scope: threshold 1, and it owns the namespace of its name. */
  yaml(name: string, spec?: ScopeSpec): string;
  records(specs: readonly RecordSpec[]): string;
  /** A commit on `parents`: the files of the first, or of `take`, with these changes; null takes a file away. */
  commit(
    name: string,
    parents: readonly string[],
    changes?: Files,
    more?: { readonly by?: string; readonly message?: string; readonly take?: string },
  ): void;
  line(party: Party): Promise<{ uid: string; seq: number; base: string; next: string }>;
  /** Lines of all members; of more than one, with their group. */
  words(parties: readonly Party[]): Promise<string>;
  /** Commits on top of `parent` in which these keys sign `message`; the last one. */
  signed(parent: string, keys: readonly string[], message: string): string;
  state(tip: string): Promise<LineState>;
  scope(tip: string, name: string): Promise<ScopeState>;
};

export type Files = Readonly<Record<string, string | null>>;

/** `specs`: what is not as in the others, by scope; their uids are made of it. */
export function createRealm(specs: Readonly<Record<string, ScopeSpec>> = {}): Realm {
  const world = createWorld();
  const trees = new Map<string, Files>();
  const yaml = (name: string, spec: ScopeSpec = {}) => {
    const own = name === 's' ? '{ namespaces: ["*"], hosts: ["*"] }' : `{ namespaces: [${name}] }`;
    const [anchors, quorum] = [[`${name}1`, `${name}2`], '{ threshold: 1 }'];
    return scopeYaml({ name, anchors, quorum, owns: own, ...specs[name], ...spec });
  };
  const uid = (name: string) => sha256('fairlead-uid-1\0', yaml(name));
  const records = (specs: readonly RecordSpec[]) => {
    const lines = specs.map(({ name, path = name, namespaces = [name], more = '', ...spec }) => {
      const place = path === null ? '' : `, path: ${path}`;
      const grants = `grants: { namespaces: [${namespaces.join(', ')}] }`;
      return `  - { name: ${name}, uid: ${spec.uid ?? uid(name)}${place}, ${grants}${more && `, ${more}`} }\n`;
    });
    const spec = lines.length === 0 ? 'spec: []\n' : `spec:\n${lines.join('')}`;
    return `apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: s }\n${spec}`;
  };
  const others = ['mesh/v.yaml', 'mesh/delegations.yaml', 'mesh/c/scope.yaml', 'mesh/c/v.yaml'];
  const none = Object.fromEntries(others.map((path) => [path, null]));
  const empty = (): Files => ({ ...none, 'mesh/scope.yaml': yaml('s') });
  const realm: Realm = {
    world,
    uid,
    yaml,
    records,
    commit(name, parents, changes = {}, { take, ...more } = {}) {
      const files = { ...(trees.get(take ?? parents[0] ?? '') ?? empty()), ...changes };
      trees.set(name, files);
      const before = Object.keys(trees.get(parents[0] ?? '') ?? {});
      const gone = before.filter((path) => !(path in files)).map((path) => [path, null] as const);
      world.add(name, { parents, files: { ...Object.fromEntries(gone), ...files }, ...more });
    },
    async line({ who, seq, base, next }) {
      const at = (standing: Standing | string) =>
        typeof standing === 'string' ? Promise.resolve(standing) : digestAt(world, standing);
      return { uid: uid(who), seq, base: await at(base), next: await at(next) };
    },
    async words(parties) {
      const members = await Promise.all(parties.map((party) => realm.line(party)));
      const group = members.length > 1 ? groupDigest(members) : null;
      return `words\n\n${members.map((member) => formatApproval({ ...member, group })).join('\n')}\n`;
    },
    signed(parent, keys, message) {
      let last = parent;
      for (const [at, by] of keys.entries()) {
        const name = `${parent}-${sha256(message).slice(0, 8)}-${at}-${by}`;
        realm.commit(name, [last], {}, { by, message });
        last = name;
      }
      return last;
    },
    state: (tip) => world.state(tip),
    async scope(tip, name) {
      const scope = (await world.state(tip)).scopes.get(uid(name));
      if (scope === undefined) throw new Error(`no scope ${name}`);
      return scope;
    },
  };
  realm.commit('g', []);
  return realm;
}

async function digestAt({ objects, ids, pin }: World, [commit, directory]: Standing): Promise<string> {
  const line = openLine(objects, createTreeDigests(objects), await pin());
  const { tree } = await objects.commit(ids.get(commit) ?? commit);
  const own = await line.owns.own(tree, directory);
  if (!own.ok) throw new Error(`${commit}:${directory}: ${own.reason}`);
  return own.digest;
}

/** The files of a scope in its directory: its policy, and one manifest that holds its name. */
export function scopeFiles(realm: Realm, name: string, directory = name): Files {
  return {
    [`mesh/${directory}/scope.yaml`]: realm.yaml(name),
    [`mesh/${directory}/v.yaml`]: name,
  };
}

/** All files of a directory, taken away. */
export function without(files: Files): Files {
  return Object.fromEntries(Object.keys(files).map((path) => [path, null]));
}

/** Who signs what: keys, and the members of a group, or one mutation. */
export type Vote = readonly [keys: readonly string[], parties: readonly Party[]];

/** A merge onto `parent` of these changes, with the votes for them; it is the main-line commit `name`. `next` may name it. */
export async function land(
  realm: Realm,
  name: string,
  parent: string,
  changes: Files,
  votes: readonly Vote[] = [],
): Promise<void> {
  realm.commit(name, [parent], changes);
  let tip = parent;
  for (const [keys, parties] of votes) tip = realm.signed(tip, keys, await realm.words(parties));
  if (tip !== parent) realm.commit(name, [parent, tip], changes);
}

/** s has dissolved a; `new` has its name and its place. The tip is `m`. */
export async function withReusedName(): Promise<Realm> {
  const realm = createRealm({ new: { name: 'a', salt: 'e'.repeat(32), owns: '{ namespaces: [a] }' } });
  const dead = { name: 'a', more: 'tombstone: none' };
  const reused = { name: 'a', uid: realm.uid('new') };
  const root = (seq: number, base: string, next: string): Party => ({
    who: 's',
    seq,
    base: [base, ''],
    next: [next, ''],
  });
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a' }]),
    ...scopeFiles(realm, 'a'),
  });
  const ended = { 'mesh/delegations.yaml': realm.records([dead]), ...without(scopeFiles(realm, 'a')) };
  const gone: Party = { who: 'a', seq: 2, base: ['g', 'a'], next: 'gone' };
  await land(realm, 'd', 'g', ended, [
    [
      ['s1', 'a1'],
      [root(2, 'g', 'd'), gone],
    ],
  ]);
  const begun = { 'mesh/delegations.yaml': realm.records([dead, reused]), ...scopeFiles(realm, 'new', 'a') };
  const first: Party = { who: 'new', seq: 1, base: 'none', next: ['m', 'a'] };
  await land(realm, 'm', 'd', begun, [
    [
      ['s1', 'new1', 'new2'],
      [root(3, 'd', 'm'), first],
    ],
  ]);
  return realm;
}
