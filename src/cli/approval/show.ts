import type { Clone } from '../clone.ts';
import type { Context } from '../context.ts';
import { need } from '../native.ts';
import { policyWords } from '../policy-words.ts';
import { repositoryPath } from '../repository-path.ts';
import type { Approvable } from './choose.ts';
import type { Target } from './target.ts';

/** What is about to be signed: the difference from the accepted state to the target, whatever the forge shows (G8). */
export async function show(
  context: Context,
  clone: Clone,
  { scope, outcome }: Pick<Approvable, 'scope' | 'outcome'>,
  { name, commit }: Target,
): Promise<void> {
  const { candidate, changes, policy } = outcome;
  context.terminal.say(
    `${scope.path}: ${candidate.class}, seq ${scope.seq} -> ${candidate.seq}, accepted -> ${name}`,
  );
  const words = policy === null ? [] : policyWords(scope.policy, policy);
  if (words.length > 0) context.terminal.say(`${words.map((line) => `  ${line}\n`).join('')}`);
  const ends = candidate.next === 'gone' ? ['it ends here: its uid is never used again'] : [];
  const moves = scope.directory !== scope.accepted.directory ? [`it moves to ${scope.path}`] : [];
  for (const line of [...ends, ...moves]) context.terminal.say(`  ${line}`);
  const places = new Set([scope.accepted.directory, scope.directory]);
  // Of a new scope everything is new.
  const shown = scope.seq === 0 ? [''] : changes.map(({ path }) => path);
  const paths = [...places].flatMap((place) =>
    shown.map((path) => repositoryPath(clone.pin.path, place, path)),
  );
  if (paths.length === 0) return;
  // Attributes and drivers of the repository could make a diff say anything.
  const raw = ['--no-ext-diff', '--no-textconv', '--text', '--no-color', '--no-renames'];
  const where = ['--no-replace-objects', '--literal-pathspecs', '-C', clone.folder];
  const args = [...where, 'diff', ...raw, scope.accepted.commit, commit, '--', ...paths];
  const diff = await need('git', args, { environment: context.environment });
  context.terminal.say(diff.replace(/[^\P{C}\n\t]/gu, '?'));
}
