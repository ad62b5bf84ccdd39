import { type Command, Option } from 'commander';
import { sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import type { ScopeState } from '../../governance/index.ts';
import { type Entry, type Pair, pairs, readEntry } from '../anchor-entries.ts';
import type { Context } from '../context.ts';
import { label } from '../init-wizard.ts';
import { integer } from '../output.ts';
import type { WrittenRecord } from '../records-file.ts';
import { scopeText } from '../scope-text.ts';
import type { Edit } from './edit.ts';
import { meshPath } from './files.ts';
import type { PrepareFlags, Start } from './prepare.ts';

export type BirthFlags = PrepareFlags & {
  readonly anchor: readonly Pair[];
  readonly threshold?: number;
  readonly statements?: 'Optional' | 'Required';
  readonly namespace?: readonly string[];
  readonly host?: readonly string[];
  readonly floor?: number;
  readonly path?: string;
};

/** What a new scope has to be told: who governs it, and what it is granted. */
export function birthOptions(command: Command): Command {
  return command
    .addOption(
      pairs('--anchor <name=key>', 'an SSH public key or its file, an OpenPGP fingerprint or .asc file'),
    )
    .option('--threshold <n>', 'how many of them must sign (default: more than half)', integer)
    .addOption(
      new Option('--statements <which>', 'whether plain signed commits count').choices([
        'Optional',
        'Required',
      ]),
    )
    .option('--namespace <name...>', 'that its parent grants it')
    .option('--host <host...>', 'that its parent grants it')
    .option('--floor <n>', 'the least threshold that its parent asks for', integer)
    .option('--path <directory>', "in its parent's directory (default: its name)");
}

/** A new scope below a parent: its record, and its first files. */
export type Birth = {
  readonly name: string;
  readonly directory: string;
  readonly record: WrittenRecord;
  readonly edits: readonly Edit[];
};

export async function birth(
  context: Context,
  { clone }: Start,
  parent: ScopeState,
  name: string,
  flags: BirthFlags,
): Promise<Birth> {
  checkedName(name);
  const entries: Entry[] = [];
  for (const given of flags.anchor) entries.push(await readEntry(context, given));
  const threshold = flags.threshold ?? Math.floor(entries.length / 2) + 1;
  if (threshold > entries.length)
    throw new Failure(
      'threshold-unreachable',
      `${threshold} of ${entries.length} anchors`,
      'name who governs it: --anchor name=key.pub',
    );
  const owns = { namespaces: flags.namespace ?? [], hosts: flags.host ?? [] };
  const { statements = 'Optional', path = name } = flags;
  const text = scopeText({ name, entries, threshold, statements, owns });
  const directory = [parent.directory, path].filter((part) => part !== '').join('/');
  const record = recordOf(name, sha256('fairlead-uid-1\0', text), { path }, flags);
  const files = entries.flatMap(({ file }): readonly Edit[] =>
    file === null ? [] : [{ path: meshPath(clone, directory, file.path), bytes: file.text }],
  );
  return {
    name,
    directory,
    record,
    edits: [{ path: meshPath(clone, directory, 'scope.yaml'), bytes: text }, ...files],
  };
}

/** What a parent says of a new scope: where it is, and what it is granted. */
export function recordOf(
  name: string,
  uid: string,
  place: { readonly path: string } | { readonly repository: object },
  { namespace = [], host = [], floor }: BirthFlags,
): WrittenRecord {
  const grants = { namespaces: namespace, hosts: host };
  return { name, uid, ...place, grants, ...(floor === undefined ? {} : { floor: { threshold: floor } }) };
}

/** Throws Failure name-malformed. */
export function checkedName(name: string): string {
  if (name !== '' && label(name) === name) return name;
  throw new Failure('name-malformed', `${JSON.stringify(name)} is no name of a scope`, 'use a-z, 0-9 and -');
}
