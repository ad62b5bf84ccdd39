import { Failure } from '../../base/failure.ts';
import type { LineState, ScopeState } from '../../governance/index.ts';
import type { Clone } from '../clone.ts';
import type { Context } from '../context.ts';
import { need, run } from '../native.ts';
import { short } from '../output.ts';
import { Refusal } from '../refusal.ts';

/** Statements that one commit shall make, with a title for people. */
export type Words = { readonly title: string; readonly lines: readonly string[] };

/** Asks before anything is signed, unless `yes`. */
export async function confirm(
  context: Context,
  flags: { readonly yes?: boolean },
  question: string,
): Promise<void> {
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

/**
 * An empty commit on HEAD with these statements; its id. Signed with the user's own configuration of git: agents,
 * hardware keys and passphrases work as they are used to.
 */
export async function signCommit(context: Context, clone: Clone, { title, lines }: Words): Promise<string> {
  const message = ['-m', title, '-m', lines.join('\n')];
  // --only without paths: what is staged stays staged, and out of this commit.
  const kind = ['-S', '--quiet', '--allow-empty', '--only', '--cleanup=whitespace'];
  const args = ['-C', clone.folder, 'commit', ...kind, ...message];
  await need('git', args, { environment: context.environment, stdin: 'inherit' });
  return need('git', ['-C', clone.folder, 'rev-parse', 'HEAD']);
}

/** V2: a vote counts only above the epoch; and a branch that lacks what is accepted would take it back. */
export async function refuseOldBranch(
  clone: Clone,
  scopes: readonly ScopeState[],
  head: string,
): Promise<void> {
  for (const { epoch, path } of scopes) {
    const args = ['merge-base', '--is-ancestor', epoch.commit, head];
    const { code } = await run('git', ['--no-replace-objects', '-C', clone.folder, ...args]);
    if (code === 0) continue;
    throw new Refusal(
      'V2',
      `HEAD does not contain ${short(epoch.commit)}, at which ${path} was accepted last: git merge origin/main`,
    );
  }
}

/** What a push of `commit` would come to, judged as the server will. */
export async function outlook(
  clone: Clone,
  uids: readonly string[],
  commit: string,
  say: (scope: ScopeState) => string = outlookOf,
): Promise<string> {
  const verdict = await clone.line.state(commit);
  if (!verdict.ok) return 'it counts once this branch is merged: git push';
  return uids.flatMap((uid) => sayOf(verdict.state, uid, say)).join('\n');
}

function sayOf({ scopes }: LineState, uid: string, say: (scope: ScopeState) => string): readonly string[] {
  const scope = scopes.get(uid);
  return scope === undefined ? [] : [say(scope)];
}

function outlookOf({ hold }: ScopeState): string {
  if (hold === null) return 'with it the quorum is complete: git push';
  return `still held (${hold.rule}): ${hold.reason}; git push`;
}
