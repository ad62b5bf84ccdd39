import type { Entry } from './anchor-entries.ts';
import type { Context } from './context.ts';
import { quoted } from './hook/script.ts';
import { findKeys, gitConfig, signingKey, type UserKey } from './keys.ts';

/**
 * What git has to be told before `git commit -S` signs with the key of an anchor; null: nothing. Git signs with OpenPGP where
 * nobody says anything else, so that to have an SSH key is not enough.
 */
export async function signingStep(
  context: Context,
  folder: string,
  entries: readonly Entry[],
): Promise<string | null> {
  const configured = await signingKey(context, folder).catch(() => null);
  if (entries.some(({ fingerprint }) => fingerprint === configured?.fingerprint)) return null;
  const found = new Map((await findKeys(context, folder)).map((key) => [key.fingerprint, key]));
  const mine = entries.find(({ fingerprint }) => found.has(fingerprint));
  // Of several anchors, nobody knows which of them sits here.
  const entry = mine ?? (entries.length === 1 ? entries[0] : undefined);
  const format = (entry ?? entries[0])?.file === null ? 'ssh' : 'openpgp';
  const isFormat = ((await gitConfig(context, folder, 'gpg.format')) ?? 'openpgp') === format;
  const value = entry === undefined ? '<your key>' : quoted(signsWith(entry, found.get(entry.fingerprint)));
  const set = [
    ...(isFormat ? [] : [`git config gpg.format ${format} && `]),
    `git config user.signingkey ${value}`,
  ];
  return `${set.join('')}   # git signs with no anchor's key yet`;
}

/** A line of a key alone counts where an agent has the secret one; a file of it is better. */
function signsWith({ signingKey }: Entry, key: UserKey | undefined): string {
  if (key?.format !== 'ssh' || !signingKey.startsWith('key::')) return signingKey;
  return key.file ?? signingKey;
}
