import { type ScopeSpec, scopeYaml, sshKey } from '../world.ts';
import { commitOf, type Files, mergeBases } from './history.ts';
import { filesAt, hash, join, type Own, own } from './own.ts';
import { keyOf, type Policy } from './policy.ts';
import { createRepository, naiveStates, type Repository } from './repository.ts';
import type { Scope, State } from './state.ts';
import { living } from './structure.ts';

/** Everybody who can sign something in these histories; the last is nobody's anchor. */
const PEOPLE = ['x', 'y', 'z', 'w', 'r', 's', 'n', 'stranger'] as const;

/** A repository with a forge before it: branches, and a main that goes where the forge puts it. */
export type Forge = {
  readonly repository: Repository;
  readonly genesis: string;
  main: string;
  readonly branches: string[];
  readonly all: string[];
  /** Adds a commit and says its id. */
  commit(entry: Parameters<Repository['commit']>[0]): string;
  filesOf(id: string): Files;
  /** s(main), as the second implementation says it: what honest people and their tools go by. */
  state(): State;
  live(): readonly Scope[];
  /** The names of the keys of these anchors. */
  keysOf(anchors: Policy['anchors']): readonly string[];
  /** The name of the key of a scope's n-th anchor, then of a stranger, then null: nobody signs. */
  who(scope: Scope, n: number): string | null;
  mergeFiles(ours: string, theirs: string): Files;
};

/** The root scope, and a child for each other name. */
export type Founders = { readonly root?: ScopeSpec; readonly children?: Readonly<Record<string, ScopeSpec>> };

/** The uid that the genesis gives to a child. */
function childUid(name: string): string {
  return hash(`the uid of ${name}`);
}

/** A record as data: JSON is YAML. */
export function recordsYaml(records: readonly Readonly<Record<string, unknown>>[]): string {
  const lines = records.map((record) => `  - ${JSON.stringify(record)}\n`).join('');
  const head = 'apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: s }\n';
  return `${head}spec:${lines === '' ? ' []' : ''}\n${lines}`;
}

export function createForge({ root = {}, children = { c: {} } }: Founders = {}): Forge {
  const repository = createRepository();
  const names = Object.keys(children);
  const records = names.map((name) => ({ name, uid: childUid(name), path: name }));
  const files = new Map([
    ['README.md', 'beside the mesh'],
    ['mesh/scope.yaml', scopeYaml(root)],
    ['mesh/delegations.yaml', recordsYaml(records)],
    ['mesh/v.yaml', '0'],
  ]);
  for (const [name, spec] of Object.entries(children)) {
    files.set(`mesh/${name}/scope.yaml`, scopeYaml({ name, owns: '{}', ...spec }));
    files.set(`mesh/${name}/v.yaml`, '0');
  }
  const genesis = repository.commit({ parents: [], files, message: 'genesis' });
  const people = new Map(PEOPLE.map((name) => [keyOf(sshKey(name)), name]));
  const forge: Forge = {
    repository,
    genesis,
    main: genesis,
    branches: [],
    all: [genesis],
    commit(entry) {
      const id = repository.commit({ ...entry, files: withoutShadowed(entry.files) });
      forge.all.push(id);
      return id;
    },
    filesOf: (id) => commitOf(repository.commits, id).files,
    state: () => naiveStates(repository, genesis, forge.main).at(-1) ?? new Map(),
    live: () => living(forge.state()),
    keysOf: (anchors) => anchors.flatMap(({ keys }) => keys.map((key) => people.get(key) ?? '')),
    who(scope, n) {
      const keys = scope.policy.anchors.flatMap((anchor) => anchor.keys);
      const key = keys[n % (keys.length + 2)];
      if (key !== undefined) return people.get(key) ?? null;
      return n % (keys.length + 2) === keys.length ? 'stranger' : null;
    },
    mergeFiles(ours, theirs) {
      const base = mergeBases(repository.commits, ours, theirs)[0] ?? genesis;
      return merged(forge.filesOf(base), forge.filesOf(ours), forge.filesOf(theirs));
    },
  };
  return forge;
}

/** A name is a file or a directory: where something is below it, it is a directory. */
function withoutShadowed(files: Files): Files {
  const paths = [...files.keys()];
  const shadowed = paths.filter((path) => paths.some((other) => other.startsWith(`${path}/`)));
  return shadowed.length === 0 ? files : new Map([...files].filter(([path]) => !shadowed.includes(path)));
}

/** What theirs changed, on top of ours. */
function merged(base: Files, ours: Files, theirs: Files): Files {
  const result = new Map(ours);
  for (const path of new Set([...base.keys(), ...theirs.keys()])) {
    const text = theirs.get(path);
    if (text === base.get(path)) continue;
    if (text === undefined) result.delete(path);
    else result.set(path, text);
  }
  return result;
}

/** The files with one scope's own tree replaced; null: it is gone. */
export function withOwn(files: Files, tree: Own | null, place: string): Files {
  const result = new Map(files);
  for (const path of own(files, place)?.files.keys() ?? filesAt(files, place).keys())
    result.delete(join('mesh', join(place, path)));
  for (const [path, text] of tree?.files ?? []) result.set(join('mesh', join(place, path)), text);
  return result;
}

/** The same history with other texts in its files: the same parents, signers and words. */
export function retold(forge: Forge, retell: (path: string, text: string) => string): Forge {
  const other = createForge();
  const { repository } = other;
  const ids = new Map<string, string>();
  const texts = new Map<Files, Files>();
  for (const id of forge.all) {
    const { parents, files, ...rest } = forge.repository.entryOf(id);
    const told = texts.get(files) ?? new Map([...files].map(([path, text]) => [path, retell(path, text)]));
    texts.set(files, told);
    ids.set(
      id,
      repository.commit({ ...rest, parents: parents.map((parent) => ids.get(parent) ?? ''), files: told }),
    );
  }
  const idOf = (id: string) => ids.get(id) ?? '';
  return { ...other, genesis: idOf(forge.genesis), main: idOf(forge.main), all: forge.all.map(idOf) };
}
