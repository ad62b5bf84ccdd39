import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import { CLASSES } from '../../policy/index.ts';
import { type Entry, type Pair, pairs, readEntry } from '../anchor-entries.ts';
import type { Context } from '../context.ts';
import { sshKey } from '../keys.ts';
import { integer } from '../output.ts';
import { holderOf, NO_LIMIT, type PolicyEdit, type Requirement } from '../scope-file.ts';

export type PolicyFlags = {
  readonly addAnchor: readonly Pair[];
  readonly addKey: readonly Pair[];
  readonly addRecovery: readonly Pair[];
  readonly removeAnchor?: readonly string[];
  readonly removeKey?: readonly string[];
  readonly rotate: readonly Rotation[];
  readonly threshold?: number;
  readonly thresholdOf: readonly ClassThreshold[];
  readonly recoveryThreshold?: number;
  readonly statements?: string;
  readonly addNamespace?: readonly string[];
  readonly removeNamespace?: readonly string[];
  readonly addHost?: readonly string[];
  readonly removeHost?: readonly string[];
  readonly require: readonly Requirement[];
  readonly limitFiles?: string | number;
  readonly limitBytes?: string | number;
};

type Rotation = { readonly old: string; readonly next: string };
type ClassThreshold = { readonly name: string; readonly count: number };

const OWNED = [
  { list: 'namespaces', remove: 'removeNamespace', add: 'addNamespace' },
  { list: 'hosts', remove: 'removeHost', add: 'addHost' },
] as const;

/** The options of a reconfigure, whoever signs it. */
export function policyOptions(command: Command): Command {
  return command
    .argument('<scope>', 'dotted path (acme.payments), its last segment, or uid')
    .addOption(
      pairs('--add-anchor <name=key>', 'an SSH public key or its file, an OpenPGP fingerprint or .asc file'),
    )
    .addOption(pairs('--add-key <name=key>', 'a further key of an anchor'))
    .option('--remove-anchor <name...>', 'and all their keys')
    .option('--remove-key <fingerprint...>', 'of an anchor who has another one')
    .addOption(
      new Option(
        '--rotate <old=new>',
        'a fingerprint or .pub file, and what takes its place; may be repeated',
      )
        .argParser(rotation)
        .default([], 'none'),
    )
    .option('--threshold <n>', 'how many anchors must sign', integer)
    .addOption(
      new Option('--threshold-of <class=n>', 'for one class, such as reconfigure=3; may be repeated')
        .argParser(classThreshold)
        .default([], 'none'),
    )
    .addOption(pairs('--add-recovery <name=key>', 'an anchor of the recovery set'))
    .option('--recovery-threshold <n>', 'how many of the recovery set must sign', integer)
    .addOption(
      new Option('--statements <which>', 'whether plain signed commits count').choices([
        'Optional',
        'Required',
      ]),
    )
    .option('--add-namespace <namespace...>', 'that it owns, of those that its parent grants')
    .option('--remove-namespace <namespace...>', 'that it owns no more, and does not grant on')
    .option('--add-host <host...>', 'that it owns, of those that its parent grants')
    .option('--remove-host <host...>', 'that it owns no more, and does not grant on')
    .addOption(
      new Option(
        '--require <type=n>',
        'of a type in every quorum, such as human=1 (0: none); may be repeated',
      )
        .argParser(requirement)
        .default([], 'none'),
    )
    .option('--limit-files <n>', 'how many files it may have (none: as many as any scope)', limitOfFiles)
    .option('--limit-bytes <size>', 'how large they may be together, such as 8Mi (or none)', limitOfBytes)
    .addHelpText('after', FIXED);
}

const FIXED = `
  The trust domain and the salt are fixed at the genesis: no option changes them.`;

/** In the order of this list, so that an anchor can be replaced in one go. */
export async function editsOf(context: Context, text: string, flags: PolicyFlags) {
  const edits: PolicyEdit[] = [];
  const entries: Entry[] = [];
  const read = async (pair: Pair) => {
    const entry = await readEntry(context, pair);
    entries.push(entry);
    return entry;
  };
  for (const { old, next } of flags.rotate) {
    const fingerprint = await fingerprintOf(context, old);
    const entry = await read({ name: holderOf(text, fingerprint), value: next });
    edits.push({ do: 'rotate', fingerprint, entry });
  }
  for (const name of flags.removeAnchor ?? []) edits.push({ do: 'remove-anchor', name });
  for (const pair of flags.addAnchor) edits.push({ do: 'add-anchor', entry: await read(pair) });
  for (const pair of flags.addKey) edits.push({ do: 'add-key', entry: await read(pair) });
  for (const given of flags.removeKey ?? [])
    edits.push({ do: 'remove-key', fingerprint: await fingerprintOf(context, given) });
  for (const pair of flags.addRecovery) edits.push({ do: 'add-recovery', entry: await read(pair) });
  for (const { list, remove, add } of OWNED) {
    for (const name of flags[remove] ?? []) edits.push({ do: 'disown', list, name });
    for (const name of flags[add] ?? []) edits.push({ do: 'own', list, name });
  }
  for (const each of flags.require) edits.push({ do: 'require', ...each });
  const set = (path: readonly string[], value: string | number | undefined) => {
    if (value !== undefined) edits.push({ do: 'set', path: ['spec', ...path], value });
  };
  set(['quorum', 'threshold'], flags.threshold);
  for (const { name, count } of flags.thresholdOf) set(['quorum', 'byClass', name], count);
  set(['quorum', 'statements'], flags.statements);
  set(['recovery', 'threshold'], flags.recoveryThreshold);
  set(['limits', 'files'], flags.limitFiles);
  set(['limits', 'bytes'], flags.limitBytes);
  return { edits, entries };
}

async function fingerprintOf(context: Context, given: string): Promise<string> {
  const text = given.endsWith('.pub')
    ? await readFile(resolve(context.cwd, given), 'utf8').catch(() => '')
    : given;
  const key = sshKey(text);
  if (key !== null) return key.fingerprint;
  if (given.endsWith('.pub'))
    throw new Failure('key-unreadable', `${given} is no SSH public key`, 'name its fingerprint instead');
  return /^[0-9A-Fa-f]{40}$/.test(given) ? given.toUpperCase() : given;
}

/** An edit in the title of a commit. */
export function wordsOf(edit: PolicyEdit): string {
  if (edit.do === 'set') return `${edit.path.slice(1).join('.')} ${edit.value}`;
  if (edit.do === 'remove-anchor') return `remove ${edit.name}`;
  if (edit.do === 'remove-key') return `remove the key ${edit.fingerprint}`;
  if (edit.do === 'disown') return `give up ${edit.name}`;
  if (edit.do === 'own') return `own ${edit.name}`;
  if (edit.do === 'require') return `require ${edit.type} ${edit.atLeast}`;
  if (edit.do === 'rotate') return `rotate a key of ${edit.entry.name}`;
  const what = { 'add-anchor': '', 'add-key': 'a key of ', 'add-recovery': 'to the recovery set ' }[edit.do];
  return `add ${what}${edit.entry.name}`;
}

function rotation(text: string, before: readonly Rotation[]): readonly Rotation[] {
  const [, old, next] = /^(.+?)=(.+)$/.exec(text) ?? [];
  if (old === undefined || next === undefined) throw new InvalidArgumentError('write old=new');
  return [...before, { old, next }];
}

function classThreshold(text: string, before: readonly ClassThreshold[]): readonly ClassThreshold[] {
  const [, name, digits] = /^([a-z]+)=([1-9][0-9]?)$/.exec(text) ?? [];
  if (name === undefined || digits === undefined || !CLASSES.some((each) => each === name))
    throw new InvalidArgumentError(`write class=n, the class one of ${CLASSES.join(', ')}`);
  return [...before, { name, count: Number(digits) }];
}

function requirement(text: string, before: readonly Requirement[]): readonly Requirement[] {
  const [, type, digits] = /^(human|automation)=(0|[1-9][0-9]?)$/.exec(text) ?? [];
  if ((type !== 'human' && type !== 'automation') || digits === undefined)
    throw new InvalidArgumentError('write type=n, the type human or automation');
  return [...before, { type, atLeast: Number(digits) }];
}

function limitOfFiles(text: string): string | number {
  return text === NO_LIMIT ? text : integer(text);
}

function limitOfBytes(text: string): string | number {
  if (text === NO_LIMIT || /^[1-9][0-9]{0,8}(Ki|Mi)$/.test(text)) return text;
  return integer(text);
}
