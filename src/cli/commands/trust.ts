import { relative, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { createTreeDigests } from '../../git/index.ts';
import { type LineState, makePin, type Pin } from '../../governance/index.ts';
import { ruleset1 } from '../../policy/index.ts';
import { type CloneFlags, findGitdir, gitOptions, openStore, pinPath, resolveRef } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { followedOptions } from '../followed.ts';
import { type MoveOnFlags, moveOn } from '../move-on.ts';
import { type Format, integer, outputOption, print, table } from '../output.ts';
import { pinDocument, readPinIfAny, writePin } from '../pin-file.ts';
import { Refusal } from '../refusal.ts';

type Flags = CloneFlags &
  Partial<MoveOnFlags> & {
    readonly output: Format;
    readonly path: string;
    readonly seq?: number;
    readonly uid?: string;
  };

export function trustCommand(context: Context): Command {
  const lines = [
    'fairlead trust',
    'fairlead trust main --pin pin.json',
    'fairlead trust --tip origin/main --server http://127.0.0.1:15014',
  ];
  return gitOptions(followedOptions(new Command('trust').addHelpText('after', examples(...lines))))
    .description(
      'pins a commit as the genesis of a mesh: compare what it shows with what the anchors told you',
    )
    .argument('[commit]', 'branch, tag or commit', 'HEAD')
    .option('--path <path>', 'of the mesh in the repository', 'mesh')
    .option('-C, --repository <folder>', 'the clone (default: where you are)')
    .option('--pin <file>', 'where to write it (default: in the git directory of the clone)')
    .option('--seq <n>', 'at which its root goes on, where it comes from another repository', integer)
    .option('--uid <uid>', 'of its root, where it comes from another repository', uidOption)
    .option(
      '--tip <ref>',
      'a line must have this too; after a refused one, moves on to it if nothing is lost',
    )
    .option('--accept-loss', 'with --tip: although something is lost')
    .addOption(outputOption())
    .action(async (commit: string, flags: Flags) => context.finish(await trust(context, commit, flags)));
}

async function trust(context: Context, ref: string, flags: Flags): Promise<number> {
  const { tip } = flags;
  if (tip !== undefined) return moveOn(context, { ...flags, tip });
  const { folder, gitdir } = await findGitdir(resolve(context.cwd, flags.repository ?? '.'));
  const backend = await openStore(context, gitdir, flags);
  const commit = await resolveRef({ backend, folder }, ref);
  const file = flags.pin === undefined ? pinPath(gitdir) : resolve(context.cwd, flags.pin);
  const known = await readPinIfAny(file);
  const isAgain = known?.commit === commit && known.path === flags.path;
  const given = flags.uid ?? (isAgain && (flags.seq ?? known.seq) > 1 ? known.uid : null);
  const made = await makePin(backend, createTreeDigests(backend), commit, flags.path, ruleset1, given);
  if (!made.ok) {
    const fix = `; is the mesh in ${flags.path}? --path names its folder, and fairlead init begins one`;
    throw new Refusal(made.rule, `${made.reason}${made.rule === 'G18' ? fix : ''}`);
  }
  refuseSecondGenesis(known, made.pin);
  const seq = flags.seq ?? known?.seq ?? made.pin.seq;
  if (flags.uid !== undefined && seq === 1)
    throw new Refusal(
      'uid',
      'a scope that begins here is named by its own bytes: --uid goes with the --seq at which it goes on',
    );
  const pin = { ...made.pin, seq, ...(known?.tip === undefined ? {} : { tip: known.tip }) };
  await writePin(file, pin);
  print(context, flags.output, pinDocument(pin), () => pinText(made.state));
  context.terminal.say(`the pin is in ${relative(context.cwd, file) || file}`);
  return exit.ok;
}

function uidOption(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new InvalidArgumentError('64 hex digits are expected');
  return text;
}

/** The same uid elsewhere is a copy: a signature in one of them is the same act in the other (formats.md). */
function refuseSecondGenesis(known: Pin | null, pin: Pin): void {
  if (known === null || (known.commit === pin.commit && known.path === pin.path)) return;
  const shared = Object.keys(pin.digests).find((uid) => known.digests[uid] !== undefined);
  const reason =
    shared === undefined
      ? `another mesh (uid ${known.uid}) is pinned there: give it a pin of its own with --pin`
      : `uid ${shared} already has its genesis at ${known.commit}: a second one is refused`;
  throw new Refusal('uid', reason);
}

function pinText({ pin, scopes }: LineState): string {
  const head = `genesis  ${pin.commit}\npath     ${pin.path}\nuid      ${pin.uid}\n`;
  const quorums = [...scopes.values()].map(({ path, directory, policy }) => [
    path,
    directory === '' ? '.' : directory,
    `${policy.threshold} of ${policy.anchors.length}`,
  ]);
  const anchors = [...scopes.values()].flatMap(({ path, policy }) =>
    policy.anchors.flatMap(({ name, keys }) => keys.map(({ fingerprint }) => [path, name, fingerprint])),
  );
  const parts = [
    head,
    table(['SCOPE', 'FOLDER', 'QUORUM'], quorums),
    table(['SCOPE', 'ANCHOR', 'KEY'], anchors),
  ];
  return parts.join('\n');
}
