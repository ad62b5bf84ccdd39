import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../src/base/must.ts';
import { createTreeDigests, openIsomorphic } from '../../src/git/index.ts';
import { makePin, type Pin } from '../../src/governance/index.ts';
import { gitEnvironment, run } from '../repository.ts';
import { type Entry, Pack } from './pack.ts';
import { allowedSigner, openpgpSigner, type Signer, sshSigner } from './signing.ts';

export type HistoryOptions = {
  /** All of them: three for each pull request, and the genesis. */
  readonly commits: number;
  /** Child scopes of the one root, each with a service of its own. */
  readonly scopes: number;
  readonly format: 'ssh' | 'openpgp';
  /** Several histories of one mesh have a root each, which owns the namespaces of its scopes alone; default `bench`, which owns all. */
  readonly root?: string;
};

/** A bare repository in which every mutation is signed by a quorum of two, and all of them are accepted. */
export type History = HistoryOptions & {
  readonly dir: string;
  readonly gitdir: string;
  readonly pin: Pin;
  readonly genesis: string;
  /** The last main-line commit, and the one before it. */
  readonly tip: string;
  readonly before: string;
  /** Signed commits: two for each pull request. */
  readonly approvals: readonly string[];
  /** git's `gpg.ssh.allowedSignersFile`; the OpenPGP certificates. */
  readonly allowedSigners: string;
  readonly certificates: readonly string[];
};

const VERSION = 1;
const ANCHORS = ['a', 'b', 'c'] as const;
const OLDEST_BASE = 5;

/** The history of these parameters, made once and kept below `folder`. */
export async function historyOf(folder: string, options: HistoryOptions): Promise<History> {
  return must((await historiesOf(folder, [options]))[0]);
}

/** One for each of these. */
export async function historiesOf(
  folder: string,
  all: readonly HistoryOptions[],
): Promise<readonly History[]> {
  await mkdir(folder, { recursive: true });
  const there = new Set(await readdir(folder));
  const missing = all.filter((options) => !there.has(nameOf(options)));
  if (missing.length > 0) {
    const work = await mkdtemp(join(folder, 'work-'));
    // In a process of its own: one that has grown large is slow to start others.
    const made = missing.map((options) => ({ dir: join(work, nameOf(options)), options }));
    const program = join(import.meta.dirname, 'history-child.ts');
    try {
      await run(process.execPath, [program], { input: JSON.stringify(made) });
      for (const { dir, options } of made) await rename(dir, join(folder, nameOf(options)));
    } finally {
      await rm(work, { recursive: true });
    }
  }
  return Promise.all(all.map((options) => readHistory(join(folder, nameOf(options)))));
}

function nameOf({ commits, scopes, format, root }: HistoryOptions): string {
  return ['history', VERSION, commits, scopes, format, ...(root === undefined ? [] : [root])].join('-');
}

/** What `historyOf` made in `dir`. */
export async function readHistory(dir: string): Promise<History> {
  const history = JSON.parse(await readFile(join(dir, 'history.json'), 'utf8')) as History;
  return { ...history, dir, gitdir: join(dir, 'mesh.git'), allowedSigners: join(dir, 'allowed-signers') };
}

/** Its main line, the genesis first. */
export async function tipsOf({ gitdir, tip }: History): Promise<readonly string[]> {
  const args = ['-C', gitdir, 'rev-list', '--first-parent', '--reverse', tip];
  return String(await run('git', args, { env: gitEnvironment }))
    .trim()
    .split('\n');
}

/** What of a scope changes, and with it its directory's tree. */
type Scope = { readonly name: string; readonly signers: readonly Signer[]; readonly fixed: readonly Entry[] };

/** Makes the history in `dir`. */
export async function makeHistory(dir: string, options: HistoryOptions): Promise<void> {
  const pack = new Pack();
  const signers = await Promise.all(ANCHORS.map((name) => signerOf(options.format, name)));
  const { root } = options;
  const named = (index: number) => (root === undefined ? scopeName(index) : `${root}-${index}`);
  const scopes = Array.from({ length: options.scopes }, (_, index) =>
    makeScope(pack, named(index), index, signers),
  );
  const writer = new Writer(pack, scopes, makeMesh(pack, root, scopes, signers));
  const pulls = Math.floor((options.commits - 1) / 3);
  for (let pull = 1; pull <= pulls; pull += 1) await writer.merge(pull);
  const { main, approvals } = writer;
  const [genesis = '', tip = '', before = ''] = [main[0], main.at(-1), main.at(-2)];
  const gitdir = join(dir, 'mesh.git');
  await mkdir(dir, { recursive: true });
  await pack.write(gitdir, tip);
  const allowedSigners = join(dir, 'allowed-signers');
  const ssh = signers.filter(({ key }) => key.includes('ssh-'));
  await writeFile(allowedSigners, `${ssh.map(allowedSigner).join('\n')}\n`);
  const certificates = signers.flatMap(({ files }) => Object.values(files));
  const pin = await pinOf(gitdir, genesis);
  const history: History = {
    ...options,
    ...{ dir, gitdir, pin, genesis, tip, before, approvals, allowedSigners, certificates },
  };
  await writeFile(join(dir, 'history.json'), JSON.stringify(history));
}

async function pinOf(gitdir: string, genesis: string): Promise<Pin> {
  const objects = await openIsomorphic({ gitdir });
  const made = await makePin(objects, createTreeDigests(objects), genesis, 'mesh');
  if (!made.ok) throw new Error(made.reason);
  return made.pin;
}

function signerOf(format: HistoryOptions['format'], name: string): Promise<Signer> {
  return format === 'ssh' ? Promise.resolve(sshSigner(name)) : openpgpSigner(name);
}

function makeScope(pack: Pack, name: string, index: number, signers: readonly Signer[]): Scope {
  const files = { 'scope.yaml': scopeYaml(name, signers, [name]), 'service.yaml': serviceYaml(name, index) };
  return { name, signers, fixed: entries(pack, files, signers) };
}

function entries(
  pack: Pack,
  files: Readonly<Record<string, string>>,
  signers: readonly Signer[],
): readonly Entry[] {
  const certificates = Object.assign({}, ...signers.map((signer) => signer.files)) as Record<string, string>;
  const named = Object.entries(files).map(([name, text]): Entry => {
    return { name, mode: '100644', id: pack.put('blob', text) };
  });
  const anchors = Object.fromEntries(
    Object.entries(certificates).map(([path, text]) => [path.slice('anchors/'.length), text]),
  );
  if (Object.keys(anchors).length === 0) return named;
  return [...named, { name: 'anchors', mode: '40000', id: pack.folder(anchors) }];
}

/** A scope that delegates, and its own files. */
type Parent = { readonly name: string; readonly own: readonly Entry[] };

/** The root's own files, and those of the scopes between it and the others, where these are too many for one. */
type Mesh = { readonly own: readonly Entry[]; readonly groups: readonly Parent[] };

/** A scope may delegate to 4,096. */
const MAX_CHILDREN = 4_096;
const GROUP = 1_000;

function makeMesh(
  pack: Pack,
  root: string | undefined,
  scopes: readonly Scope[],
  signers: readonly Signer[],
): Mesh {
  const owned = root === undefined ? ['*'] : namesOf(scopes);
  const parent = (name: string, owns: readonly string[], records: string) => {
    const head = `apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: ${name} }\nspec:\n`;
    const files = { 'scope.yaml': scopeYaml(name, signers, owns), 'delegations.yaml': `${head}${records}` };
    return entries(pack, files, signers);
  };
  const teams = (all: readonly Scope[]) => {
    return all.map(({ name }) => record(name, `teams/${name}`, signers, [name])).join('');
  };
  const rootName = root ?? 'bench';
  if (scopes.length <= MAX_CHILDREN) return { own: parent(rootName, owned, teams(scopes)), groups: [] };
  const groups = groupsOf(scopes).map((all, index) => ({ name: `group-${index}`, all }));
  const below = groups.map(({ name, all }) => record(name, `groups/${name}`, signers, namesOf(all)));
  return {
    own: parent(rootName, owned, below.join('')),
    groups: groups.map(({ name, all }) => ({ name, own: parent(name, namesOf(all), teams(all)) })),
  };
}

function namesOf(scopes: readonly Scope[]): readonly string[] {
  return scopes.map(({ name }) => name);
}

function groupsOf<T>(all: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / GROUP) }, (_, index) =>
    all.slice(index * GROUP, (index + 1) * GROUP),
  );
}

/** One line of `delegations.yaml`. */
function record(
  name: string,
  path: string,
  signers: readonly Signer[],
  namespaces: readonly string[],
): string {
  const uid = createHash('sha256')
    .update('fairlead-uid-1\0')
    .update(scopeYaml(name, signers, namespaces))
    .digest('hex');
  const granted = namespaces.join(', ');
  return `  - { name: ${name}, uid: ${uid}, path: ${path}, grants: { namespaces: [${granted}] } }\n`;
}

/** Writes pull requests one after the other; a branch starts from one of the last main-line commits. */
class Writer {
  readonly main: string[] = [];
  readonly approvals: string[] = [];
  readonly #pack: Pack;
  readonly #scopes: readonly Scope[];
  readonly #mesh: Mesh;
  /** Trees of all scopes at each of the last main-line commits. */
  readonly #states: (readonly Entry[])[] = [];
  /** Main-line index at which a scope changed last. */
  readonly #changed: number[] = [];
  #clock = Date.UTC(2026, 0, 1) / 1000;

  constructor(pack: Pack, scopes: readonly Scope[], mesh: Mesh) {
    this.#pack = pack;
    this.#scopes = scopes;
    this.#mesh = mesh;
    const first = scopes.map(
      (scope): Entry => ({ name: scope.name, mode: '40000', id: this.#scopeTree(scope, 0) }),
    );
    this.#states.push(first);
    this.main.push(pack.put('commit', this.#commit(this.#tree(first), [], 'genesis')));
  }

  /** One pull request: a commit by one anchor, an approval by another, and the forge's unsigned merge. */
  async merge(pull: number): Promise<void> {
    const index = scopeOf(pull, this.#scopes.length);
    const scope = this.#scopes[index];
    if (scope === undefined) throw new Error('there are no scopes');
    const entry: Entry = { name: scope.name, mode: '40000', id: this.#scopeTree(scope, pull) };
    const now = this.main.length - 1;
    const base = Math.max(this.#changed[index] ?? 0, now - (pull % OLDEST_BASE));
    const branch = this.#tree(withEntry(this.#states[base] ?? [], index, entry));
    const state = withEntry(this.#states[now] ?? [], index, entry);
    const [author, reviewer] = pick(scope.signers, pull);
    const change = await this.#signed(branch, [this.main[base] ?? ''], `Change ${scope.name}`, author);
    const approval = await this.#signed(branch, [change], `Approve ${scope.name}`, reviewer);
    const message = `Merge pull request #${pull}`;
    this.main.push(
      this.#pack.put('commit', this.#commit(this.#tree(state), [this.main[now] ?? '', approval], message)),
    );
    this.approvals.push(change, approval);
    this.#changed[index] = now + 1;
    this.#states.push(state);
    delete this.#states[now - OLDEST_BASE];
  }

  #scopeTree({ name, fixed }: Scope, pull: number): string {
    const routes = this.#pack.put('blob', routesYaml(name, pull));
    return this.#pack.tree([...fixed, { name: 'routes.yaml', mode: '100644', id: routes }]);
  }

  #tree(teams: readonly Entry[]): string {
    const { own, groups } = this.#mesh;
    const inside = groups.length === 0 ? this.#directory('teams', teams) : this.#groups(groups, teams);
    return this.#pack.tree([this.#directory('mesh', [...own, inside])]);
  }

  #groups(groups: readonly Parent[], teams: readonly Entry[]): Entry {
    const all = groupsOf(teams).map((own, index) => {
      const parent = must(groups[index]);
      return this.#directory(parent.name, [...parent.own, this.#directory('teams', own)]);
    });
    return this.#directory('groups', all);
  }

  #directory(name: string, inside: readonly Entry[]): Entry {
    return { name, mode: '40000', id: this.#pack.tree(inside) };
  }

  #commit(tree: string, parents: readonly string[], message: string): Buffer {
    this.#clock += 60;
    const who = `Somebody <somebody@example.test> ${this.#clock} +0000`;
    const head = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`)];
    return Buffer.from(`${[...head, `author ${who}`, `committer ${who}`].join('\n')}\n\n${message}\n`);
  }

  async #signed(tree: string, parents: readonly string[], message: string, signer: Signer): Promise<string> {
    const raw = this.#commit(tree, parents, message);
    const at = raw.indexOf('\n\n') + 1;
    const armor = (await signer.sign(raw)).trimEnd().split('\n').join('\n ');
    const bytes = Buffer.concat([raw.subarray(0, at), Buffer.from(`gpgsig ${armor}\n`), raw.subarray(at)]);
    return this.#pack.put('commit', bytes);
  }
}

/** Spread over all scopes, in no order that a cache could like. */
function scopeOf(pull: number, scopes: number): number {
  return createHash('sha256').update(`pull ${pull}`).digest().readUInt32BE() % scopes;
}

function pick(signers: readonly Signer[], pull: number): readonly [Signer, Signer] {
  const author = signers[pull % signers.length];
  const reviewer = signers[(pull + 1) % signers.length];
  if (author === undefined || reviewer === undefined) throw new Error('a scope has anchors');
  return [author, reviewer];
}

function withEntry(state: readonly Entry[], index: number, entry: Entry): readonly Entry[] {
  return state.with(index, entry);
}

export function scopeName(index: number): string {
  return `team-${String(index).padStart(4, '0')}`;
}

function scopeYaml(name: string, signers: readonly Signer[], owns: readonly string[]): string {
  const salt = createHash('sha256').update(name).digest('hex').slice(0, 32);
  const anchors = signers.map(({ name: anchor, key }) => `    - { name: ${anchor}, keys: [${key}] }\n`);
  return `apiVersion: fairlead.dev/v1alpha1\nkind: Scope\nmetadata: { name: ${name} }\nspec:\n  ruleset: 1\n  salt: ${salt}\n  anchors:\n${anchors.join('')}  quorum: { threshold: 2 }\n  owns: { namespaces: ${JSON.stringify(owns)} }\n`;
}

/** A service with two versions, each with one workload. */
function serviceYaml(namespace: string, index: number): string {
  const workload = (version: string, last: number) => `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: app-${version}, namespace: ${namespace}, labels: { app: app, version: ${version} } }
spec: { address: 10.${64 + Math.floor(index / 250)}.${index % 250}.${last}, ports: { http: 8080 } }
`;
  return `apiVersion: v1
kind: Service
metadata: { name: app, namespace: ${namespace} }
spec: { selector: { app: app }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: app, namespace: ${namespace} }
spec: { host: app, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
${workload('v1', 1)}${workload('v2', 2)}`;
}

/** The canary's weights; the number of the pull request makes each version's bytes its own. */
function routesYaml(namespace: string, pull: number): string {
  return `# Pull request ${pull}.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: app, namespace: ${namespace} }
spec:
  hosts: [app]
  http:
    - route:
        - { destination: { host: app, subset: v1 }, weight: ${100 - (pull % 90)} }
        - { destination: { host: app, subset: v2 }, weight: ${pull % 90} }
`;
}
