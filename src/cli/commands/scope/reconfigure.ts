import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../../base/failure.ts';
import { fileAt } from '../../../git/index.ts';
import { CLASSES } from '../../../governance/index.ts';
import { type Entry, type Pair, pairs, readEntry } from '../../anchor-entries.ts';
import type { Context } from '../../context.ts';
import { repositoryPath } from '../../drafts.ts';
import { examples } from '../../examples.ts';
import { sshKey } from '../../keys.ts';
import { integer } from '../../output.ts';
import type { Edit } from '../../prepare/edit.ts';
import { type PrepareFlags, prepare, prepareOptions, start } from '../../prepare/prepare.ts';
import { Refusal } from '../../refusal.ts';
import { editScope, holderOf, type PolicyEdit } from '../../scope-file.ts';
import { findLiving } from '../../scopes.ts';

type Flags = PrepareFlags & {
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
};

type Rotation = { readonly old: string; readonly next: string };
type ClassThreshold = { readonly name: string; readonly count: number };

export function reconfigureCommand(context: Context): Command {
  const lines = [
    'fairlead scope reconfigure acme --add-anchor gus=gus.pub --threshold 3',
    'fairlead scope reconfigure payments --rotate old.pub=new.pub',
  ];
  const command = new Command('reconfigure')
    .addHelpText('after', examples(...lines))
    .description('prepares a change of who decides: a branch with the edit, and who has to sign it');
  return policyOptions(command).action(async (scope: string, flags: Flags) =>
    context.finish(await reconfigure(context, scope, flags)),
  );
}

/** The same mutation, for those who sign in the place of a quorum that is lost. */
export function recoverCommand(context: Context): Command {
  const command = new Command('recover')
    .addHelpText('after', examples('fairlead scope recover payments --rotate SHA256:…=new.pub'))
    .description('prepares a change of who decides that the recovery set signs: the old quorum is lost');
  return policyOptions(command).action(async (scope: string, flags: Flags) =>
    context.finish(await recover(context, scope, flags)),
  );
}

async function recover(context: Context, wanted: string, flags: Flags): Promise<number> {
  const { state } = await start(context, flags);
  const { path, policy } = findLiving(state, wanted);
  if (policy.recovery === null)
    throw new Refusal(
      'Recover',
      `${path} has no recovery set: only a quorum of its anchors changes who decides`,
    );
  const code = await reconfigure(context, wanted, flags);
  const { threshold, anchors } = policy.recovery;
  const names = anchors.map(({ name }) => name).join(', ');
  context.terminal.say(
    `recovery: ${threshold} of ${names} sign, and every new key; the lineage will say recover`,
  );
  return code;
}

function policyOptions(command: Command): Command {
  const all = command
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
    );
  return prepareOptions(all);
}

async function reconfigure(context: Context, wanted: string, flags: Flags): Promise<number> {
  const from = await start(context, flags);
  const scope = findLiving(from.state, wanted);
  const { pin, backend } = from.clone;
  const file = repositoryPath(pin.path, scope.directory, 'scope.yaml');
  const bytes = await fileAt(backend, (await backend.commit(from.state.tip)).tree, file);
  const text = Buffer.from(bytes ?? []).toString();
  const { edits, entries } = await editsOf(context, text, flags);
  if (edits.length === 0)
    throw new Failure('nothing-to-do', 'what is to change?', 'see fairlead scope reconfigure --help');
  const files = entries.flatMap(({ file }): readonly Edit[] =>
    file === null ? [] : [{ path: repositoryPath(pin.path, scope.directory, file.path), bytes: file.text }],
  );
  const title = `Reconfigure ${scope.path}: ${edits.map(wordsOf).join(', ')}`;
  const changed = { path: file, bytes: editScope(text, edits) };
  return prepare(context, flags, from, { title, slug: scope.path, edits: [changed, ...files] });
}

/** In the order of this list, so that an anchor can be replaced in one go. */
async function editsOf(context: Context, text: string, flags: Flags) {
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
  const set = (path: readonly string[], value: unknown) => {
    if (value !== undefined) edits.push({ do: 'set', path: ['spec', ...path], value });
  };
  set(['quorum', 'threshold'], flags.threshold);
  for (const { name, count } of flags.thresholdOf) set(['quorum', 'byClass', name], count);
  set(['quorum', 'statements'], flags.statements);
  set(['recovery', 'threshold'], flags.recoveryThreshold);
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

function wordsOf(edit: PolicyEdit): string {
  if (edit.do === 'set') return `${edit.path.slice(1).join('.')} ${edit.value}`;
  if (edit.do === 'remove-anchor') return `remove ${edit.name}`;
  if (edit.do === 'remove-key') return `remove the key ${edit.fingerprint}`;
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
