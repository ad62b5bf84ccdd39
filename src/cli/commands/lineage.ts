import { Argument, Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { Hold, LineageEntry, LineState, ScopeState } from '../../governance/index.ts';
import { type Clone, type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { findScope } from '../scopes.ts';

type Flags = CloneFlags & { readonly output: Format; readonly tip?: string; readonly rejected?: boolean };

export function lineageCommand(context: Context): Command {
  const lines = ['fairlead lineage acme.payments', 'fairlead lineage --rejected -o json'];
  const command = new Command('lineage')
    .addHelpText('after', examples(...lines))
    .description('who signed what: one line per commit at which a scope changed, was held or lifted')
    .addArgument(new Argument('[scope]', 'dotted path (acme.payments), its last segment, or uid'))
    .option('--tip <ref>', 'branch, tag or commit (default: origin/main, main or HEAD)')
    .option('--rejected', 'what was held instead, and the commits that were no votes; of every scope')
    .addOption(outputOption());
  return cloneOptions(command).action(async (scope: string | undefined, flags: Flags) =>
    context.finish(await lineage(context, scope, flags)),
  );
}

async function lineage(context: Context, wanted: string | undefined, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  const scope = wanted === undefined ? null : findScope(state, wanted);
  if (flags.rejected === true) return showRejected(context, clone, state, scope, flags.output);
  if (scope === null) {
    const known = [...state.scopes.values()].map(({ path }) => path).join(', ');
    throw new Failure('scope-missing', 'whose lineage?', `name one of: ${known}; or ask for --rejected`);
  }
  const { path, uid, lineage: entries } = scope;
  const ancestry = ancestryOf(state, scope);
  const document = { apiVersion: API_VERSION, kind: 'Lineage', scope: path, uid, entries, ancestry };
  print(context, flags.output, document, () => lineageText(scope, ancestry));
  return exit.ok;
}

/** A scope that another one came from, or went to. */
type Relative = {
  readonly scope: string;
  readonly uid: string;
  readonly relation: 'predecessor' | 'successor';
  readonly entries: readonly LineageEntry[];
};

/** Both directions: through splits, merges and renames down to the genesis, and on to whoever has it now. */
function ancestryOf(state: LineState, scope: ScopeState): readonly Relative[] {
  const found = new Map<string, Relative>();
  for (const relation of ['predecessor', 'successor'] as const) {
    const pending = [...scope[`${relation}s`]];
    for (let uid = pending.shift(); uid !== undefined; uid = pending.shift()) {
      const other = state.scopes.get(uid);
      if (other === undefined || uid === scope.uid || found.has(uid)) continue;
      found.set(uid, { scope: other.path, uid, relation, entries: other.lineage });
      pending.push(...other[`${relation}s`]);
    }
  }
  return [...found.values()];
}

function lineageText(scope: ScopeState, ancestry: readonly Relative[]): string {
  const head = ['SEQ', 'EVENT', 'CLASS', 'AT', 'SIGNED BY (COMMIT)'];
  const parts = [table(head, scope.lineage.map(row))];
  for (const { relation, scope: path, entries } of ancestry) {
    const how = relation === 'predecessor' ? 'before, it was part of' : 'its files or name went to';
    parts.push(`${how} ${path}\n${table(head, entries.map(row))}`);
  }
  return parts.join('\n');
}

function row(entry: LineageEntry): readonly string[] {
  const { seq, event, commit } = entry;
  const what = entry.movedTo === null ? (entry.class ?? '-') : `${entry.class} to ${entry.movedTo}`;
  return [String(seq), event, what, short(commit), whoSigned(entry)];
}

function whoSigned({ event, votes, withdrawals }: LineageEntry): string {
  if (event === 'genesis') return '(the pin)';
  const signed = votes.map(({ anchor, commit }) => `${anchor} ${short(commit)}`);
  const withdrawn = withdrawals.map(({ anchor, commit }) => `${anchor} withdrew ${short(commit)}`);
  const all = [...new Set([...signed, ...withdrawn])];
  return all.length === 0 ? 'nobody' : all.join(', ');
}

/** A verdict against a main-line commit, for one scope. */
type Rejection = {
  readonly scope: string;
  readonly uid: string;
  readonly seq: number;
  readonly class: string | null;
  readonly commit: string;
  readonly rule: string;
  readonly reason: string;
  readonly refused: Hold['refused'];
  readonly competing: LineageEntry['competing'];
};

async function showRejected(
  context: Context,
  clone: Clone,
  state: LineState,
  scope: ScopeState | null,
  format: Format,
): Promise<number> {
  const scopes = scope === null ? [...state.scopes.values()] : [scope];
  const rejections = await rejectedOf(clone, state, scopes);
  const facts = { tip: state.tip, rejections };
  print(context, format, { apiVersion: API_VERSION, kind: 'Rejections', ...facts }, () =>
    rejections.length === 0 ? 'nothing was ever held\n' : rejections.map(rejectionText).join(''),
  );
  return exit.ok;
}

/** In line order. A hold in the lineage has its reason; which commits were no votes is said by the state of then. */
async function rejectedOf(
  clone: Clone,
  { tip }: LineState,
  scopes: readonly ScopeState[],
): Promise<readonly Rejection[]> {
  const chain = (await clone.line.chain(tip, new Set([clone.pin.commit]))) ?? [];
  const holds = scopes.flatMap(({ path, uid, lineage }) =>
    lineage.filter(({ event }) => event === 'held').map((entry) => ({ path, uid, entry })),
  );
  const byCommit = Map.groupBy(holds, ({ entry }) => entry.commit);
  const found: Rejection[] = [];
  for (const commit of [...chain].reverse()) {
    const here = byCommit.get(commit) ?? [];
    const then = here.length === 0 ? null : await judge(clone, commit);
    for (const { path, uid, entry } of here) {
      const { seq, class: mutation, rule, reason, competing } = entry;
      const refused = then?.scopes.get(uid)?.hold?.refused ?? [];
      const verdict = { rule: rule ?? '', reason: reason ?? '' };
      found.push({ scope: path, uid, seq, class: mutation, commit, ...verdict, refused, competing });
    }
  }
  return found;
}

function rejectionText(rejection: Rejection): string {
  const { scope, seq, class: mutation, commit, rule, reason, refused, competing } = rejection;
  const head = `${short(commit)} ${scope}: ${mutation ?? 'unreadable'} to seq ${seq} held (${rule}): ${reason}`;
  const lines = refused.map(
    (each) => `no vote: ${each.anchor ?? 'nobody'} at ${short(each.commit)} (${each.rule}): ${each.reason}`,
  );
  const double = competing.map(
    (each) => `${each.anchor} signed another mutation ${seq - 1} at ${short(each.commit)} (G20)`,
  );
  return [wrap(head, '  '), ...[...lines, ...double].map((line) => wrap(`  ${line}`, '    '))]
    .map((line) => `${line}\n`)
    .join('');
}
