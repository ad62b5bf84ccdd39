import { Argument, Command } from 'commander';
import type { LineageEntry, LineState, ScopeState } from '../../governance/index.ts';
import { type Clone, cloneOptions, judge, mainTip, openClone, resolveRef } from '../clone.ts';
import type { Context } from '../context.ts';
import { type Dropped, droppedFrom } from '../dropped.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { openVotes } from '../open-votes.ts';
import { API_VERSION, type Format, outputOption, print, short, wrap } from '../output.ts';
import { findScope, findScopeIfAny } from '../scopes.ts';
import { type Unblock, unblock } from '../unblock.ts';
import { saidAnew, type VoidWords, voidWords } from '../void-words.ts';

type Flags = {
  readonly output: Format;
  readonly tip?: string;
  readonly repository?: string;
  readonly pin?: string;
};

export function explainCommand(context: Context): Command {
  const command = new Command('explain')
    .addHelpText('after', examples('fairlead explain payments', 'fairlead explain HEAD~1'))
    .description('the verdict on a scope or a commit, who can unblock it, and the one command; 3 if held')
    .addArgument(new Argument('<scope|commit>', 'a scope as in lineage, or a branch, tag or commit'))
    .option('--tip <ref>', 'branch, tag or commit (default: origin/main, main or HEAD)')
    .addOption(outputOption());
  return cloneOptions(command).action(async (what: string, flags: Flags) =>
    context.finish(await explain(context, what, flags)),
  );
}

async function explain(context: Context, what: string, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  const scope = findScopeIfAny(state, what);
  return scope === null
    ? explainCommit(context, clone, state, what, flags)
    : explainScope(context, clone, state, scope, flags);
}

async function explainScope(
  context: Context,
  clone: Clone,
  state: LineState,
  scope: ScopeState,
  flags: Flags,
): Promise<number> {
  const { path, uid, seq, accepted, landed, hold, unclean } = scope;
  const open = await openVotes(clone, scope, state.tip);
  const dropped = await droppedFrom(clone, state, scope);
  const fix = mergeOf(dropped) ?? unblock(scope);
  const facts = { accepted, landed, firstUnclean: unclean?.commit ?? null, hold, unblock: fix, dropped };
  const about = { scope: path, uid, seq, status: scope.status, state: hold === null ? 'Accepted' : 'Held' };
  const document = { apiVersion: API_VERSION, kind: 'Explanation', ...about, ...facts, ...open };
  print(context, flags.output, document, () => scopeText(scope, fix, dropped) + openText(scope, open));
  return hold === null ? exit.ok : exit.refused;
}

/** What is not about the hold, and may surprise: where plain commits stopped to count, and who has signed what else. */
function openText({ hold, unclean, seq, path }: ScopeState, { live, late }: Open): string {
  const others = live.filter(({ next }) => next !== hold?.candidate?.next);
  const lines = [
    ...(unclean === null || unclean.commit === hold?.since
      ? []
      : [
          `unclean   ${short(unclean.commit)} was the first that was not the accepted state: plain signed commits on top of it do not count (I4), fairlead approve does`,
        ]),
    ...others.map(
      ({ anchor, commit, next }) =>
        `open      ${anchor} at ${short(commit)} for ${short(next)}, as seq ${seq + 1}: it counts if that lands (fairlead withdraw, or fairlead renew --scope ${path}, ends it)`,
    ),
    ...late.map(
      ({ anchor, commit, seq, by }) =>
        `late      ${anchor} at ${short(commit)} for seq ${seq}. Another mutation was accepted first (at ${short(by)}), sign again`,
    ),
  ];
  return lines.map((line) => `${wrap(`  ${line}`, '            ')}\n`).join('');
}

/** A merge of the branch brings in the signatures that a squash or rebase left out: nobody has to sign again. */
function mergeOf(dropped: Dropped | null): Unblock | null {
  if (dropped?.mergeable !== true) return null;
  const who = ['whoever may push'];
  const why = 'on the main branch, then git push: the signatures come in with it';
  return { who, command: `git merge --no-ff ${dropped.branch}`, why };
}

function droppedText({ branch, signatures }: Dropped): string {
  const names = [...new Set(signatures.map(({ anchor }) => anchor))].join(', ');
  const count = signatures.length === 1 ? '1 signature' : `${signatures.length} signatures`;
  return wrap(`  dropped   ${count} (${names}): on ${branch}, which has the same content`, '            ');
}

function scopeText(scope: ScopeState, fix: Unblock | null, dropped: Dropped | null): string {
  const { path, seq, accepted, hold } = scope;
  const serves = `  serves    seq ${seq}, accepted at ${short(accepted.commit)}\n`;
  if (scope.status === 'Tombstone')
    return `${path} is gone since ${short(scope.epoch.commit)}: fairlead resolve ${path} says what became of it\n`;
  if (hold === null && scope.status === 'Withdrawn')
    return `${path} is withdrawn by its parent: it is judged as ever, and nothing of it is served\n`;
  if (hold === null) return `${path} is accepted: the main line has what is served\n${serves}`;
  const lines = [
    `${path} is held at ${short(hold.commit)}, since ${short(hold.since)}`,
    wrap(`  rule      ${hold.rule}: ${hold.reason}`, '            '),
    serves.trimEnd(),
    `  landed    seq ${seq + 1}, class ${hold.candidate?.class ?? 'none'}`,
    ...new Set(
      hold.votes.map(({ anchor, commit, form }) => `  signed    ${anchor} at ${short(commit)} (${form})`),
    ),
    ...hold.refused.map(({ commit, anchor, rule, reason }) =>
      wrap(`  no vote   ${anchor ?? 'nobody'} at ${short(commit)} (${rule}): ${reason}`, '            '),
    ),
    ...(dropped === null ? [] : [droppedText(dropped)]),
    ...(fix === null
      ? []
      : [`  who       ${fix.who.join(', ')}`, `  fix       ${fix.command}`, `            ${fix.why}`]),
  ];
  return `${lines.join('\n')}\n`;
}

type Open = Awaited<ReturnType<typeof openVotes>>;

type Mention = { readonly scope: string; readonly role: string; readonly at: LineageEntry };

async function explainCommit(
  context: Context,
  clone: Clone,
  state: LineState,
  what: string,
  flags: Flags,
): Promise<number> {
  const commit = await resolveRef(clone, what).catch(() => null);
  if (commit === null) findScope(state, what);
  const id = commit ?? what;
  const mentions = [...state.scopes.values()].flatMap((scope) => mentionsOf(scope, id));
  const read = await clone.backend.commit(id);
  const words = voidWords(read, state);
  const fix = words.length === 0 ? null : saidAnew(read, words);
  const entries = mentions.map(({ scope, role, at }) => ({ scope, role, entry: at }));
  const facts = { commit: id, mentions: entries, void: words, fix };
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'Explanation', ...facts }, () => {
    const said = mentions.map((mention) => mentionText(id, mention));
    const nothing = `${short(id)}: neither a vote, nor a main-line commit at which a scope changed`;
    return `${[...(said.length === 0 ? [nothing] : said), ...voidText(id, words, fix)].join('\n')}\n`;
  });
  return mentions.some(({ role, at }) => role === 'landed' && at.event === 'held') ? exit.refused : exit.ok;
}

function mentionsOf(scope: ScopeState, commit: string): readonly Mention[] {
  return scope.lineage.flatMap((at) => {
    const landed = at.commit === commit ? [{ scope: scope.path, role: 'landed', at }] : [];
    const votes = at.votes.filter((vote) => vote.commit === commit);
    return [...landed, ...votes.map(({ anchor }) => ({ scope: scope.path, role: `vote of ${anchor}`, at }))];
  });
}

/** Words that their author took for an approval, and nobody counts. */
function voidText(id: string, words: readonly VoidWords[], fix: string | null): readonly string[] {
  if (fix === null) return [];
  const lines = words.map(({ scope, uid, form, reason }) => {
    const about = scope ?? (uid === null ? 'any scope' : `the uid ${short(uid)}`);
    return wrap(`${short(id)} has ${WORDS[form]} that say nothing about ${about}: ${reason}`, '  ');
  });
  return [
    ...new Set(lines),
    `  fix       ${fix}`,
    '            it writes the words as they have to be, and signs them',
  ];
}

const WORDS = { explicit: 'words', detached: 'words in a token' } as const;

function mentionText(id: string, { scope, role, at }: Mention): string {
  const verdict = at.reason === null ? '' : ` (${at.rule}): ${at.reason}`;
  return wrap(
    `${short(id)} ${role}: ${scope} seq ${at.seq} ${at.event} at ${short(at.commit)}${verdict}`,
    '  ',
  ).trimStart();
}
