import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import { type Entry, openpgpEntry, type Pair, pairs, readEntry } from '../anchor-entries.ts';
import { findGitdir } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { askForMesh, label, type MeshPlan } from '../init-wizard.ts';
import { findKeys, gitConfig } from '../keys.ts';
import { integer, wrap } from '../output.ts';
import { Refusal } from '../refusal.ts';
import { scopeText } from '../scope-text.ts';
import { signingStep } from '../signing-step.ts';

type Flags = {
  readonly name?: string;
  readonly path?: string;
  readonly threshold?: number;
  readonly statements?: 'Optional' | 'Required';
  readonly anchor: readonly Pair[];
  readonly openpgp: readonly Pair[];
  readonly yes?: boolean;
  readonly repository?: string;
};

export function initCommand(context: Context): Command {
  const lines = [
    'fairlead init',
    'fairlead init --name acme --threshold 2 --anchor alice=alice.pub --anchor bo=bo.pub',
  ];
  return new Command('init')
    .addHelpText('after', examples(...lines))
    .description(
      'writes the scope.yaml of a new mesh: who governs it, and how many must sign; asks what is not said',
    )
    .option('--name <name>', 'of the mesh (default: the folder)')
    .option('--path <path>', 'of the mesh in the repository (default: mesh)')
    .option('--threshold <n>', 'how many anchors must sign (default: more than half)', integer)
    .addOption(
      pairs(
        '--anchor <name=key>',
        'a public key or its file, SSH or OpenPGP',
        'you, with a key that is found',
      ),
    )
    .addOption(pairs('--openpgp <name=key>', 'an OpenPGP fingerprint or file', 'none'))
    .addOption(
      new Option('--statements <which>', 'whether plain signed commits count (default: Optional)').choices([
        'Optional',
        'Required',
      ]),
    )
    .option('--yes', 'do not ask: take what is found')
    .option('-C, --repository <folder>', 'the clone (default: where you are)')
    .action(async (flags: Flags) => context.finish(await init(context, flags)));
}

async function init(context: Context, flags: Flags): Promise<number> {
  const { folder } = await findGitdir(resolve(context.cwd, flags.repository ?? '.'));
  await refuseExisting(folder, flags.path ?? 'mesh');
  const plan = (await asked(context, folder, flags)) ?? (await told(context, folder, flags));
  const { path, entries, threshold } = plan;
  await refuseExisting(folder, path);
  if (threshold > entries.length) {
    throw new Failure(
      'threshold-unreachable',
      `${threshold} of ${entries.length} anchors`,
      'name more with --anchor',
    );
  }
  const mesh = join(folder, path);
  for (const { file } of entries) if (file !== null) await write(join(mesh, file.path), file.text);
  await write(join(mesh, 'scope.yaml'), scopeText({ ...plan, owns: { namespaces: ['*'], hosts: ['*'] } }));
  const names = entries.map((entry) => entry.name).join(', ');
  context.terminal.out(`wrote ${join(path, 'scope.yaml')}: ${threshold} of ${names}`);
  context.terminal.say(nextSteps(plan, await signingStep(context, folder, entries)));
  return exit.ok;
}

async function refuseExisting(folder: string, path: string): Promise<void> {
  if ((await stat(join(folder, path, 'scope.yaml')).catch(() => null)) !== null)
    throw new Refusal('exists', `${join(path, 'scope.yaml')} is there already: init never rewrites it`);
}

/** What a person answers; null where the flags say it, or nobody is there. */
async function asked(context: Context, folder: string, flags: Flags): Promise<MeshPlan | null> {
  if (flags.yes === true || flags.anchor.length > 0 || flags.openpgp.length > 0) return null;
  const keys = await findKeys(context, folder);
  const you = await ownName(context, folder);
  return askForMesh(context, { name: meshName(folder, flags), path: flags.path ?? 'mesh', you, keys });
}

async function told(context: Context, folder: string, flags: Flags): Promise<MeshPlan> {
  const entries = await anchors(context, folder, flags);
  const threshold = flags.threshold ?? Math.floor(entries.length / 2) + 1;
  const { path = 'mesh', statements = 'Optional' } = flags;
  return { name: meshName(folder, flags), path, entries, threshold, statements };
}

function meshName(folder: string, { name }: Flags): string {
  return label(name ?? folder.split('/').at(-1) ?? '') || 'mesh';
}

async function ownName(context: Context, folder: string): Promise<string> {
  return label((await gitConfig(context, folder, 'user.name')) ?? context.environment.USER ?? '') || 'me';
}

async function anchors(context: Context, folder: string, flags: Flags): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const given of flags.anchor) entries.push(await readEntry(context, given));
  for (const { name, value } of flags.openpgp) entries.push(await openpgpEntry(context, name, value));
  return entries.length > 0 ? entries : [await ownEntry(context, folder)];
}

/** Nobody was named: the user alone, with the key that git signs with, or else one that can be found. */
async function ownEntry(context: Context, folder: string): Promise<Entry> {
  const [found] = await findKeys(context, folder);
  const name = await ownName(context, folder);
  if (found?.format === 'openpgp') return openpgpEntry(context, name, found.fingerprint);
  if (found !== undefined) return readEntry(context, { name, value: found.line });
  const fix = 'ssh-keygen -t ed25519, or name a key: --anchor name=key.pub or --openpgp name=fingerprint';
  throw new Failure('no-key', 'no key in git, the SSH agent, ~/.ssh or gpg', fix);
}

function nextSteps({ path, entries, threshold, statements }: MeshPlan, signing: string | null): string {
  const lines = [
    'next:',
    ...(signing === null ? [] : [`  ${signing}`]),
    `  git add ${path} && git commit -S -m "Begin the mesh"`,
    `  fairlead trust --path ${path}        # pins this commit; give the pin to whoever serves it`,
  ];
  const alone = `${entries.length === 1 ? 'you are the only anchor' : 'one signature is enough'}: each signed commit on the main branch is a change`;
  const merges =
    'a forge that squashes or rebases drops signatures: merge with merge commits, or approve with --detached and keep the tokens in the message (the default templates of GitLab, and the blank one of GitHub, drop messages too)';
  const notes = [...(threshold === 1 && statements === 'Optional' ? [alone] : []), merges];
  return [...lines, ...notes.map((note) => wrap(`note: ${note}`, '  '))].join('\n');
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { flag: 'wx' });
}
