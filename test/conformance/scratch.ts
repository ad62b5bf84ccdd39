import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { type InstalledKeys, installKeys, type SshName } from '../keys/index.ts';
import { createFolder, gitEnvironment, run } from '../repository.ts';
import { isOpenpgp, type KeyName } from './scope-files.ts';

type ObjectType = 'commit' | 'tree' | 'blob' | 'tag';
/** Paths of the repository and the bytes there. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

type CommitSpec = {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string | Uint8Array;
  /** Whose name stands in it. */
  readonly who: string;
  /** Seconds since 1970. */
  readonly date: number;
  /** With whose key `git commit-tree -S` signs. */
  readonly by: KeyName | undefined;
};

/** A bare repository in which real git, ssh-keygen and gpg make a history; and what they refuse to make, byte by byte. */
export interface Scratch {
  readonly keys: InstalledKeys;
  /** A tree of these files, by git. */
  tree(files: Files): Promise<string>;
  commit(spec: CommitSpec): Promise<string>;
  /** Any bytes as an object. */
  store(type: ObjectType, bytes: string | Uint8Array): Promise<string>;
  raw(type: ObjectType, id: string): Promise<Buffer>;
  git(args: readonly string[], input?: string | Uint8Array): Promise<Buffer>;
  /** The armour that `ssh-keygen -Y sign` or `gpg --detach-sign` makes. */
  sign(by: KeyName, bytes: Uint8Array, ...options: readonly string[]): Promise<string>;
  /** Every object as a bundle with these refs. */
  bundle(refs: Readonly<Record<string, string>>): Promise<Buffer>;
  close(): Promise<void>;
}

export type Tools = { readonly keys: InstalledKeys; close(): Promise<void> };

/** gpg's clock stands still: an Ed25519 signature is then the same in every run. */
export async function installTools(): Promise<Tools> {
  const folder = await createFolder();
  const keys = installKeys(join(folder.dir, 'keys'));
  await writeFile(
    join(keys.gnupgHome, 'gpg.conf'),
    'batch\nno-tty\nno-greeting\nfaked-system-time 20270101T000000!\n',
  );
  const close = async () => {
    keys.close();
    await folder.close();
  };
  return { keys, close };
}

export async function openScratch({ keys }: Tools): Promise<Scratch> {
  const folder = await createFolder();
  const { dir } = folder;
  const env = { ...gitEnvironment, GIT_DIR: dir, GNUPGHOME: keys.gnupgHome };
  const blobs = new Map<string, Promise<string>>();
  const trees = new Map<string, Promise<string>>();
  const git = (args: readonly string[], input: string | Uint8Array = '', more = {}) =>
    run('git', args, { cwd: dir, env: { ...env, ...more }, input });
  await git(['init', '--quiet', '--bare']);

  const blob = (bytes: string | Uint8Array): Promise<string> => {
    const name = Buffer.from(bytes).toString('latin1');
    const known = blobs.get(name) ?? git(['hash-object', '-w', '--stdin'], bytes).then(firstLine);
    blobs.set(name, known);
    return known;
  };
  const writeTree = async (files: Files): Promise<string> => {
    const more = { GIT_INDEX_FILE: join(dir, `index-${trees.size}`) };
    const lines = Object.entries(files).map(
      async ([path, bytes]) => `100644 ${await blob(bytes)}\t${path}\0`,
    );
    await git(['update-index', '-z', '--index-info'], (await Promise.all(lines)).join(''), more);
    return firstLine(await git(['write-tree'], '', more));
  };

  return {
    keys,
    git,
    tree(files) {
      const name = JSON.stringify(Object.entries(files).map(([path, bytes]) => [path, sha1('', bytes)]));
      const known = trees.get(name) ?? writeTree(files);
      trees.set(name, known);
      return known;
    },
    async commit({ tree, parents, message, who, date, by }) {
      const mail = `${who}@fairlead.example`;
      const when = `@${date} +0000`;
      const people = { GIT_AUTHOR_NAME: who, GIT_AUTHOR_EMAIL: mail, GIT_AUTHOR_DATE: when };
      const same = { GIT_COMMITTER_NAME: who, GIT_COMMITTER_EMAIL: mail, GIT_COMMITTER_DATE: when };
      const above = parents.flatMap((parent) => ['-p', parent]);
      const args = [...signingConfig(keys, by), 'commit-tree', ...(by === undefined ? [] : ['-S']), ...above];
      return firstLine(await git([...args, tree], message, { ...people, ...same }));
    },
    async store(type, bytes) {
      const id = sha1(type, bytes);
      const folder = join(dir, 'objects', id.slice(0, 2));
      await mkdir(folder, { recursive: true });
      const content = Buffer.concat([
        Buffer.from(`${type} ${Buffer.byteLength(bytes)}\0`),
        Buffer.from(bytes),
      ]);
      await rm(join(folder, id.slice(2)), { force: true });
      await writeFile(join(folder, id.slice(2)), deflateSync(content));
      return id;
    },
    raw: (type, id) => git(['cat-file', type, id]),
    sign: (by, bytes, ...options) => signBytes(keys, by, bytes, options),
    async bundle(refs) {
      const ids = await looseObjects(dir);
      const pack = await git(
        ['-c', 'pack.threads=1', 'pack-objects', '--quiet', '--stdout'],
        `${ids.join('\n')}\n`,
      );
      const lines = Object.entries(refs).map(([ref, id]) => `${id} ${ref}\n`);
      return Buffer.concat([Buffer.from(`# v2 git bundle\n${lines.join('')}\n`), pack]);
    },
    close: folder.close,
  };
}

function sha1(type: string, bytes: string | Uint8Array): string {
  return createHash('sha1')
    .update(`${type} ${Buffer.byteLength(bytes)}\0`)
    .update(bytes)
    .digest('hex');
}

function firstLine(bytes: Buffer): string {
  return bytes.toString().trim();
}

function signingConfig({ ssh, openpgp }: InstalledKeys, by: KeyName | undefined): readonly string[] {
  if (by === undefined) return [];
  return isOpenpgp(by)
    ? ['-c', 'gpg.format=openpgp', '-c', `user.signingkey=${openpgp[by]}`]
    : ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${ssh[by]}`];
}

async function signBytes(
  keys: InstalledKeys,
  by: KeyName,
  bytes: Uint8Array,
  options: readonly string[],
): Promise<string> {
  if (isOpenpgp(by)) {
    const args = ['--batch', '--quiet', ...options, '-bsa', '-u', keys.openpgp[by]];
    return (await run('gpg', args, { env: { GNUPGHOME: keys.gnupgHome }, input: bytes })).toString();
  }
  return signWith(keys.ssh[by as SshName], bytes, options);
}

/** `ssh-keygen -Y sign` with a private key at a path; namespace `git` unless the options say another. */
async function signWith(key: string, bytes: Uint8Array, options: readonly string[] = []): Promise<string> {
  const namespace = options.includes('-n') ? [] : ['-n', 'git'];
  const args = ['-Y', 'sign', '-q', '-f', key, ...namespace, ...options];
  return (await run('ssh-keygen', args, { input: bytes })).toString();
}

async function looseObjects(dir: string): Promise<readonly string[]> {
  const folders = (await readdir(join(dir, 'objects'))).filter((name) => /^[0-9a-f]{2}$/.test(name));
  const names = await Promise.all(
    folders.map(async (folder) => (await readdir(join(dir, 'objects', folder))).map((name) => folder + name)),
  );
  return names.flat().sort();
}
