import { open } from 'node:fs/promises';
import { Failure } from './failure.ts';

const MAX_BYTES = 64 * 1024;

/** Read, changed or run by everybody, or changed by a group: whoever can do that is not asked for a secret any more. */
const TOO_OPEN = 0o027;

/**
 * The text of a file that holds a secret, read at each use, so that a rotated one counts at once; without the spaces and
 * line feeds around it. Throws `Failure` `secret-file-unusable`, which never says what is in it.
 */
export async function readSecretFile(path: string): Promise<string> {
  const { mode, text } = await read(path);
  if ((mode & TOO_OPEN) !== 0)
    throw unusable(path, 'can be read or changed by others', `run \`chmod 600 ${path}\``);
  if (text === '') throw unusable(path, 'is empty', 'write the secret into it');
  return text;
}

async function read(path: string): Promise<{ readonly mode: number; readonly text: string }> {
  try {
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (size > MAX_BYTES) throw unusable(path, `has more than ${MAX_BYTES} bytes`, 'name the right file');
    return { mode, text: (await file.readFile('utf8')).trim() };
  } catch (error) {
    if (error instanceof Failure) throw error;
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const why = isAbsent ? 'does not exist' : 'cannot be read';
    throw unusable(path, why, 'check the path, its owner and its permissions', error);
  }
}

function unusable(path: string, why: string, fix: string, cause?: unknown): Failure {
  return new Failure('secret-file-unusable', `${path} ${why}`, fix, { cause });
}
