import { Command, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { ObjectId } from '../../git/index.ts';
import { follow, type LineState } from '../../governance/index.ts';
import { type Clone, type CloneFlags, cloneOptions, judgeAlone, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { type FollowedFlags, followedOptions, followedTip } from '../followed.ts';
import { ancestors } from '../graph.ts';
import { need } from '../native.ts';
import { API_VERSION, type Format, outputOption, print, short } from '../output.ts';
import { Refusal } from '../refusal.ts';

const SIDES = ['followed', 'offered'] as const;

type Flags = CloneFlags &
  FollowedFlags & {
    readonly output: Format;
    readonly offered?: string;
    readonly tree?: (typeof SIDES)[number];
  };

/** The two tips of a line that is refused, and the commit that joins them. */
type Repair = {
  readonly followed: ObjectId;
  readonly offered: ObjectId;
  readonly tree: (typeof SIDES)[number];
  readonly commit: ObjectId;
};

export function lineCommand(context: Context): Command {
  const command = new Command('line')
    .addHelpText('after', examples('fairlead line repair --help'))
    .description('the main line itself: what servers follow');
  return command.addCommand(repairCommand(context));
}

function repairCommand(context: Context): Command {
  const lines = [
    'fairlead line repair --server http://127.0.0.1:15014',
    'fairlead line repair --followed 5f3c0d9a',
  ];
  const command = new Command('repair')
    .addHelpText('after', examples(...lines))
    .description('after a force-push: prepares the commit that restores the line without another one')
    .option('--offered <ref>', 'the tip that is refused (default: origin/main, main or HEAD)')
    .addOption(
      new Option(
        '--tree <side>',
        'whose files it has (default: those followed, or offered where that has them all)',
      ).choices(SIDES),
    )
    .addOption(outputOption());
  return cloneOptions(followedOptions(command)).action(async (flags: Flags) =>
    context.finish(await repair(context, flags)),
  );
}

async function repair(context: Context, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const offered = await mainTip(clone, flags.offered);
  const followed = await followedTip(clone, flags);
  if (followed === null)
    throw new Failure(
      'followed-unknown',
      'nobody said which tip was followed last',
      'name it with --followed, or a server that knows it with --server',
    );
  const { outcome } = await follow(clone.line, clone.backend, followed, offered);
  if (outcome !== 'refused')
    throw new Refusal('whole', `${short(offered)} keeps the line of ${short(followed)}: nothing to repair`);
  const before = await judgeAlone(clone, followed);
  const kept = (await ancestors(clone.backend, offered)).has(followed);
  const tree = flags.tree ?? (kept ? 'offered' : 'followed');
  const commit = await join(context, clone, { followed, offered, tree });
  const after = await judgeAlone(clone, commit);
  const facts = { followed, offered, tree, commit, scopes: scopeFacts(before, after) };
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'LineRepair', ...facts }, () =>
    repairText(facts, after),
  );
  return exit.ok;
}

/** First parent the followed tip, second the offered one: the line goes on, and the push is a fast-forward of both. */
async function join(
  context: Context,
  { folder, backend }: Clone,
  { followed, offered, tree }: Omit<Repair, 'commit'>,
): Promise<ObjectId> {
  const files = (await backend.commit(tree === 'followed' ? followed : offered)).tree;
  const title = `Restore the line of ${short(followed)}`;
  const why = `${offered} dropped it from the main line. The files are those of ${tree === 'followed' ? followed : offered}.`;
  const parents = ['-p', followed, '-p', offered];
  const args = ['-C', folder, 'commit-tree', files, ...parents, '-m', title, '-m', why];
  return need('git', args, { environment: context.environment });
}

function scopeFacts(before: LineState, { scopes }: LineState) {
  return [...scopes.values()].map(({ path, uid, seq, hold }) => {
    const from = before.scopes.get(uid)?.seq ?? null;
    return {
      path,
      uid,
      from,
      to: seq,
      hold: hold === null ? null : { rule: hold.rule, reason: hold.reason },
    };
  });
}

function repairText({ followed, offered, tree, commit }: Repair, { scopes }: LineState): string {
  const held = [...scopes.values()].filter(({ hold }) => hold !== null);
  const lines = [
    `made ${commit}`,
    `  parents  ${short(followed)} (followed), then ${short(offered)} (offered)`,
    `  files    as in the ${tree} tip`,
    ...held.map(({ path, hold }) => `  ${path} is held there (${hold?.rule}): ${hold?.reason}`),
    'nothing was moved; to restore the line:',
    `  git push origin ${commit}:refs/heads/main`,
  ];
  return `${lines.join('\n')}\n`;
}
