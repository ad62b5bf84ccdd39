import { unarmor } from 'openpgp';
import { isOpenpgp, type KeyName } from '../scope-files.ts';
import type { World } from '../world.ts';
import { blobOf } from './ssh-bytes.ts';

/** A detached statement (formats.md): lines and a signature over them, in one word. */
export async function token(
  { scratch }: World,
  by: KeyName,
  lines: readonly string[],
  namespace = 'fairlead',
): Promise<string> {
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const armor = await scratch.sign(by, bytes, ...(isOpenpgp(by) ? [] : ['-n', namespace]));
  const blob = isOpenpgp(by) ? (await unarmor(armor)).data : blobOf(armor);
  return `fairlead1:${bytes.toString('base64url')}:${Buffer.from(blob as Uint8Array).toString('base64url')}`;
}
