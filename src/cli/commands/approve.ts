import { Command } from 'commander';
import { type LineState, type Proposal, propose } from '../../governance/index.ts';
import { type Approvable, choose, electors, type Heard } from '../approval/choose.ts';
import { statementsOf } from '../approval/lines.ts';
import { overtaken, saidAbout } from '../approval/said.ts';
import { show } from '../approval/show.ts';
import {
  confirm,
  refuseOldBranch,
  report,
  type SignFlags,
  saysInToken,
  sign,
  signOptions,
  type Words,
} from '../approval/sign.ts';
import { type Target, targetOf } from '../approval/target.ts';
import { type Clone, type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { signingKey } from '../keys.ts';
import { type Format, outputOption, short, wrap } from '../output.ts';
import { findLiving } from '../scopes.ts';

type Flags = CloneFlags & SignFlags & { readonly output: Format; readonly scope?: readonly string[] };

export function approveCommand(context: Context): Command {
  const lines = [
    'fairlead approve',
    'fairlead approve --scope payments --yes',
    'fairlead approve half',
    'fairlead approve origin/half --detached',
  ];
  const command = new Command('approve')
    .addHelpText('after', examples(...lines))
    .description(
      'shows what a branch changes against the accepted state, then signs that with an empty commit on it',
    )
    .argument(
      '[head]',
      'a local branch, checked out or not; with --detached any branch, tag or commit',
      'HEAD',
    )
    .option('--scope <scope...>', 'only these (default: every scope that needs your key)')
    .addOption(outputOption());
  return cloneOptions(signOptions(command)).action(async (head: string, flags: Flags) =>
    context.finish(await approve(context, head, flags)),
  );
}

async function approve(context: Context, ref: string, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.main));
  const target = await targetOf(clone, ref, saysInToken(flags) ? 'token' : 'commit');
  const head = target.commit;
  const key = await signingKey(context, clone.folder);
  const proposals = await propose(clone.line, clone.backend, state, head);
  const wanted = flags.scope?.map((name) => proposedScope(proposals, name) ?? findLiving(state, name).uid);
  const asked = proposals.filter((proposal) => wanted === undefined || isWanted(proposal, wanted));
  const heard = await hear(clone, state, asked, head);
  const approvables = choose(heard, key, target.name);
  const scopes = approvables.map(({ scope }) => scope);
  await refuseOldBranch(clone, scopes, target);
  if (ref !== 'HEAD') context.terminal.say(await introduction(clone, target));
  for (const approvable of approvables) await show(context, clone, approvable, target);
  for (const line of tooLate(heard, key.fingerprint)) context.terminal.say(wrap(line, '  '));
  const names = approvables.map(({ scope, anchor }) => `${scope.path} as ${anchor}`).join(', ');
  await confirm(context, flags, `Sign this for ${names}?`);
  const signed = await sign(context, clone, flags, wordsFor(approvables), target);
  const facts = approvables.map(approvalFacts);
  const lines = facts.map(({ anchor, scope, seq }) => `${anchor} approved ${scope} seq ${seq}`);
  await report(context, clone, flags, { kind: 'Approval', signed, scopes: facts, lines });
  return exit.ok;
}

/** Of what is not in front of the user: which commit it is, by its own first line. */
async function introduction({ backend }: Clone, { name, commit, branch }: Target): Promise<string> {
  const { message } = await backend.commit(commit);
  const [title = ''] = Buffer.from(message).toString().split('\n');
  const what = branch === null ? name : `the branch ${name}`;
  return `this approves ${what} at ${short(commit)}: ${title.replace(/\p{C}/gu, '?')}`;
}

/** A scope that would be created, or moved, has the name that it would have. */
function proposedScope(proposals: readonly Proposal[], name: string): string | null {
  return (
    proposals.find(({ scope: { path } }) => path === name || path.endsWith(`.${name}`))?.scope.uid ?? null
  );
}

/** Whoever signs for one member of a group signs for all of it, so all of it is shown. */
function isWanted({ scope, outcome }: Proposal, wanted: readonly string[]): boolean {
  const members = outcome.kind === 'candidate' ? (outcome.group?.members ?? []) : [];
  return [scope, ...members].some(({ uid }) => wanted.includes(uid));
}

/** With what has been said about every scope that may be approved, on the main line and on this branch. */
function hear(
  clone: Clone,
  { tip }: LineState,
  proposals: readonly Proposal[],
  head: string,
): Promise<readonly Heard[]> {
  const heard = proposals
    .filter(({ outcome }) => outcome.kind !== 'clean')
    .map(async (proposal) => {
      const { scope, outcome } = proposal;
      return { proposal, said: await saidAbout(clone, scope, electors(scope, outcome), [tip, head]) };
    });
  return Promise.all(heard);
}

/** Why the user is asked again: what they have signed before names a seq that another mutation has. */
function tooLate(heard: readonly Heard[], fingerprint: string): readonly string[] {
  return heard.flatMap(({ proposal: { scope }, said }) =>
    overtaken(said, scope)
      .filter((each) => each.fingerprint === fingerprint)
      .map(
        ({ commit, statement: { seq } }) =>
          `${scope.path}: Another mutation was accepted first, sign again: seq ${seq}, which you signed at ${short(commit)}, is taken`,
      ),
  );
}

function wordsFor(approvables: readonly Approvable[]): Words {
  const title = approvables
    .map(({ scope, outcome }) => `${scope.path} seq ${outcome.candidate.seq}`)
    .join(', ');
  const lines = statementsOf(approvables);
  return { title: `Approve ${title}`, lines };
}

function approvalFacts({ scope, anchor, outcome: { candidate }, round }: Approvable) {
  const { seq, base, next } = candidate;
  return { scope: scope.path, uid: scope.uid, anchor, seq, base, next, round };
}
