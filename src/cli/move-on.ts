import { relative, resolve } from 'node:path';
import { type LineageEntry, type LineState, lostBy } from '../governance/index.ts';
import { type CloneFlags, findGitdir, judgeAlone, openClone, pinPath, resolveRef } from './clone.ts';
import type { Context } from './context.ts';
import { exit } from './exit.ts';
import { type FollowedFlags, followedTip } from './followed.ts';
import { API_VERSION, type Format, print, short, table, wrap } from './output.ts';
import { writePin } from './pin-file.ts';

export type MoveOnFlags = CloneFlags &
  FollowedFlags & { readonly output: Format; readonly tip: string; readonly acceptLoss?: boolean };

/** What an entry of a lineage is lost with: another line does not have it, or not there. */
type Lost = ReturnType<typeof lostBy>;

/**
 * `trust --tip`: from here on a line has to have this tip (G9, G20). Safe where every scope keeps its lineage; else it
 * names what would be lost, and does it only when told to.
 */
export async function moveOn(context: Context, flags: MoveOnFlags): Promise<number> {
  const clone = await openClone(context, flags);
  const tip = await resolveRef(clone, flags.tip);
  const followed = await followedTip(clone, flags);
  const before = followed === null ? null : await judgeAlone(clone, followed);
  const after = await judgeAlone(clone, tip);
  const lost = before === null ? [] : lostBy(before, after);
  const trusted = lost.length === 0 || flags.acceptLoss === true;
  const facts = { followed, tip, safe: lost.length === 0, trusted, lost };
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'TrustedTip', ...facts }, () =>
    trustedText(before, after, lost),
  );
  if (!trusted) return exit.refused;
  const { gitdir } = await findGitdir(resolve(context.cwd, flags.repository ?? '.'));
  const file = flags.pin === undefined ? pinPath(gitdir) : resolve(context.cwd, flags.pin);
  await writePin(file, { ...clone.pin, tip });
  context.terminal.say(
    `the pin is in ${relative(context.cwd, file) || file}; a server reads it when it starts`,
  );
  return exit.ok;
}

function trustedText(before: LineState | null, after: LineState, lost: Lost): string {
  const head = `tip      ${after.tip}\n`;
  if (before === null)
    return `${head}nothing is known to have been followed: compare it with what others serve (--followed, --server)\n`;
  if (lost.length === 0)
    return `${head}safe: every scope keeps the lineage that it had at ${short(before.tip)}\n`;
  const rows = lost.flatMap(({ path, entries }) => entries.map((entry) => lostRow(path, entry)));
  const what = table(['SCOPE', 'SEQ', 'EVENT', 'CLASS', 'AT', 'SIGNED BY'], rows);
  const advice =
    'instead: fairlead line repair keeps all of it; to give it up for good, and only after asking those who signed: --accept-loss';
  return `${head}not safe: of what was followed at ${short(before.tip)} this would be lost\n\n${what}\n${wrap(advice, '  ')}\n`;
}

function lostRow(
  path: string,
  { seq, event, class: mutation, commit, votes }: LineageEntry,
): readonly string[] {
  const signed = [...new Set(votes.map(({ anchor }) => anchor))].join(', ') || '-';
  return [path, String(seq), event, mutation ?? '-', short(commit), signed];
}
