import { Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import {
  formatApproval,
  type LineState,
  type Proposal,
  propose,
  type ScopeState,
} from '../../governance/index.ts';
import { type Clone, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { repositoryPath } from '../drafts.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { signingKey, type UserKey } from '../keys.ts';
import { need, run } from '../native.ts';
import { API_VERSION, type Format, outputOption, print, short } from '../output.ts';
import { policyWords } from '../policy-words.ts';
import { Refusal } from '../refusal.ts';
import { findScope } from '../scopes.ts';

type Flags = {
  readonly output: Format;
  readonly scope?: readonly string[];
  readonly main?: string;
  readonly yes?: boolean;
  readonly repository?: string;
  readonly pin?: string;
};

/** A candidate that this user's key may approve. */
type Approvable = {
  readonly scope: ScopeState;
  readonly anchor: string;
  readonly outcome: Extract<Proposal['outcome'], { readonly kind: 'candidate' }>;
};

export function approveCommand(context: Context): Command {
  const command = new Command('approve')
    .addHelpText('after', examples('fairlead approve', 'fairlead approve --scope payments --yes'))
    .description('shows what HEAD changes against the accepted state, then signs that with an empty commit')
    .option('--scope <scope...>', 'only these (default: every scope that needs your key)')
    .option('--main <ref>', 'the main line (default: origin/main, main or HEAD)')
    .option('--yes', 'do not ask')
    .addOption(outputOption());
  return cloneOptions(command).action(async (flags: Flags) => context.finish(await approve(context, flags)));
}

async function approve(context: Context, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.main));
  const head = await clone.backend.resolve('HEAD');
  const key = await signingKey(context, clone.folder);
  const wanted = flags.scope?.map((name) => findScope(state, name).uid);
  const proposals = await propose(clone.line, clone.backend, state, head);
  const approvables = choose(proposals, key, wanted);
  await refuseOldBranch(clone, approvables, head);
  for (const approvable of approvables) await show(context, clone, approvable, head);
  await confirm(context, flags, approvables);
  const commit = await sign(context, clone, approvables);
  const scopes = approvables.map(({ scope, anchor, outcome: { candidate } }) => {
    const { seq, base, next } = candidate;
    return { scope: scope.path, uid: scope.uid, anchor, seq, base, next };
  });
  const document = { apiVersion: API_VERSION, kind: 'Approval', commit, scopes };
  print(context, flags.output, document, () => approvalText(commit, approvables));
  context.terminal.say(await outlook(clone, approvables, commit));
  return exit.ok;
}

type Candidacy = Exclude<Proposal['outcome'], { readonly kind: 'clean' }>;
type Against = { readonly rule: string; readonly reason: string };

/** Names every reason why there is nothing to sign; each is a refusal, never silence. */
function choose(
  proposals: readonly Proposal[],
  key: UserKey,
  wanted: readonly string[] | undefined,
): readonly Approvable[] {
  const asked = proposals.filter(({ scope }) => wanted?.includes(scope.uid) ?? true);
  const reasons: Against[] = [];
  const approvables = asked.flatMap(({ scope, outcome }): readonly Approvable[] => {
    if (outcome.kind === 'clean') return [];
    const anchor = anchorOf(scope, outcome, key);
    const against = reasonAgainst(scope, outcome, key, anchor);
    if (against === null && outcome.kind === 'candidate' && anchor !== null)
      return [{ scope, anchor, outcome }];
    if (against !== null) reasons.push({ rule: against.rule, reason: `${scope.path}: ${against.reason}` });
    return [];
  });
  if (approvables.length > 0) return approvables;
  const [first] = reasons;
  if (first === undefined) throw new Refusal('clean', 'HEAD is the accepted state: nothing to approve');
  throw new Refusal(first.rule, reasons.map(({ reason }) => reason).join('; '));
}

function reasonAgainst(
  scope: ScopeState,
  outcome: Candidacy,
  key: UserKey,
  anchor: string | null,
): Against | null {
  if (outcome.kind === 'unreadable') return outcome;
  const { candidate, refusal } = outcome;
  if (refusal !== null) return refusal;
  if (anchor === null) {
    const names = electors(scope, outcome).map(({ name }) => name);
    const known = [...new Set(names)].join(', ');
    return { rule: 'V1', reason: `your key ${key.fingerprint} is none of its anchors (${known})` };
  }
  const { hold } = scope;
  if (hold?.candidate?.next !== candidate.next) return null;
  // Of a reconfigure each added key signs, so another key of the same anchor may still be wanted.
  const signed = hold.votes.some(({ fingerprint }) => fingerprint === key.fingerprint);
  if (!signed && (candidate.class === 'reconfigure' || !hold.signed.includes(anchor))) return null;
  return {
    rule: 'signed',
    reason: `${anchor} has signed this already; ${hold.missing.join(' or ')} missing`,
  };
}

/** The anchors of the policy in force, and those of the one that a reconfigure proposes: a new key shows that it is held. */
function electors(scope: ScopeState, outcome: Candidacy) {
  const proposed = outcome.kind === 'candidate' ? outcome.policy : null;
  return [...scope.policy.anchors, ...(proposed?.anchors ?? []), ...(proposed?.recovery?.anchors ?? [])];
}

function anchorOf(scope: ScopeState, outcome: Candidacy, key: UserKey): string | null {
  const mine = electors(scope, outcome).find(({ keys }) =>
    keys.some(({ fingerprint }) => fingerprint === key.fingerprint),
  );
  return mine?.name ?? null;
}

/** V2: a vote counts only above the epoch; and a branch that lacks what is accepted would take it back. */
async function refuseOldBranch(
  clone: Clone,
  approvables: readonly Approvable[],
  head: string,
): Promise<void> {
  for (const { scope } of approvables) {
    const epoch = scope.epoch.commit;
    const { code } = await run('git', ['-C', clone.folder, 'merge-base', '--is-ancestor', epoch, head]);
    if (code === 0) continue;
    throw new Refusal(
      'V2',
      `HEAD does not contain ${short(epoch)}, at which ${scope.path} was accepted last: git merge origin/main`,
    );
  }
}

async function show(
  context: Context,
  clone: Clone,
  { scope, outcome }: Approvable,
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
  const args = [
    '--literal-pathspecs',
    '-C',
    clone.folder,
    'diff',
    ...raw,
    scope.accepted.commit,
    head,
    '--',
    ...paths,
  ];
  const diff = await need('git', args, { environment: context.environment });
  context.terminal.say(diff.replace(/[^\P{C}\n\t]/gu, '?'));
}

async function confirm(context: Context, flags: Flags, approvables: readonly Approvable[]): Promise<void> {
  if (flags.yes === true) return;
  const names = approvables.map(({ scope, anchor }) => `${scope.path} as ${anchor}`).join(', ');
  const answer = await context.terminal.confirm(`Sign this for ${names}?`);
  if (answer === true) return;
  if (answer === false) throw new Refusal('you', 'nothing was signed');
  throw new Failure(
    'confirmation-needed',
    'there is no terminal to ask on',
    'read the difference, then add --yes',
  );
}

/** Signs with the user's own configuration of git: agents, hardware keys and passphrases work as they are used to. */
async function sign(context: Context, clone: Clone, approvables: readonly Approvable[]): Promise<string> {
  const title = approvables
    .map(({ scope, outcome }) => `${scope.path} seq ${outcome.candidate.seq}`)
    .join(', ');
  const lines = approvables.map(({ scope: { uid }, outcome: { candidate } }) => {
    const { seq, base, next } = candidate;
    return formatApproval({ uid, seq, base, next });
  });
  const message = ['-m', `Approve ${title}`, '-m', lines.join('\n')];
  // --only without paths: what is staged stays staged, and out of this commit.
  const args = [
    '-C',
    clone.folder,
    'commit',
    '-S',
    '--quiet',
    '--allow-empty',
    '--only',
    '--cleanup=whitespace',
    ...message,
  ];
  await need('git', args, { environment: context.environment, stdin: 'inherit' });
  return need('git', ['-C', clone.folder, 'rev-parse', 'HEAD']);
}

function approvalText(commit: string, approvables: readonly Approvable[]): string {
  return approvables
    .map(
      ({ scope, anchor, outcome }) =>
        `${anchor} approved ${scope.path} seq ${outcome.candidate.seq} at ${short(commit)}\n`,
    )
    .join('');
}

/** What a push would come to, judged as the server will. */
async function outlook(clone: Clone, approvables: readonly Approvable[], commit: string): Promise<string> {
  const verdict = await clone.line.state(commit);
  if (!verdict.ok) return 'it counts once this branch is merged: git push';
  return approvables.map(({ scope: { uid } }) => outlookOf(verdict.state, uid)).join('\n');
}

function outlookOf(state: LineState, uid: string): string {
  const scope = state.scopes.get(uid);
  if (scope === undefined || scope.hold === null) return 'with it the quorum is complete: git push';
  return `still held (${scope.hold.rule}): ${scope.hold.reason}; git push`;
}
