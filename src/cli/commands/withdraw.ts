import { Command } from 'commander';
import type { LineState, ScopeState } from '../../governance/index.ts';
import { formatWithdrawal } from '../../votes/index.ts';
import { anchorOf, notAnAnchor } from '../approval/choose.ts';
import { approvedUpTo, saidAbout, withdrawnUpTo } from '../approval/said.ts';
import { confirm, report, type SignFlags, sign, signOptions } from '../approval/sign.ts';
import { targetOf } from '../approval/target.ts';
import { type Clone, type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { signingKey, type UserKey } from '../keys.ts';
import { type Format, outputOption } from '../output.ts';
import { Refusal } from '../refusal.ts';
import { findLiving } from '../scopes.ts';

type Flags = CloneFlags & SignFlags & { readonly output: Format; readonly scope?: readonly string[] };

type Retraction = {
  readonly scope: ScopeState;
  readonly anchor: string;
  readonly seq: number;
  readonly round: number;
};

export function withdrawCommand(context: Context): Command {
  const command = new Command('withdraw')
    .addHelpText('after', examples('fairlead withdraw', 'fairlead withdraw --scope payments --yes'))
    .description('takes back your approvals of what is not accepted yet, with an empty signed commit')
    .option('--scope <scope...>', 'only these, spoken about or not (default: where your approval is open)')
    .addOption(outputOption());
  return cloneOptions(signOptions(command)).action(async (flags: Flags) =>
    context.finish(await withdraw(context, flags)),
  );
}

async function withdraw(context: Context, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.main));
  const target = await targetOf(clone, 'HEAD', 'commit');
  const key = await signingKey(context, clone.folder);
  const retractions = await choose(clone, state, target.commit, key, flags.scope);
  const title = retractions.map(({ scope, seq }) => `${scope.path} seq ${seq}`).join(', ');
  await confirm(context, flags, `Withdraw your approval of ${title}?`);
  const lines = retractions.map(({ scope: { uid }, seq, round }) => formatWithdrawal({ uid, seq, round }));
  const signed = await sign(context, clone, flags, { title: `Withdraw ${title}`, lines }, target);
  const scopes = retractions.map(({ scope: { path, uid }, anchor, seq, round }) => {
    return { scope: path, uid, anchor, seq, round };
  });
  const done = scopes.map(({ anchor, scope, seq }) => `${anchor} withdrew from ${scope} seq ${seq}`);
  await report(context, clone, flags, { kind: 'Withdrawal', signed, scopes, lines: done, say: outlookOf });
  return exit.ok;
}

async function choose(
  clone: Clone,
  state: LineState,
  head: string,
  key: UserKey,
  names: readonly string[] | undefined,
): Promise<readonly Retraction[]> {
  const asked = names?.map((name) => findLiving(state, name));
  const found: Retraction[] = [];
  for (const scope of asked ?? state.scopes.values()) {
    if (scope.status === 'Tombstone') continue;
    const { policy, path } = scope;
    // A recovery set speaks too, and so it can take its words back.
    const anchors = [...policy.anchors, ...(policy.recovery?.anchors ?? [])];
    const anchor = anchorOf(anchors, key);
    if (anchor === null) {
      const { rule, reason } = notAnAnchor(anchors, key);
      if (asked !== undefined) throw new Refusal(rule, `${path}: ${reason}`);
      continue;
    }
    const said = await saidAbout(clone, scope, anchors, [state.tip, head]);
    const seq = scope.seq + 1;
    const approved = Math.max(approvedUpTo(said, anchor, seq), isPlainVoter(scope, anchor) ? 0 : -1);
    const withdrawn = withdrawnUpTo(said, anchor, seq);
    const round = Math.max(0, approved, withdrawn);
    if (approved > withdrawn || asked !== undefined) found.push({ scope, anchor, seq, round });
  }
  if (found.length > 0) return found;
  const reason = `no approval by your key ${key.fingerprint} is open here; --scope fences what other branches hold`;
  throw new Refusal('unsaid', reason);
}

/** Whether a plain signed commit of an anchor has been counted for what is not accepted yet. */
function isPlainVoter({ lineage }: ScopeState, anchor: string): boolean {
  const since = lineage.findLastIndex(({ event }) => event === 'accepted' || event === 'genesis') + 1;
  return lineage.slice(since).some(({ votes }) => votes.some((vote) => vote.anchor === anchor));
}

function outlookOf({ hold }: ScopeState): string {
  return hold === null ? 'it counts from here on: git push' : `held (${hold.rule}): ${hold.reason}; git push`;
}
