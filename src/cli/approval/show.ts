import type { Clone } from '../clone.ts';
import type { Context } from '../context.ts';
import { repositoryPath } from '../drafts.ts';
import { need } from '../native.ts';
import { policyWords } from '../policy-words.ts';
import type { Approvable } from './choose.ts';

/** What is about to be signed: the difference from the accepted state to HEAD, whatever the forge shows (G8). */
export async function show(
  context: Context,
  clone: Clone,
  { scope, outcome }: Pick<Approvable, 'scope' | 'outcome'>,
  head: string,
): Promise<void> {
  const { candidate, changes, policy } = outcome;
  context.terminal.say(
    `${scope.path}: ${candidate.class}, seq ${scope.seq} -> ${candidate.seq}, accepted -> HEAD`,
  );
  const words = policy === null ? [] : policyWords(scope.policy, policy);
  if (words.length > 0) context.terminal.say(`${words.map((line) => `  ${line}\n`).join('')}`);
  const paths = changes.map(({ path }) => repositoryPath(clone.pin.path, scope.accepted.directory, path));
  // Attributes and drivers of the repository could make a diff say anything.
  const raw = ['--no-ext-diff', '--no-textconv', '--text', '--no-color', '--no-renames'];
  const where = ['--no-replace-objects', '--literal-pathspecs', '-C', clone.folder];
  const args = [...where, 'diff', ...raw, scope.accepted.commit, head, '--', ...paths];
  const diff = await need('git', args, { environment: context.environment });
  context.terminal.say(diff.replace(/[^\P{C}\n\t]/gu, '?'));
}
