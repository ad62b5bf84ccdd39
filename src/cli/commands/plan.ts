import { Command, Option } from 'commander';
import { countVotes, type Proposal, propose } from '../../governance/index.ts';
import { advise } from '../../mesh/index.ts';
import { cloneOptions, judge, mainTip, openClone, resolveRef } from '../clone.ts';
import type { Context } from '../context.ts';
import { differences, draftMeshes } from '../drafts.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, print } from '../output.ts';
import { hostDifferences } from '../plan/hosts.ts';
import { manifestDifferences } from '../plan/manifests.ts';
import { planMarkdown } from '../plan/markdown.ts';
import { sidesOf } from '../plan/proxies.ts';
import { risksOf } from '../plan/risks.ts';
import { planText } from '../plan/text.ts';
import type { Plan, ScopePlan } from '../plan/types.ts';
import { policyWords } from '../policy-words.ts';

type Flags = {
  readonly output: (typeof FORMATS)[number];
  readonly main?: string;
  readonly repository?: string;
  readonly pin?: string;
};

const FORMATS = ['table', 'wide', 'json', 'yaml', 'markdown'] as const;

export function planCommand(context: Context): Command {
  const command = new Command('plan')
    .addHelpText('after', examples('fairlead plan', 'fairlead plan canary -o markdown > comment.md'))
    .description(
      'what a branch would change against the accepted state; 1 if anything, 3 if it cannot be accepted',
    )
    .argument('[head]', 'branch, tag or commit', 'HEAD')
    .option('--main <ref>', 'the main line (default: origin/main, main or HEAD)')
    .addOption(
      new Option('-o, --output <format>', 'how to print; markdown is for a pull request')
        .choices(FORMATS)
        .default('table'),
    );
  return cloneOptions(command).action(async (head: string, flags: Flags) =>
    context.finish(await plan(context, head, flags)),
  );
}

async function plan(context: Context, ref: string, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.main));
  const head = await resolveRef(clone, ref);
  const proposals = await propose(clone.line, clone.backend, state, head);
  const { served, said, drafted, kept } = await draftMeshes(clone, state, head);
  const scopes = proposals.flatMap(scopePlan);
  const sides = sidesOf(served, drafted);
  const advice = advise({ ...said, scopes: said.resources, workloads: [] });
  const problems = [...said.problems, ...advice];
  const found: Plan = {
    ...{ base: state.tip, head, scopes, kept, problems },
    manifests: manifestDifferences(served.resources, said.resources),
    hosts: hostDifferences(sides),
    differences: differences(sides),
    risks: risksOf(served, said),
  };
  const [format, words] =
    flags.output === 'markdown' ? ['table' as const, planMarkdown] : [flags.output, planText];
  print(context, format, { apiVersion: API_VERSION, kind: 'Plan', ...found }, () => words(found));
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
