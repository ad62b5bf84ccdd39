import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import { OPERATOR_TOKEN } from '../base/operator-token.ts';
import { isLocked, takeLock } from './data-lock.ts';
import { type Files, nodeFiles, replaceFile } from './files.ts';
import type { HoldOptions } from './lock-hold.ts';
import { nodeProcesses, type Processes } from './lock-holder.ts';

/** The data folder of `formats.md`, held by this process until `close`. */
export interface DataFolder {
  readonly path: string;
  /** Changes nothing where `confirm` would throw. */
  readonly files: Files;
  /** Resolves where this process may write to it still. Throws `Failure` `data-taken`. */
  confirm(): Promise<void>;
  /** Path of `suspend.json`. */
  readonly suspensions: string;
  /** Path of `clock.json`. */
  readonly clock: string;
  /** Path of the secret that only who can read this folder has. */
  readonly operatorToken: string;
  /** `repositories/<name>`, created on first use; with the object store (`git`), `witness.json` and `proofs` in it. */
  repository(name: string): Promise<RepositoryFolder>;
  close(): Promise<void>;
}

type RepositoryFolder = { readonly gitdir: string; readonly witness: string; readonly proofs: string };

/** What this version reads and writes. A folder of another one is never changed: decision 0051. */
const FORMAT = 1;
const formatText = (number: number) => `fairlead-data ${number}\n`;

/**
 * Opens or creates the folder and takes its lock; a lock whose process is dead is taken over, which may take half a minute.
 * `lost` is called when that has happened to this one.
 * Throws `Failure` `data-in-use | data-format | disk-full | data-unwritable`.
 */
export async function openDataFolder(
  path: string,
  world: Omit<HoldOptions, 'files'>,
  files: Files = nodeFiles,
  processes: Processes = nodeProcesses,
): Promise<DataFolder> {
  await files.makeDirectory(path);
  const lock = await takeLock(join(path, 'lock'), { ...world, files, processes });
  try {
    await checkFormat(path, files);
  } catch (error) {
    await lock.release();
    throw error;
  }
  const { confirm } = lock;
  const held = heldFiles(files, confirm);
  return {
    path,
    files: held,
    confirm,
    suspensions: join(path, 'suspend.json'),
    clock: join(path, 'clock.json'),
    operatorToken: join(path, OPERATOR_TOKEN),
    async repository(name) {
      const directory = join(path, 'repositories', name);
      await held.makeDirectory(join(directory, 'git'));
      const at = (file: string) => join(directory, file);
      return { gitdir: at('git'), witness: at('witness.json'), proofs: at('proofs') };
    },
    close: lock.release,
  };
}

/** What changes something asks first. */
function heldFiles(files: Files, confirm: () => Promise<void>): Files {
  return {
    ...files,
    write: (path, text, mode) => confirm().then(() => files.write(path, text, mode)),
    rename: (from, to) => confirm().then(() => files.rename(from, to)),
    makeDirectory: (path) => confirm().then(() => files.makeDirectory(path)),
    touch: (path, text) => confirm().then(() => files.touch(path, text)),
    remove: (path) => confirm().then(() => files.remove(path)),
  };
}

/** Who holds the folder, as its lock says it; null where nobody does. Throws `Failure` `data-format`. Nothing stays changed. */
export async function inspectDataFolder(
  path: string,
  files: Files = nodeFiles,
  processes: Processes = nodeProcesses,
): Promise<string | null> {
  await formatIn(path, files);
  const lock = join(path, 'lock');
  const holder = await files.read(lock);
  return holder !== null && (await isLocked(lock, holder, files, processes)) ? holder.trim() : null;
}

async function checkFormat(path: string, files: Files): Promise<void> {
  if ((await formatIn(path, files)) === 'none')
    await replaceFile(files, join(path, 'format'), formatText(FORMAT));
}

/** Throws `Failure` `data-format` where the folder is of another version, or nobody knows of which. */
async function formatIn(path: string, files: Files): Promise<'ours' | 'none'> {
  const file = join(path, 'format');
  const found = await files.read(file);
  if (found === formatText(FORMAT)) return 'ours';
  if (found === null) return refuseUnnamed(path, files);
  const number = Number(/^fairlead-data (\d{1,9})\n$/.exec(found)?.[1] ?? Number.NaN);
  if (number > FORMAT) {
    const message = `${path} has format ${number}, of a newer version; this one knows ${FORMAT}`;
    throw new Failure('data-format', message, `start that version again, or ${ASIDE}`);
  }
  if (number < FORMAT) {
    const message = `${path} has format ${number}, of an older version; this one knows ${FORMAT}`;
    throw new Failure(
      'data-format',
      message,
      `to upgrade, ${ASIDE}; it stays as it is for the older version`,
    );
  }
  const message = `${file} says ${JSON.stringify(found.slice(0, 40))}, which no version wrote`;
  throw new Failure('data-format', message, `restore it, or ${ASIDE}`);
}

const ASIDE = 'move the folder aside and begin with an empty one, as docs/upgrade.md says';

/** Written first of all: where something else is there already, somebody has taken it away. */
async function refuseUnnamed(path: string, files: Files): Promise<'none'> {
  const names = await files.list(path).catch((): readonly string[] => []); // It may not be there yet.
  for (const name of ['repositories', 'suspend.json']) {
    if (!names.includes(name)) continue;
    const message = `${path} has ${name}, but no file that says its format`;
    throw new Failure('data-format', message, `restore the file ${join(path, 'format')}, or ${ASIDE}`);
  }
  return 'none';
}
