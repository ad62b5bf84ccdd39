import { randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { sha256 } from '../../base/digest.ts';
import { Failure } from '../../base/failure.ts';
import { parseSshKey } from '../../signatures/index.ts';
import { findGitdir } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { certificate, findSshKeys, gitConfig, signingKey } from '../keys.ts';
import { integer } from '../output.ts';
import { Refusal } from '../refusal.ts';

type Pair = { readonly name: string; readonly value: string };

type Flags = {
  readonly name?: string;
  readonly path: string;
  readonly threshold?: number;
  readonly anchor: readonly Pair[];
  readonly openpgp: readonly Pair[];
  readonly repository?: string;
};

/** One anchor's key as `scope.yaml` has it, and the file that goes with it. */
type Entry = {
  readonly name: string;
  readonly key: readonly string[];
  readonly file: { readonly path: string; readonly text: string } | null;
};

export function initCommand(context: Context): Command {
  return new Command('init')
    .addHelpText(
      'after',
      examples('fairlead init --name acme --threshold 2 --anchor alice=alice.pub --anchor bo=bo.pub'),
    )
    .description('writes the scope.yaml of a new mesh: who governs it, and how many must sign')
    .option('--name <name>', 'of the mesh (default: the folder)')
    .option('--path <path>', 'of the mesh in the repository', 'mesh')
    .option('--threshold <n>', 'how many anchors must sign (default: more than half)', integer)
    .addOption(pairs('--anchor <name=key>', 'an SSH public key or its file', "git's own signing key"))
    .addOption(pairs('--openpgp <name=key>', 'an OpenPGP fingerprint or file', 'none'))
    .option('-C, --repository <folder>', 'the clone (default: where you are)')
    .action(async (flags: Flags) => context.finish(await init(context, flags)));
}

async function init(context: Context, flags: Flags): Promise<number> {
  const { folder } = await findGitdir(resolve(context.cwd, flags.repository ?? '.'));
  const mesh = join(folder, flags.path);
  if ((await stat(join(mesh, 'scope.yaml')).catch(() => null)) !== null) {
    throw new Refusal('exists', `${join(flags.path, 'scope.yaml')} is there already: init never rewrites it`);
  }
  const entries = await anchors(context, folder, flags);
  const name = slug(flags.name ?? folder.split('/').at(-1) ?? 'mesh');
  const threshold = flags.threshold ?? Math.floor(entries.length / 2) + 1;
  if (threshold > entries.length) {
    throw new Failure(
      'threshold-unreachable',
      `${threshold} of ${entries.length} anchors`,
      'name more with --anchor',
    );
  }
  for (const { file } of entries) if (file !== null) await write(join(mesh, file.path), file.text);
  await write(join(mesh, 'scope.yaml'), scopeText(name, entries, threshold));
  context.terminal.out(
    `wrote ${join(flags.path, 'scope.yaml')}: ${threshold} of ${entries.map((entry) => entry.name).join(', ')}`,
  );
  context.terminal.say(nextSteps(flags.path, entries.length, threshold));
  return exit.ok;
}

async function anchors(context: Context, folder: string, flags: Flags): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const { name, value } of flags.anchor) entries.push(await sshEntry(context, name, value));
  for (const { name, value } of flags.openpgp) entries.push(await openpgpEntry(context, name, value));
  return entries.length > 0 ? entries : [await ownEntry(context, folder)];
}

/** Nobody was named: the user alone, with the key that git signs with, or else one that can be found. */
async function ownEntry(context: Context, folder: string): Promise<Entry> {
  const name = slug((await gitConfig(context, folder, 'user.name')) ?? context.environment.USER ?? 'me');
  const own = await signingKey(context, folder).catch(() => null);
  if (own?.format === 'openpgp') return openpgpEntry(context, name, own.fingerprint);
  const [found] = await findSshKeys(context, folder);
  if (found?.format === 'ssh') return { name, key: [`ssh: ${found.line}`], file: null };
  const fix = 'ssh-keygen -t ed25519, or name a key: --anchor name=key.pub or --openpgp name=fingerprint';
  throw new Failure('no-key', 'no SSH key in git, the agent or ~/.ssh', fix);
}

async function sshEntry(context: Context, name: string, value: string): Promise<Entry> {
  const file = value.includes(' ') ? null : resolve(context.cwd, value);
  const text = file === null ? value : await readFile(file, 'utf8').catch(() => null);
  const parsed = text === null ? null : parseSshKey(text.trim());
  if (parsed?.ok === true) return { name, key: [`ssh: ${text?.trim()}`], file: null };
  const what = parsed === null ? `${file} cannot be read` : `${file ?? 'the text'}: ${parsed.reason}`;
  const fix = 'name the .pub file of a key; ssh-keygen -t ed25519 makes one';
  throw new Failure('key-unreadable', `anchor ${name}: ${what}`, fix);
}

async function openpgpEntry(context: Context, name: string, value: string): Promise<Entry> {
  const { fingerprint, armor } = await certificate(context, value);
  const path = `anchors/${name}.asc`;
  const key = [`openpgp: ${fingerprint}`, `file: ${path}`, `sha256: ${sha256(armor)}`];
  return { name, key, file: { path, text: armor } };
}

function scopeText(name: string, entries: readonly Entry[], threshold: number): string {
  const lines = entries.flatMap((entry) => [
    `    - name: ${entry.name}`,
    '      keys:',
    ...entry.key.map((line, index) => `        ${index === 0 ? '-' : ' '} ${line}`),
  ]);
  return `# yaml-language-server: $schema=https://fairlead.dev/schemas/v1alpha1/scope.json
apiVersion: fairlead.dev/v1alpha1
kind: Scope
metadata:
  name: ${name}
spec:
  ruleset: 1
  salt: ${randomBytes(16).toString('hex')}
  anchors:
${lines.join('\n')}
  quorum:
    threshold: ${threshold}
  owns:
    namespaces: ["*"]
    hosts: ["*"]
`;
}

function nextSteps(path: string, count: number, threshold: number): string {
  const lines = [
    'next:',
    `  git add ${path} && git commit -S -m "Begin the mesh"`,
    `  fairlead trust --path ${path}        # pins this commit; give the pin to whoever serves it`,
  ];
  const alone = `${count === 1 ? 'you are the only anchor' : 'one signature is enough'}: each signed commit on the main branch is a change`;
  const squash = 'a forge that squashes or rebases drops signatures: merge with merge commits';
  return [...lines, ...(threshold === 1 ? [`note: ${alone}`] : []), `note: ${squash}`].join('\n');
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { flag: 'wx' });
}

function pairs(flags: string, help: string, otherwise: string): Option {
  return new Option(flags, `${help}; may be repeated`).argParser(pair).default([], otherwise);
}

function pair(text: string, before: readonly Pair[]): readonly Pair[] {
  const [, name, value] = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('write name=key, the name of a-z, 0-9 and -');
  return [...before, { name, value }];
}

/** A DNS label out of what people call things. */
function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 63) || 'mesh'
  );
}
