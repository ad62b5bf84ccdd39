import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** With which key a commit is signed: the path of an SSH private key, or an OpenPGP fingerprint in a keyring. */
type SignWith = { readonly ssh: string } | { readonly gpg: string; readonly home: string };

type CommitOptions = { readonly sign?: SignWith; readonly author?: string };

/** A real git repository with a worktree in a temporary folder. Ids are the same in every run: dates count up. */
export type TestRepository = {
  readonly dir: string;
  readonly gitdir: string;
  /** Runs git in the repository; standard output without the last line feed. Rejects with standard error. */
  git(...args: string[]): Promise<string>;
  /** Writes a file of the worktree, folders as needed. */
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Removes a file or a folder of the worktree. */
  remove(path: string): Promise<void>;
  /** Commits the whole worktree, even if nothing changed; the new commit's id. */
  commit(message: string, options?: CommitOptions): Promise<string>;
  /** Merges `branch` into HEAD, never as a fast-forward; the merge commit's id. */
  merge(branch: string, message?: string, options?: CommitOptions): Promise<string>;
  /** Creates a branch at `at` (default HEAD) and checks it out. */
  branch(name: string, at?: string): Promise<void>;
  checkout(ref: string): Promise<void>;
  /** The id that a ref or expression (`main^{tree}`, `HEAD:mesh`) names. */
  id(expression?: string): Promise<string>;
  /** Stores raw bytes as an object, valid or not; its id. */
  store(type: 'commit' | 'tree' | 'blob', bytes: string | Uint8Array): Promise<string>;
  /** The raw bytes of an object without git's object header. */
  raw(type: 'commit' | 'tree' | 'blob', id: string): Promise<Buffer>;
  close(): Promise<void>;
};

/** Runs a program to its end; standard output as bytes. Rejects with standard error when it fails. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; input?: string | Uint8Array } = {},
): Promise<Buffer> {
  const env = { ...process.env, ...options.env };
  const child = spawn(program, args, { env, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => {}); // A program that does not read its input closes it early: its status tells.
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(out));
      else reject(new Error(`${program} ${args.join(' ')}: status ${code}: ${Buffer.concat(err)}`));
    });
  });
}

/** A new folder under the system's temporary folder, and how to remove it. */
export async function createFolder(): Promise<{ dir: string; close(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
  return { dir, close: () => rm(dir, { recursive: true, force: true }) };
}

/** A new SSH key without a passphrase: the path of the private key (the public one beside it, `.pub`). */
export async function createSshKey(dir: string, name: string, type = 'ed25519'): Promise<string> {
  const file = join(dir, name);
  await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', name, '-f', file]);
  return file;
}

/** A new OpenPGP key in a keyring of its own (`home`; keep it short: gpg-agent's socket lies there). Close it at the end. */
export async function createGpgKey(home: string, name: string) {
  await mkdir(home, { recursive: true, mode: 0o700 });
  const gpg = (...args: string[]) => run('gpg', ['--batch', '--homedir', home, ...args]);
  const user = `${name} <${name}@example.test>`;
  await gpg('--passphrase', '', '--quick-gen-key', user, 'ed25519', 'sign', 'never');
  const list = (await gpg('--with-colons', '--list-keys', name)).toString();
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(list)?.[1];
  if (fingerprint === undefined) throw new Error(`gpg lists no key: ${list}`);
  const close = async () => void (await run('gpgconf', ['--homedir', home, '--kill', 'all']));
  return { gpg: fingerprint, home, close };
}

const START_S = Date.UTC(2026, 0, 1) / 1000;

/** The environment of a git that reads no configuration but the repository's own. */
export const gitEnvironment = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
} as const;

/** A new, empty repository with branch `main`. */
export async function createRepository(): Promise<TestRepository> {
  const folder = await createFolder();
  const repository = worktree(folder.dir, folder.close);
  await repository.git('init', '--quiet', '--initial-branch=main');
  return repository;
}

function worktree(dir: string, close: () => Promise<void>): TestRepository {
  let commits = 0;
  const people = (author = 'Alice <alice@example.test>') => {
    const [, name = '', mail = ''] = /^(.*) <(.*)>$/.exec(author) ?? [];
    commits += 1;
    const date = `${START_S + 60 * commits} +0000`;
    const who = { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: mail, GIT_COMMITTER_NAME: name };
    return { ...who, GIT_COMMITTER_EMAIL: mail, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  };
  const git = async (args: readonly string[], env = {}, input: string | Uint8Array = '') =>
    run('git', args, { cwd: dir, env: { ...gitEnvironment, ...env }, input });
  const text = async (...args: string[]) => (await git(args)).toString().replace(/\n$/, '');
  const id = (expression = 'HEAD') => text('rev-parse', '--verify', '--quiet', expression);
  const signed = (options: CommitOptions, ...args: string[]) =>
    git([...signingConfig(options.sign), ...args, ...(options.sign === undefined ? [] : ['-S'])], {
      ...people(options.author),
      ...(options.sign !== undefined && 'home' in options.sign ? { GNUPGHOME: options.sign.home } : {}),
    });
  return {
    dir,
    gitdir: join(dir, '.git'),
    git: text,
    async write(path, content) {
      const file = join(dir, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    },
    remove: (path) => rm(join(dir, path), { recursive: true }),
    async commit(message, options = {}) {
      await text('add', '--all', '--force');
      await signed(options, 'commit', '--quiet', '--allow-empty', '--allow-empty-message', '-m', message);
      return id();
    },
    async merge(branch, message = `Merge ${branch}`, options = {}) {
      await signed(options, 'merge', '--quiet', '--no-ff', '-m', message, branch);
      return id();
    },
    async branch(name, at = 'HEAD') {
      await text('checkout', '--quiet', '-b', name, at);
    },
    async checkout(ref) {
      await text('checkout', '--quiet', ref);
    },
    id,
    async store(type, bytes) {
      return (await git(['hash-object', '-t', type, '-w', '--stdin', '--literally'], {}, bytes))
        .toString()
        .trim();
    },
    raw: (type, object) => git(['cat-file', type, object]),
    close,
  };
}

function signingConfig(sign: SignWith | undefined): readonly string[] {
  if (sign === undefined) return [];
  if ('ssh' in sign) return ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${sign.ssh}`];
  return ['-c', 'gpg.format=openpgp', '-c', `user.signingkey=${sign.gpg}`];
}
