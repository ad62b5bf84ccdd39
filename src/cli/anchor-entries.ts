import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { sha256 } from '../base/digest.ts';
import { Failure } from '../base/failure.ts';
import { parseSshKey } from '../signatures/index.ts';
import type { Context } from './context.ts';
import { certificate } from './keys.ts';

/** A key as `scope.yaml` has it. */
export type WrittenKey =
  | { readonly ssh: string }
  | { readonly openpgp: string; readonly file: string; readonly sha256: string };

/** One anchor's key, and the file that goes with it; `path` is relative to the scope. */
export type Entry = {
  readonly name: string;
  readonly key: WrittenKey;
  readonly fingerprint: string;
  /** What git is told to sign with it (`user.signingkey`). */
  readonly signingKey: string;
  readonly file: { readonly path: string; readonly text: string } | null;
};

/** `name=key` as it was typed. */
export type Pair = { readonly name: string; readonly value: string };

/** An SSH public key or its file; an OpenPGP fingerprint or an armoured file (`.asc`). */
export async function readEntry(context: Context, { name, value: given }: Pair): Promise<Entry> {
  // A shell has done this already, but for what was typed as an answer or after an equals sign.
  const value = given.replace(/^~(?=\/)/, context.environment.HOME ?? '~');
  const isOpenpgp = /^[0-9A-Fa-f]{40}$/.test(value) || /\.(asc|gpg|pgp)$/.test(value);
  return isOpenpgp ? openpgpEntry(context, name, value) : sshEntry(context, name, value);
}

async function sshEntry(context: Context, name: string, value: string): Promise<Entry> {
  const file = value.includes(' ') ? null : resolve(context.cwd, value);
  const text = file === null ? value : await readFile(file, 'utf8').catch(() => null);
  const line = text?.trim() ?? '';
  const parsed = text === null ? null : parseSshKey(line);
  if (parsed?.ok === true)
    return {
      ...{ name, key: { ssh: line }, fingerprint: parsed.key.fingerprint, file: null },
      signingKey: file ?? `key::${line}`,
    };
  const what = parsed === null ? `${file} cannot be read` : `${file ?? 'the text'}: ${parsed.reason}`;
  const fix = 'name the .pub file of a key; ssh-keygen -t ed25519 makes one';
  throw new Failure('key-unreadable', `anchor ${name}: ${what}`, fix);
}

export async function openpgpEntry(context: Context, name: string, value: string): Promise<Entry> {
  const { fingerprint, armor } = await certificate(context, value);
  const path = `anchors/${name}.asc`;
  const key = { openpgp: fingerprint, file: path, sha256: sha256(armor) };
  return { name, key, fingerprint, signingKey: fingerprint, file: { path, text: armor } };
}

/** An option that takes `name=key` and may be repeated. */
export function pairs(flags: string, help: string, otherwise = 'none'): Option {
  return new Option(flags, `${help}; may be repeated`).argParser(pair).default([], otherwise);
}

function pair(text: string, before: readonly Pair[]): readonly Pair[] {
  const [, name, value] = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('write name=key, the name of a-z, 0-9 and -');
  return [...before, { name, value }];
}
