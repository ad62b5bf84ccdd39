import { Command } from 'commander';
import type { LineState, ScopeState } from '../../governance/index.ts';
import { formatApproval } from '../../votes/index.ts';
import { anchorOf, notAnAnchor } from '../approval/choose.ts';
import { liveApprovals, saidAbout, withdrawnUpTo } from '../approval/said.ts';
import { confirm, refuseOldBranch, report, type SignFlags, sign, signOptions } from '../approval/sign.ts';
import { targetOf } from '../approval/target.ts';
import { type Clone, type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { signingKey, type UserKey } from '../keys.ts';
import { type Format, outputOption, short } from '../output.ts';
import { Refusal } from '../refusal.ts';
import { findLiving } from '../scopes.ts';

type Flags = CloneFlags & SignFlags & { readonly output: Format; readonly scope: readonly string[] };

type Renewal = { readonly scope: ScopeState; readonly anchor: string; readonly round: number };

export function renewCommand(context: Context): Command {
  const command = new Command('renew')
    .addHelpText('after', examples('fairlead renew --scope payments'))
    .description('approves what is accepted once more: with a quorum, every open approval is void')
    .requiredOption('--scope <scope...>', 'which')
    .addOption(outputOption());
  return cloneOptions(signOptions(command)).action(async (flags: Flags) =>
    context.finish(await renew(context, flags)),
  );
}

async function renew(context: Context, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.main));
  const target = await targetOf(clone, 'HEAD', 'commit');
  const head = target.commit;
  const key = await signingKey(context, clone.folder);
  const renewals: Renewal[] = [];
  for (const name of flags.scope)
    renewals.push(await renewalOf(clone, state, head, findLiving(state, name), key));
  const scopes = renewals.map(({ scope }) => scope);
  await refuseOldBranch(clone, scopes, target);
  const title = scopes.map(({ path, seq }) => `${path} seq ${seq + 1}`).join(', ');
  await confirm(context, flags, `Renew ${title}? Every open approval will have to be given again.`);
  const lines = renewals.map(({ scope: { uid, seq, accepted }, round }) =>
    formatApproval({ uid, seq: seq + 1, base: accepted.digest, next: accepted.digest, round }),
  );
  const signed = await sign(context, clone, flags, { title: `Renew ${title}`, lines }, target);
  const facts = renewals.map(({ scope: { path, uid, seq, accepted }, anchor, round }) => {
    return { scope: path, uid, anchor, seq: seq + 1, base: accepted.digest, next: accepted.digest, round };
  });
  const done = facts.map(({ anchor, scope, seq }) => `${anchor} renewed ${scope} as seq ${seq}`);
  const say = (after: ScopeState) => outlookOf(scopes, after);
  await report(context, clone, flags, { kind: 'Approval', signed, scopes: facts, lines: done, say });
  return exit.ok;
}

async function renewalOf(
  clone: Clone,
  { tip }: LineState,
  head: string,
  scope: ScopeState,
  key: UserKey,
): Promise<Renewal> {
  const { path, hold, policy, accepted } = scope;
  if (hold !== null)
    throw new Refusal(hold.rule, `${path} is held: take the change back or approve it, then renew`);
  const anchor = anchorOf(policy.anchors, key);
  if (anchor === null) {
    const { rule, reason } = notAnAnchor(policy.anchors, key);
    throw new Refusal(rule, `${path}: ${reason}`);
  }
  const seq = scope.seq + 1;
  const said = await saidAbout(clone, scope, policy.anchors, [tip, head]);
  const live = liveApprovals(said, seq).find(
    (each) => each.anchor === anchor && each.statement.next === accepted.digest,
  );
  if (live !== undefined)
    throw new Refusal('signed', `${path}: ${anchor} has signed this already at ${short(live.commit)}`);
  return { scope, anchor, round: withdrawnUpTo(said, anchor, seq) + 1 };
}

function outlookOf(before: readonly ScopeState[], { uid, seq, path, policy }: ScopeState): string {
  const old = before.find((scope) => scope.uid === uid);
  if (old !== undefined && seq > old.seq) return 'with it the quorum is complete: git push';
  const rest = policy.anchors.length > 1 ? 'the others renew too' : 'renew again';
  return `${path} stays at seq ${seq} until ${rest}: git push`;
}
