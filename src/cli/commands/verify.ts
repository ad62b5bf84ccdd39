import { Command, Option } from 'commander';
import {
  follow,
  formatVerification,
  type LineageEntry,
  type LineState,
  type ScopeState,
  verification,
} from '../../governance/index.ts';
import {
  type Clone,
  type CloneFlags,
  cloneOptions,
  judge,
  mainTip,
  openClone,
  resolveRef,
} from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { Refusal } from '../refusal.ts';
import { unblock } from '../unblock.ts';
import { type Outlook, type Prospect, wouldAccept } from '../would-accept.ts';

type Flags = CloneFlags & {
  readonly output: Format;
  readonly tip?: string;
  readonly since?: string;
  readonly wouldAccept?: string;
};

export function verifyCommand(context: Context): Command {
  const lines = [
    'fairlead verify',
    'fairlead verify --tip v1.2 -o json | cmp - answer-of-the-server.json',
    'fairlead verify --since HEAD~5',
    'fairlead verify --would-accept canary',
  ];
  const command = new Command('verify')
    .addHelpText('after', examples(...lines))
    .description('judges every commit from the pinned genesis to a tip, offline; 3 if a scope is held')
    .option('--tip <ref>', 'branch, tag or commit (default: origin/main, main or HEAD)')
    .option('--since <ref>', 'only what has happened after this tip, which the line must not have dropped')
    .addOption(
      new Option('--would-accept <ref>', 'what merging this would come to; 3 if it would be held').conflicts(
        'since',
      ),
    )
    .addOption(outputOption());
  return cloneOptions(command).action(async (flags: Flags) => context.finish(await verify(context, flags)));
}

async function verify(context: Context, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  if (flags.wouldAccept !== undefined) return foresee(context, clone, state, flags.wouldAccept, flags.output);
  if (flags.since !== undefined) return showSince(context, clone, state, flags.since, flags.output);
  // The very bytes of a server's answer: two machines can be compared with `cmp`.
  if (flags.output === 'json') context.terminal.out(formatVerification(state));
  else {
    const document = { apiVersion: API_VERSION, kind: 'Verification', ...verification(state) };
    print(context, flags.output, document, () => verificationTable(state));
  }
  return anyHeld(state) ? exit.refused : exit.ok;
}

function anyHeld({ scopes }: LineState): boolean {
  return [...scopes.values()].some(({ hold }) => hold !== null);
}

function verificationTable(state: LineState): string {
  const scopes = [...state.scopes.values()];
  const rows = scopes.map((scope) => [
    scope.path,
    String(scope.seq),
    scope.hold !== null ? 'Held' : scope.status === 'Live' ? 'Accepted' : scope.status,
    short(scope.accepted.commit),
    signers(scope),
  ]);
  const head = `genesis ${short(state.pin.commit)}, tip ${short(state.tip)}, ${state.index} commits judged\n\n`;
  const holds = scopes.flatMap(holdLines);
  return head + table(['SCOPE', 'SEQ', 'STATE', 'SERVES', 'SIGNED BY'], rows) + holds.join('');
}

function signers({ lineage }: ScopeState): string {
  const entry = lineage.findLast(({ event }) => event === 'accepted' || event === 'genesis');
  if (entry?.event === 'genesis') return '(the pin)';
  return [...new Set(entry?.votes.map(({ anchor }) => anchor))].join(', ') || '-';
}

function holdLines(scope: ScopeState): readonly string[] {
  const { hold, path } = scope;
  if (hold === null) return [];
  const fix = unblock(scope);
  const head = `${path} is held at ${short(hold.commit)} (${hold.rule})`;
  return [
    `\n${head}\n${wrap(`  ${hold.reason}`, '  ')}\n`,
    ...(fix === null ? [] : [`  fix: ${fix.command}\n`]),
  ];
}

/** What somebody who had seen `since` has missed. A line that dropped it is refused, as a server refuses it (G9). */
async function showSince(
  context: Context,
  clone: Clone,
  state: LineState,
  since: string,
  format: Format,
): Promise<number> {
  const last = await resolveRef(clone, since);
  const before = await judge(clone, last);
  const followed = await follow(clone.line, clone.backend, last, state.tip);
  if (followed.outcome === 'refused') throw new Refusal(followed.rule, followed.reason);
  if (followed.outcome === 'stale')
    throw new Refusal('G9', `${short(state.tip)} is older than ${short(last)}: git fetch`);
  const scopes = [...state.scopes.values()].map(({ path, uid, seq, hold, lineage }) => {
    const known = before.scopes.get(uid);
    const entries = lineage.slice(known?.lineage.length ?? 0);
    return { path, uid, from: known?.seq ?? null, to: seq, held: hold !== null, entries };
  });
  const facts = { genesis: state.pin.commit, since: last, tip: state.tip, scopes };
  print(context, format, { apiVersion: API_VERSION, kind: 'Changes', ...facts }, () => {
    const head = `since ${short(last)}, tip ${short(state.tip)}: ${state.index - before.index} commits judged\n`;
    const rows = scopes.flatMap(({ path, entries }) => entries.map((entry) => sinceRow(path, entry)));
    return rows.length === 0
      ? `${head}\nno scope has changed\n`
      : `${head}\n${table(['SCOPE', 'SEQ', 'EVENT', 'CLASS', 'AT', 'SIGNED BY'], rows)}`;
  });
  return anyHeld(state) ? exit.refused : exit.ok;
}

function sinceRow(path: string, entry: LineageEntry): readonly string[] {
  const signed = [...new Set(entry.votes.map(({ anchor }) => anchor))].join(', ') || '-';
  return [path, String(entry.seq), entry.event, entry.class ?? '-', short(entry.commit), signed];
}

async function foresee(
  context: Context,
  clone: Clone,
  state: LineState,
  ref: string,
  format: Format,
): Promise<number> {
  const branch = await resolveRef(clone, ref);
  const outlook = await wouldAccept(clone, state, branch);
  const accepted = outlook.prospects.every(({ verdict }) => verdict === 'accepted' || verdict === 'clean');
  const facts = { base: state.tip, branch, accepted, ...outlook };
  print(context, format, { apiVersion: API_VERSION, kind: 'Outlook', ...facts }, () =>
    outlookText(ref, outlook),
  );
  return accepted ? exit.ok : exit.refused;
}

function outlookText(ref: string, { prospects, unfinished, heldAnyway }: Outlook): string {
  const lines = prospects.map((prospect) => prospectText(ref, prospect));
  if (prospects.length === 0) lines.push(`merging ${ref} changes no scope\n`);
  for (const { scope, anchor, commit } of unfinished)
    lines.push(
      `${wrap(`warning: ${short(commit)}, signed by ${anchor}, shows ${scope} in another state: where one signature is enough, moving main to it makes that a change of its own (statements: Required prevents it)`, '  ')}\n`,
    );
  for (const scope of heldAnyway) lines.push(`note: ${scope} is held, with or without it\n`);
  return lines.join('');
}

function prospectText(ref: string, prospect: Prospect): string {
  const { scope, verdict, seq, rule, reason, missing, class: mutation } = prospect;
  const what = `${mutation ?? 'no change'} to seq ${seq}`;
  if (verdict === 'accepted') return `${scope}: ${what} would be accepted, ${reason}\n`;
  if (verdict === 'clean') return `${scope}: would stay at seq ${seq}\n`;
  if (verdict === 'update') return `${wrap(`${scope}: ${reason}`, '  ')}\n  fix: git merge origin/main\n`;
  const fix = `git switch ${ref} && fairlead approve --scope ${scope}`;
  const advice = missing.length === 0 ? '' : `  fix: ${fix}\n`;
  return `${wrap(`${scope}: ${what} would be held (${rule}): ${reason}`, '  ')}\n${advice}`;
}
