import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Files, replaceFile } from './files.ts';

/**
 * Writes a new secret to the file, so that only who can read it has it. The result says whether somebody has it, in the same
 * time whatever they say. Throws `Failure` `disk-full | data-unwritable`.
 */
export async function renewOperatorToken(files: Files, path: string): Promise<(said: string) => boolean> {
  const token = randomBytes(32).toString('base64url');
  await replaceFile(files, path, `${token}\n`);
  const expected = digest(token);
  return (said) => timingSafeEqual(digest(said), expected);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
