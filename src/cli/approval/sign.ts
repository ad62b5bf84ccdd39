import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { ObjectId } from '../../git/index.ts';
import type { LineState, ScopeState } from '../../governance/index.ts';
import type { Clone } from '../clone.ts';
import type { Context } from '../context.ts';
import { need, run } from '../native.ts';
import { API_VERSION, type Format, print, short } from '../output.ts';
import { Refusal } from '../refusal.ts';
import { putInto, signToken, tokenAdvice } from './detached.ts';
import type { Target } from './target.ts';

/** Statements that one commit shall make, with a title for people. */
export type Words = { readonly title: string; readonly lines: readonly string[] };

/** Asks before anything is signed, unless `yes`. */
export async function confirm(context: Context, flags: SignFlags, question: string): Promise<void> {
  if (flags.yes === true) return;
  const answer = await context.terminal.confirm(question);
  if (answer === true) return;
  if (answer === false) throw new Refusal('you', 'nothing was signed');
  throw new Failure(
    'confirmation-needed',
    'there is no terminal to ask on',
    'read the difference, then add --yes',
  );
}

/** What a command that signs is told about how. */
export type SignFlags = {
  readonly yes?: boolean;
  readonly main?: string;
  readonly detached?: boolean;
  readonly into?: string;
};

export function signOptions(command: Command): Command {
  return command
    .option('--detached', 'prints a token in place of a commit: it counts in any message of the main line')
    .option('--into <file>', 'with --detached: puts it into the message of a commit that is still to be made')
    .option('--main <ref>', 'the main line (default: origin/main, main or HEAD)')
    .option('--yes', 'do not ask');
}

/** Where the words stand: in a commit on HEAD or on the named branch, or nowhere yet. */
export type Signed =
  | { readonly commit: string; readonly branch: string | null; readonly token: null }
  | { readonly commit: null; readonly branch: null; readonly token: string };

/** Whether they are to stand in a token. */
export function saysInToken({ detached, into }: SignFlags): boolean {
  return detached === true || into !== undefined;
}

/** Signs with the user's own configuration of git: agents, hardware keys and passphrases work as they are used to. */
export async function sign(
  context: Context,
  clone: Clone,
  flags: SignFlags,
  words: Words,
  { commit: tip, branch }: Target,
): Promise<Signed> {
  if (!saysInToken(flags)) {
    const made =
      branch === null
        ? await signCommit(context, clone, words)
        : await signOnBranch(context, clone, words, tip, branch);
    return { commit: made, branch, token: null };
  }
  const token = await signToken(context, clone, words.lines);
  if (flags.into !== undefined) await putInto(resolve(context.cwd, flags.into), token);
  return { commit: null, branch: null, token };
}

/** An empty commit on HEAD with these statements; its id. */
async function signCommit(context: Context, clone: Clone, { title, lines }: Words): Promise<string> {
  const message = ['-m', title, '-m', lines.join('\n')];
  // --only without paths: what is staged stays staged, and out of this commit.
  const kind = ['-S', '--quiet', '--allow-empty', '--only', '--cleanup=whitespace'];
  const args = ['-C', clone.folder, 'commit', ...kind, ...message];
  await need('git', args, { environment: context.environment, stdin: 'inherit' });
  return need('git', ['-C', clone.folder, 'rev-parse', 'HEAD']);
}

/** The same on a branch, of its very tree: no file, no index and no other ref is touched. */
async function signOnBranch(
  { environment, terminal }: Context,
  { folder, backend }: Clone,
  { title, lines }: Words,
  tip: ObjectId,
  branch: string,
): Promise<string> {
  const { tree } = await backend.commit(tip);
  const git = ['--no-replace-objects', '-C', folder];
  const words = ['commit-tree', '-S', tree, '-p', tip, '-m', title, '-m', lines.join('\n')];
  const commit = await need('git', [...git, ...words], { environment, stdin: 'inherit' });
  const move = ['update-ref', '-m', 'fairlead approve', `refs/heads/${branch}`, commit, tip];
  if ((await run('git', [...git, ...move], { environment })).code !== 0)
    throw new Failure(
      'branch-moved',
      `the branch ${branch} was moved meanwhile: it is no longer ${short(tip)}`,
      `look at it again: fairlead approve ${branch}`,
    );
  terminal.say(`the branch ${branch} moved from ${short(tip)} to ${short(commit)}; no file was touched`);
  return commit;
}

/**
 * Prints what was signed: a token alone goes to standard output, for other programs to take. Then what comes next; of
 * a commit, what a push would come to, judged as the server will.
 */
export async function report(
  context: Context,
  clone: Clone,
  flags: SignFlags & { readonly output: Format },
  { kind, signed, scopes, lines, say }: Report,
): Promise<void> {
  const { terminal } = context;
  const text = lines.map((line) => `${line}${signed.commit === null ? '' : ` at ${short(signed.commit)}`}\n`);
  const { token } = signed;
  print(context, flags.output, { apiVersion: API_VERSION, kind, ...signed, scopes }, () =>
    token === null || flags.into !== undefined ? text.join('') : `${token}\n`,
  );
  if (token !== null && flags.into === undefined) terminal.say(text.join('').trimEnd());
  const uids = scopes.map(({ uid }) => uid);
  terminal.say(signed.commit === null ? tokenAdvice(flags.into) : await outlook(clone, uids, signed, say));
}

type Report = {
  readonly kind: string;
  readonly signed: Signed;
  readonly scopes: readonly { readonly uid: string }[];
  /** What was done, one line for each scope. */
  readonly lines: readonly string[];
  /** What becomes of a scope with it. */
  readonly say?: (scope: ScopeState) => string;
};

/** V2: a vote counts only above the epoch; and a branch that lacks what is accepted would take it back. */
export async function refuseOldBranch(
  clone: Clone,
  scopes: readonly ScopeState[],
  { name, commit }: Target,
): Promise<void> {
  for (const { epoch, path } of scopes) {
    const args = ['merge-base', '--is-ancestor', epoch.commit, commit];
    const { code } = await run('git', ['--no-replace-objects', '-C', clone.folder, ...args]);
    if (code === 0) continue;
    throw new Refusal(
      'V2',
      `${name} does not contain ${short(epoch.commit)}, at which ${path} was accepted last: git merge origin/main${name === 'HEAD' ? '' : ' there'}`,
    );
  }
}

async function outlook(
  clone: Clone,
  uids: readonly string[],
  { commit, branch }: Signed & { readonly commit: string },
  say: Report['say'],
): Promise<string> {
  const push = branch === null ? 'git push' : `git push origin ${branch}`;
  const verdict = await clone.line.state(commit);
  if (!verdict.ok) return `it counts once this branch is merged: ${push}`;
  const about = say ?? ((scope: ScopeState) => outlookOf(scope, push));
  return uids.flatMap((uid) => sayOf(verdict.state, uid, about)).join('\n');
}

function sayOf({ scopes }: LineState, uid: string, say: (scope: ScopeState) => string): readonly string[] {
  const scope = scopes.get(uid);
  return scope === undefined ? [] : [say(scope)];
}

function outlookOf({ hold }: ScopeState, push: string): string {
  if (hold === null) return `with it the quorum is complete: ${push}`;
  return `still held (${hold.rule}): ${hold.reason}; ${push}`;
}
