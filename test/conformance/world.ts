import { parse } from 'yaml';
import type { PinData, Run, ScopeExpectation, Setup, Step } from './format.ts';
import {
  certificates,
  delegationsYaml,
  type KeyName,
  rootOwns,
  type ScopeSpec,
  scopeYaml,
  sha256,
} from './scope-files.ts';
import type { Files, Scratch } from './scratch.ts';

/**
 * A history in the notation of the attack list: `a ← b,c [S=v] x` is commit a with parents b and c, the value v in the
 * root scope S (`mesh/v.yaml`; with `C`, in its child scope `mesh/c`), signed by x. Files not said are those of the
 * first parent; null removes one.
 */
export type Entry = {
  readonly parents?: readonly string[];
  readonly S?: string;
  readonly C?: string;
  readonly files?: Readonly<Record<string, string | Uint8Array | null>>;
  readonly by?: KeyName;
  readonly message?: string | Uint8Array;
  readonly who?: string;
  /** Seconds since 1970; else dates count up. */
  readonly date?: number;
  /** A tree object in the place of `files`. */
  readonly tree?: string;
  /** In place of `by`: the armour over the commit's bytes. */
  readonly sign?: (bytes: Buffer) => Promise<string>;
  /** The last word over the raw commit. */
  readonly bend?: (raw: Buffer) => Buffer | Promise<Buffer>;
};

export type WorldOptions = {
  /** Prefix of the names of its runs. */
  readonly name?: string;
  readonly root?: ScopeSpec;
  readonly child?: ScopeSpec;
  /** In place of the grants in the child's record. */
  readonly record?: string;
  /** More of the genesis. */
  readonly files?: Files;
};

/** What a scope is expected to be; `at` names the commit that holds the bytes it serves. */
export type Expected = {
  readonly seq: number;
  readonly at: string;
  readonly held?: string;
  readonly status?: 'Withdrawn' | 'Tombstone';
  readonly signed?: readonly string[];
  /** The directory in which `at` has the bytes; else the scope's at the genesis. */
  readonly directory?: string;
  /** For scopes that the genesis does not have. */
  readonly uid?: string;
  /** In place of the key, where two scopes have had one path. */
  readonly path?: string;
};
/** By dotted path; scopes not said are as at the genesis. Null: the scope is not there. */
type Expectations = Readonly<Record<string, Expected | null>>;

type Offer = {
  /** Name of a commit. */
  readonly tip: string;
  readonly outcome?: Step['outcome'];
  readonly rule?: string;
  /** Left out: as after the step before. */
  readonly expect?: Expectations;
};

type Extras = {
  readonly name?: string;
  readonly setup?: readonly Setup[];
  readonly absent?: readonly string[];
  /** In place of the genesis. */
  readonly pin?: PinData;
};

type Approval = {
  readonly seq: number;
  /** Names of commits, or a digest, `none` or `gone`. */
  readonly base: string;
  readonly next: string;
  readonly group?: string;
  readonly round?: number;
};

type Place = { readonly path: string; readonly uid: string; readonly directory: string };

export interface World {
  readonly scratch: Scratch;
  /** The spec of the root's genesis policy, to make another from. */
  readonly root: ScopeSpec;
  readonly child: ScopeSpec;
  id(name: string): string;
  files(name: string): Files;
  uid(path: string): string;
  /** Adds a commit; the first is the genesis. Returns its name. */
  add(name: string, entry?: Entry): Promise<string>;
  /** Gives a name to a commit that was stored, with the files of another. */
  adopt(name: string, id: string, like: string): void;
  /** Own digest of a directory of the mesh (empty: the root's) in a commit. */
  own(name: string, directory?: string): string;
  /** The digest of a group: each member's approval and scope. */
  group(members: readonly (readonly [path: string, approval: Approval])[]): string;
  /** A statement line for a scope. */
  approve(approval: Approval, path?: string): string;
  withdraw(seq: number, round?: number, path?: string): string;
  pin(name?: string, seq?: number): PinData;
  /** Offers one after the other, to somebody who begins with the pin alone. */
  run(is: Run['is'], offers: readonly Offer[], extras?: Extras): void;
  /** One tip, offered to somebody who has followed nothing yet. */
  attack(tip: string, expect?: Expectations, extras?: Extras): void;
  honest(tip: string, expect?: Expectations, extras?: Extras): void;
}

export type Built = { readonly runs: Run[]; readonly refs: Map<string, string> };

type Known = { readonly id: string; readonly files: Files };

const START = 1_790_000_000;
export const childSpec: ScopeSpec = {
  name: 'c',
  anchors: ['alice', 'bo', 'dana'],
  owns: '{ namespaces: [c] }',
};

/** A message whose last paragraph are these lines. */
export function says(...lines: readonly string[]): string {
  return `words\n\n${lines.join('\n')}\n`;
}

/** A history that begins at the commit `g`. */
export async function createWorld(scratch: Scratch, built: Built, options: WorldOptions): Promise<World> {
  const { root = {}, child = childSpec } = options;
  const commits = new Map<string, Known>();
  const known = (name: string): Known => {
    const commit = commits.get(name);
    if (commit === undefined) throw new Error(`no commit ${name} yet`);
    return commit;
  };
  const places = () => placesOf(known('g').files);
  const place = (path: string): Place => {
    const found = places().find((each) => each.path === path);
    if (found === undefined) throw new Error(`no scope ${path} at the genesis`);
    return found;
  };
  const own = (name: string, directory = '') => ownDigest(known(name).files, directory);
  const digest = (name: string, directory: string) => (commits.has(name) ? own(name, directory) : name);

  const world: World = {
    scratch,
    root,
    child,
    id: (name) => known(name).id,
    files: (name) => known(name).files,
    uid: (path) => place(path).uid,
    async add(name, entry = {}) {
      const parents = (entry.parents ?? []).map(known);
      const files = filesOf(parents[0]?.files ?? genesisFiles(options), entry);
      const order = built.refs.size + commits.size;
      const id = await makeCommit(scratch, name, { ...entry, files }, parents, START + 60 * order);
      commits.set(name, { id, files });
      return name;
    },
    adopt: (name, id, like) => void commits.set(name, { id, files: known(like).files }),
    own,
    approve({ seq, base, next, group, round }, path = 's') {
      const { uid, directory } = place(path);
      const more = `${group === undefined ? '' : ` group=${group}`}${round === undefined ? '' : ` round=${round}`}`;
      return `Fairlead-Approve: ${uid} seq=${seq} base=${digest(base, directory)} next=${digest(next, directory)}${more}`;
    },
    group(members) {
      const lines = members.map(([path, { seq, base, next }]) => {
        const { uid, directory } = place(path);
        return `${uid} ${seq} ${digest(base, directory)} ${digest(next, directory)}\n`;
      });
      return sha256(lines.sort().join(''));
    },
    withdraw: (seq, round, path = 's') =>
      `Fairlead-Withdraw: ${place(path).uid} seq=${seq}${round === undefined ? '' : ` round=${round}`}`,
    pin: (name = 'g', seq = 1) => ({ ...pinOf(known(name)), seq }),
    run(is, offers, { name, setup, absent, pin = pinOf(known('g')) } = {}) {
      const parts = [options.name, is, name].filter((part) => part !== undefined);
      const title = parts.join(' ');
      if (built.runs.some((run) => run.name === title)) throw new Error(`two runs named ${title}`);
      const steps = offers.map(({ tip, outcome = 'followed', rule, expect }, at) => {
        built.refs.set(`refs/heads/${parts.join('-').replaceAll(' ', '-')}-${at}`, known(tip).id);
        const scopes = expect === undefined ? undefined : expectedScopes(places(), expect, own);
        return { offer: known(tip).id, outcome, ...(rule && { rule }), ...(scopes && { scopes }) };
      });
      built.runs.push({ name: title, is, pin, ...(setup && { setup }), ...(absent && { absent }), steps });
    },
    attack: (tip, expect = {}, extras = {}) => world.run('attack', [{ tip, expect }], extras),
    honest: (tip, expect = {}, extras = {}) => world.run('honest', [{ tip, expect }], extras),
  };
  await world.add('g', { files: {} });
  return world;
}

function genesisFiles({ root = {}, child = childSpec, record, files }: WorldOptions): Files {
  const childYaml = scopeYaml(child);
  const { name = 's' } = root;
  const more = record === undefined ? {} : { more: record };
  const entry = { name: child.name ?? 'c', uid: uidOf(childYaml), path: 'c', ...more };
  return {
    'mesh/scope.yaml': scopeYaml({ owns: rootOwns, ...root }),
    ...below('mesh/', certificates({ anchors: ['cy'], ...root })),
    'mesh/delegations.yaml': delegationsYaml([entry], name),
    'mesh/v.yaml': '0\n',
    'mesh/c/scope.yaml': childYaml,
    ...below('mesh/c/', certificates(child)),
    'mesh/c/v.yaml': '0\n',
    ...files,
  };
}

export function below(prefix: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [prefix + path, bytes]));
}

export function uidOf(scope: string | Uint8Array): string {
  return sha256('fairlead-uid-1\0', scope);
}

function filesOf(before: Files, { S, C, files = {} }: Entry): Files {
  const changes = {
    ...(S === undefined ? {} : { 'mesh/v.yaml': `${S}\n` }),
    ...(C === undefined ? {} : { 'mesh/c/v.yaml': `${C}\n` }),
    ...files,
  };
  const whole = Object.entries({ ...before, ...changes });
  return Object.fromEntries(whole.flatMap(([path, bytes]) => (bytes === null ? [] : [[path, bytes]])));
}

async function makeCommit(
  scratch: Scratch,
  name: string,
  entry: Entry & { readonly files: Files },
  parents: readonly Known[],
  date: number,
): Promise<string> {
  const { by, sign, bend, message = `${name}\n`, who = by ?? 'forge' } = entry;
  const tree = entry.tree ?? (await scratch.tree(entry.files));
  const spec = { tree, parents: parents.map(({ id }) => id), message, who, date: entry.date ?? date, by };
  const id = await scratch.commit(spec);
  if (sign === undefined && bend === undefined) return id;
  const plain = await scratch.raw('commit', id);
  const signed = sign === undefined ? plain : withSignature(plain, await sign(plain));
  return scratch.store('commit', bend === undefined ? signed : await bend(signed));
}

/** The commit with the armour in a header of that name, behind its other headers. */
export function withSignature(raw: Buffer, armor: string, header = 'gpgsig'): Buffer {
  return withHeader(raw, `${header} ${armor.trimEnd().split('\n').join('\n ')}`);
}

/** The commit with one more header, behind all others. */
export function withHeader(raw: Buffer, header: string): Buffer {
  const at = raw.indexOf('\n\n') + 1;
  return Buffer.concat([raw.subarray(0, at), Buffer.from(`${header}\n`), raw.subarray(at)]);
}

/** formats.md, "Own digest", once more and independently. */
function ownDigest(files: Files, directory: string): string {
  const prefix = directory === '' ? 'mesh/' : `mesh/${directory}/`;
  const masks = recordsOf(files, prefix).flatMap(({ path }) => (path === undefined ? [] : [`${path}/`]));
  const lines = Object.entries(files)
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, bytes]) => [path.slice(prefix.length), bytes] as const)
    .filter(([path]) => !masks.some((mask) => path.startsWith(mask)))
    .sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    .map(([path, bytes]) => `100644 ${path}\0${sha256(bytes)}\n`);
  return sha256('fairlead-own-1\0', lines.join(''));
}

type Listed = {
  readonly name: string;
  readonly uid: string;
  readonly path?: string;
  readonly status?: string;
};

function recordsOf(files: Files, prefix: string): readonly Listed[] {
  const text = files[`${prefix}delegations.yaml`];
  if (text === undefined) return [];
  try {
    return (parse(Buffer.from(text).toString()) as { spec: readonly Listed[] }).spec;
  } catch {
    return [];
  }
}

/** The scopes of a genesis, parents before children. */
function placesOf(files: Files): readonly Place[] {
  const root = files['mesh/scope.yaml'] ?? '';
  const name = /^metadata: \{ name: (\S+) \}/m.exec(Buffer.from(root).toString())?.[1] ?? 's';
  const walk = (parent: Place): readonly Place[] => {
    const prefix = parent.directory === '' ? 'mesh/' : `mesh/${parent.directory}/`;
    const children = recordsOf(files, prefix).flatMap(({ name, uid, path }) => {
      if (path === undefined) return [];
      const directory = parent.directory === '' ? path : `${parent.directory}/${path}`;
      return walk({ path: `${parent.path}.${name}`, uid, directory });
    });
    return [parent, ...children];
  };
  return walk({ path: name, uid: uidOf(root), directory: '' });
}

function pinOf({ id, files }: Known): PinData {
  const places = placesOf(files);
  const digests = places.map(({ uid, directory }) => [uid, ownDigest(files, directory)]);
  const uid = places[0]?.uid ?? '';
  return { commit: id, path: 'mesh', uid, seq: 1, digests: Object.fromEntries(digests) };
}

function expectedScopes(
  places: readonly Place[],
  expect: Expectations,
  own: (name: string, directory?: string) => string,
): readonly ScopeExpectation[] {
  const untouched: Expected = { seq: 1, at: 'g' };
  const kept = places.filter(({ path }) => expect[path] !== null);
  const added = Object.entries(expect).flatMap(([path, expected]) =>
    expected === null || places.some((place) => place.path === path)
      ? []
      : [
          {
            path: expected.path ?? path,
            key: path,
            uid: expected.uid ?? '',
            directory: expected.directory ?? '',
          },
        ],
  );
  return [...kept.map((each) => ({ ...each, key: each.path })), ...added].map(
    ({ path, key, uid, directory }) => {
      const { seq, at, held = null, status, signed, directory: other = directory } = expect[key] ?? untouched;
      return {
        path,
        uid,
        seq,
        state: status === 'Tombstone' ? 'Gone' : held === null ? 'Accepted' : 'Held',
        ...(status && { status }),
        accepted: own(at, other),
        rule: held,
        ...(signed && { signed: signed.toSorted() }),
      };
    },
  );
}

/** The kinds of keys, and three people who have keys of it: cases about signatures are built for each. */
export const KINDS: readonly {
  readonly kind: string;
  readonly people: readonly [KeyName, KeyName, KeyName];
}[] = [
  { kind: 'ssh', people: ['alice', 'bo', 'dana'] },
  { kind: 'openpgp', people: ['cy', 'gus', 'alice'] },
];

/** A scope that serves what stands in the commit `at`. */
export function serves(seq: number, at: string, signed?: readonly string[]): Expected {
  return { seq, at, ...(signed && { signed }) };
}

/** A held scope, by default one that still serves its genesis. */
export function held(rule: string, signed: readonly string[] = [], seq = 1, at = 'g'): Expected {
  return { seq, at, held: rule, signed };
}
