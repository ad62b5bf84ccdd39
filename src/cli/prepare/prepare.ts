import type { Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { ObjectId } from '../../git/index.ts';
import {
  countVotes,
  type LineState,
  type Proposal,
  propose,
  type ScopeState,
} from '../../governance/index.ts';
import { statementsOf } from '../approval/lines.ts';
import { type Clone, type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { exit } from '../exit.ts';
import { run } from '../native.ts';
import { API_VERSION, type Format, outputOption, print, short, wrap } from '../output.ts';
import { policyWords } from '../policy-words.ts';
import { Refusal } from '../refusal.ts';
import { commitEdits, type Edit } from './edit.ts';

export type PrepareFlags = CloneFlags & {
  readonly output: Format;
  readonly main?: string;
  readonly branch?: string;
};

/** The options of every command that prepares a change for others to sign. */
export function prepareOptions(command: Command): Command {
  return cloneOptions(
    command
      .option('--branch <name>', 'where the prepared commit goes (default: fairlead/…-seq-<n>)')
      .option('--main <ref>', 'the main line (default: origin/main, main or HEAD)')
      .addOption(outputOption()),
  );
}

/** Where a change starts from: what is accepted, never what lies in somebody's worktree. */
export type Start = { readonly clone: Clone; readonly state: LineState };

export async function start(context: Context, flags: PrepareFlags): Promise<Start> {
  const clone = await openClone(context, flags);
  return { clone, state: await judge(clone, await mainTip(clone, flags.main)) };
}

/** Whose record names a scope. Throws Failure parent-missing for a root. */
export function parentOf({ state }: Start, { path, parent }: ScopeState): ScopeState {
  const above = state.scopes.get(parent ?? '');
  if (above !== undefined) return above;
  throw new Failure('parent-missing', `${path} has no parent`, 'a root stays where it is');
}

/** What somebody wants changed: files of the repository, and a title for people. */
export type Change = {
  readonly title: string;
  /** What the branch is called, before its seq. */
  readonly slug: string;
  readonly edits: readonly Edit[];
};

type Candidacy = Extract<Proposal['outcome'], { readonly kind: 'candidate' }>;
type Prepared = { readonly proposal: Proposal; readonly outcome: Candidacy };

/**
 * Commits a change on a branch of its own, and says who has to sign what. Nothing is made where no quorum could ever
 * accept it, and nothing of the user's worktree is touched.
 */
export async function prepare(
  context: Context,
  flags: PrepareFlags,
  { clone, state }: Start,
  { title, slug, edits }: Change,
): Promise<number> {
  const commit = await commitEdits(context, clone, state.tip, edits, title);
  const prepared = (await propose(clone.line, clone.backend, state, commit)).flatMap(toPrepared);
  if (prepared.length === 0) throw new Refusal('clean', 'that is the accepted state already');
  const seq = prepared[0]?.outcome.candidate.seq;
  const branch = flags.branch ?? `fairlead/${slug}-seq-${seq}`;
  await createBranch(context, clone, branch, commit);
  const scopes = prepared.map(facts);
  const statements = statementsOf(
    prepared.map(({ proposal, outcome }) => ({ ...proposal, outcome, round: 0 })),
  );
  const document = { apiVersion: API_VERSION, kind: 'Preparation', base: state.tip, branch, commit };
  print(context, flags.output, { ...document, title, scopes, statements }, () =>
    preparedText(branch, commit, scopes, statements),
  );
  return exit.ok;
}

function toPrepared(proposal: Proposal): readonly Prepared[] {
  const { outcome, scope } = proposal;
  if (outcome.kind === 'clean') return [];
  const against = outcome.kind === 'unreadable' ? outcome : outcome.refusal;
  if (outcome.kind === 'unreadable' || against !== null)
    throw new Refusal(against?.rule ?? '', `${scope.path}: ${against?.reason}`);
  return [{ proposal, outcome }];
}

async function createBranch(context: Context, { folder }: Clone, name: string, commit: ObjectId) {
  // The name of no branch is the empty object id: it must not be there.
  const args = ['-C', folder, 'update-ref', `refs/heads/${name}`, commit, '0'.repeat(40)];
  const { code } = await run('git', args, { environment: context.environment });
  if (code === 0) return;
  const fix = `look at it, then git branch -D ${name}; or name another one with --branch`;
  throw new Failure(
    'branch-exists',
    `the branch ${name} cannot be made: there is one, or git forbids the name`,
    fix,
  );
}

function facts({ proposal: { scope }, outcome }: Prepared) {
  const { candidate, changes, policy } = outcome;
  const { path, uid, seq } = scope;
  const { needed, reason } = countVotes(seq === 0 ? null : scope.policy, policy, candidate.class, []);
  const words = policy === null || seq === 0 ? [] : policyWords(scope.policy, policy);
  const group = outcome.group?.digest ?? null;
  return { scope: path, uid, ...candidate, changes, policy: words, needed, quorum: reason, group };
}

function preparedText(
  branch: string,
  commit: ObjectId,
  scopes: readonly ReturnType<typeof facts>[],
  statements: readonly string[],
): string {
  const about = scopes.flatMap(({ scope, class: mutation, seq, changes, policy, quorum }) => [
    `${scope}: ${mutation} to seq ${seq}`,
    ...changes.map(({ path, change }) => `  ${change.padEnd(8)} ${path}`),
    ...policy.map((line) => `  policy   ${line}`),
    wrap(`  quorum   ${quorum}`, '           '),
  ]);
  const lines = [
    ...about,
    ...(scopes.some(({ group }) => group !== null) ? ['all of it is accepted together, or nothing'] : []),
    '',
    `prepared ${short(commit)} on the branch ${branch}; nothing else was touched`,
    `  git push origin ${branch}`,
    'each anchor who signs:',
    `  git fetch && git switch ${branch} && fairlead approve`,
    'which says exactly:',
    ...statements.map((line) => `  ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}
