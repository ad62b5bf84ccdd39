import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { need } from '../native.ts';

/** Everything of one run lies in one fresh folder: keys, keyring, repositories, state. */
export type World = {
  readonly folder: string;
  /** The bare remote. */
  readonly remote: string;
  /** Environment of every child: nothing of the user's git, agents or keyring is read or changed. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Runs a program in a folder of the world. */
  readonly run: (folder: string, program: string, ...args: readonly string[]) => Promise<string>;
  /** Starts what the end of the world waits for; from then on it starts nothing. */
  readonly inTime: <T>(start: () => Promise<T>) => Promise<T>;
  /** A clone of the remote in which one person works, with their own key configured. */
  readonly clone: (name: Person) => Promise<string>;
};

type Person = 'alice' | 'cy' | 'forge';

const EXAMPLES = join(import.meta.dirname, '../../../examples-repo');
const SSH_ANCHORS = ['alice', 'bo', 'dana', 'eli', 'fay'] as const;

/** Makes the folder and what is in it. `defer` takes what has to be undone, last first. */
export async function createWorld(
  environment: World['environment'],
  defer: (undo: () => Promise<unknown>) => void,
  within = tmpdir(),
): Promise<World> {
  // A gpg-agent's socket has to fit into about 100 bytes, so names are short.
  const folder = await realpath(await mkdtemp(join(within, 'fairlead-')));
  defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const remote = join(folder, 'remote.git');
  const own = ownEnvironment(environment, folder);
  const { inTime, close } = createGate();
  const run: World['run'] = (cwd, program, ...args) =>
    inTime(() => need(program, args, { cwd, environment: own }));
  defer(async () => {
    await close();
    // What has run may have started an agent, until the last moment.
    await need('gpgconf', ['--kill', 'all'], { cwd: folder, environment: own });
  });
  const keys = await createKeys(folder, run);
  await run(folder, 'git', 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  const clone = (name: Person) => cloneFor(name, { folder, remote, run, fingerprint: keys.fingerprint });
  return { folder, remote, environment: own, run, inTime, clone };
}

/** Who is interrupted goes on telling: what would be started from then on is not, and what runs is waited for. */
function createGate() {
  const running = new Set<Promise<unknown>>();
  let isOpen = true;
  return {
    async inTime<T>(start: () => Promise<T>): Promise<T> {
      if (!isOpen) throw new Failure('demo-ended', 'the demo was interrupted', 'run it again');
      const run = start();
      running.add(run);
      return run.finally(() => running.delete(run));
    },
    async close(): Promise<void> {
      isOpen = false;
      await Promise.allSettled(running);
    },
  };
}

/** The examples with this world's keys in the key lines, and the ports of its echo services. */
export async function writeExamples(
  clone: string,
  keyFolder: string,
  ports: readonly [number, number],
): Promise<void> {
  await cp(EXAMPLES, clone, { recursive: true });
  const keys = join(keyFolder, 'keys');
  const certificate = await readFile(join(keys, 'cy.asc'), 'utf8');
  const fingerprint = await readFile(join(keys, 'cy.fingerprint'), 'utf8');
  const lines = new Map<string, string>();
  for (const name of SSH_ANCHORS) lines.set(name, (await readFile(join(keys, `${name}.pub`), 'utf8')).trim());
  const withKeys = (text: string) =>
    text
      .replace(/ssh-ed25519 \S+ (\w+)@\S+/g, (line, name: string) => lines.get(name) ?? line)
      .replace(/openpgp: [0-9A-F]{40}/, `openpgp: ${fingerprint}`)
      .replace(/sha256: [0-9a-f]{64}/, `sha256: ${sha256(certificate)}`);
  const mesh = (...path: readonly string[]) => join(clone, 'mesh', ...path);
  await writeFile(mesh('anchors', 'cy.asc'), certificate);
  await edit(mesh('scope.yaml'), withKeys);
  // The child keeps its uid: at a genesis it is what its parent's record says (formats.md).
  await edit(mesh('payments', 'scope.yaml'), withKeys);
  const [v1, v2] = ports.map(String);
  await edit(mesh('echo', 'workloads.yaml'), (text) =>
    text.replace(/http: 18081/, `http: ${v1}`).replace(/http: 18082/, `http: ${v2}`),
  );
}

/** Rewrites a file; its new text. */
export async function edit(file: string, change: (text: string) => string): Promise<string> {
  const text = change(await readFile(file, 'utf8'));
  await writeFile(file, text);
  return text;
}

/** GIT_DIR and its like would point git at the repository that the demo was started from. */
function ownEnvironment(environment: World['environment'], folder: string): World['environment'] {
  const kept = Object.entries(environment).filter(([name]) => !/^(GIT_|GPG_|SSH_|FAIRLEAD_)/.test(name));
  const git = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' };
  const places = { HOME: folder, GNUPGHOME: join(folder, 'gpg'), XDG_CACHE_HOME: join(folder, 'cache') };
  return { ...Object.fromEntries(kept), ...git, ...places, LC_ALL: 'C', NO_COLOR: '1' };
}

async function createKeys(folder: string, run: World['run']): Promise<{ readonly fingerprint: string }> {
  const keys = join(folder, 'keys');
  await mkdir(keys, { mode: 0o700 });
  await mkdir(join(folder, 'gpg'), { mode: 0o700 });
  for (const name of SSH_ANCHORS) {
    await run(
      keys,
      'ssh-keygen',
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      `${name}@demo`,
      '-f',
      join(keys, name),
    );
  }
  const user = 'cy <cy@demo.example>';
  const quiet = ['--batch', '--quiet', '--no-tty'];
  await run(keys, 'gpg', ...quiet, '--passphrase', '', '--quick-gen-key', user, 'ed25519', 'sign', 'never');
  const listing = await run(keys, 'gpg', ...quiet, '--with-colons', '--list-keys', 'cy@demo.example');
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listing)?.[1] ?? '';
  await writeFile(join(keys, 'cy.fingerprint'), fingerprint);
  await writeFile(
    join(keys, 'cy.asc'),
    `${await run(keys, 'gpg', ...quiet, '--armor', '--export', fingerprint)}\n`,
  );
  return { fingerprint };
}

type CloneFor = Pick<World, 'folder' | 'remote' | 'run'> & { readonly fingerprint: string };

async function cloneFor(name: Person, { folder, remote, run, fingerprint }: CloneFor): Promise<string> {
  const clone = join(folder, name);
  await run(folder, 'git', 'clone', '--quiet', remote, clone);
  const signing: Readonly<Record<Person, readonly (readonly [string, string])[]>> = {
    alice: [
      ['gpg.format', 'ssh'],
      ['user.signingkey', join(folder, 'keys', 'alice')],
    ],
    cy: [['user.signingkey', fingerprint]],
    forge: [],
  };
  const person = [['user.name', name] as const, ['user.email', `${name}@demo.example`] as const];
  for (const [key, value] of [...person, ...signing[name]]) await run(clone, 'git', 'config', key, value);
  await run(clone, 'git', 'checkout', '--quiet', '-B', 'main');
  return clone;
}
