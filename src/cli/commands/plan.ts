import { Command } from 'commander';
import { formatProblem, type Problem } from '../../base/problem.ts';
import { countVotes, type Proposal, propose } from '../../governance/index.ts';
import { cloneOptions, judge, mainTip, openClone, resolveRef } from '../clone.ts';
import type { Context } from '../context.ts';
import { type Difference, differences, draftMeshes } from '../drafts.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { policyWords } from '../policy-words.ts';

type Flags = {
  readonly output: Format;
  readonly main?: string;
  readonly repository?: string;
  readonly pin?: string;
};

type ScopePlan = {
  readonly scope: string;
  readonly class: string;
  readonly seq: number;
  readonly base: string;
  readonly next: string | null;
  readonly changes: readonly { readonly path: string; readonly change: string }[];
  /** What a reconfigure changes of who decides and of what is owned, in words. */
  readonly policy: readonly string[];
  readonly acceptable: boolean;
  readonly quorum: { readonly needed: number; readonly signed: readonly string[]; readonly reason: string };
};

export function planCommand(context: Context): Command {
  const command = new Command('plan')
    .addHelpText('after', examples('fairlead plan', 'fairlead plan canary -o json'))
    .description(
      'what a branch would change against the accepted state; 1 if anything, 3 if it cannot be accepted',
    )
    .argument('[head]', 'branch, tag or commit', 'HEAD')
    .option('--main <ref>', 'the main line (default: origin/main, main or HEAD)')
    .addOption(outputOption());
  return cloneOptions(command).action(async (head: string, flags: Flags) =>
    context.finish(await plan(context, head, flags)),
  );
}

async function plan(context: Context, ref: string, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.main));
  const head = await resolveRef(clone, ref);
  const proposals = await propose(clone.line, clone.backend, state, head);
  const { served, drafted } = await draftMeshes(clone, state, head);
  const scopes = proposals.flatMap(scopePlan);
  const changed = differences(served, drafted);
  const { problems } = drafted;
  const facts = { base: state.tip, head, scopes, differences: changed, problems };
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'Plan', ...facts }, () =>
    planText(head, scopes, changed, problems),
  );
  if (scopes.some(({ acceptable }) => !acceptable)) return exit.refused;
  const bad = problems.some(({ severity }) => severity === 'error');
  return scopes.length > 0 || bad ? exit.findings : exit.ok;
}

function scopePlan({ scope, outcome }: Proposal): readonly ScopePlan[] {
  const { path, seq, accepted, policy } = scope;
  if (outcome.kind === 'clean') return [];
  if (outcome.kind === 'unreadable') {
    const quorum = { needed: 0, signed: [], reason: `${outcome.rule}: ${outcome.reason}` };
    const nothing = { changes: [], policy: [], acceptable: false };
    const common = { scope: path, class: 'unreadable', seq: seq + 1, ...nothing, quorum };
    return [{ ...common, base: accepted.digest, next: null }];
  }
  const { candidate, changes, refusal } = outcome;
  // Votes for this very candidate that are on the main line already; those of the branch count once it is merged.
  const votes = scope.hold?.candidate?.next === candidate.next ? scope.hold.votes : [];
  const { needed, signed, reason } = countVotes(
    seq === 0 ? null : policy,
    outcome.policy,
    candidate.class,
    votes,
  );
  const quorum = { needed, signed, reason: refusal === null ? reason : `${refusal.rule}: ${refusal.reason}` };
  const words = outcome.policy === null ? [] : policyWords(policy, outcome.policy);
  return [{ scope: path, ...candidate, changes, policy: words, acceptable: refusal === null, quorum }];
}

function planText(
  head: string,
  scopes: readonly ScopePlan[],
  changed: readonly Difference[],
  problems: readonly Problem[],
): string {
  const mistakes = problems.length === 0 ? [] : [`${problems.map(formatProblem).join('\n')}\n`];
  if (scopes.length === 0)
    return [`${short(head)} is the accepted state: nothing changes\n`, ...mistakes].join('\n');
  const parts = scopes.map(scopeText);
  const rows = changed.map(({ namespace, type, name, change }) => [namespace, change, type, name]);
  if (rows.length > 0) parts.push(table(['NAMESPACE', 'CHANGE', 'TYPE', 'NAME'], rows));
  else parts.push('no proxy hears anything new\n');
  return [...parts, ...mistakes].join('\n');
}

function scopeText({ scope, class: mutation, seq, changes, policy, quorum, base, next }: ScopePlan): string {
  const head = `${scope}: ${mutation} to seq ${seq}, ${short(base)} -> ${short(next)}\n`;
  const files = changes.map(({ path, change }) => `  ${change.padEnd(8)} ${path}\n`).join('');
  const words = policy.map((line) => `  policy   ${line}\n`).join('');
  return `${head}${files}${words}${wrap(`  quorum   ${quorum.reason}`, '           ')}\n`;
}
