import { Command } from 'commander';
import { formatVerification, type LineState, type ScopeState, verification } from '../../governance/index.ts';
import { cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { unblock } from '../unblock.ts';

type Flags = {
  readonly output: Format;
  readonly tip?: string;
  readonly repository?: string;
  readonly pin?: string;
};

export function verifyCommand(context: Context): Command {
  const command = new Command('verify')
    .addHelpText(
      'after',
      examples('fairlead verify', 'fairlead verify --tip v1.2 -o json | cmp - answer-of-the-server.json'),
    )
    .description('judges every commit from the pinned genesis to a tip, offline; 3 if a scope is held')
    .option('--tip <ref>', 'branch, tag or commit (default: origin/main, main or HEAD)')
    .addOption(outputOption());
  return cloneOptions(command).action(async (flags: Flags) => context.finish(await verify(context, flags)));
}

async function verify(context: Context, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  // The very bytes of a server's answer: two machines can be compared with `cmp`.
  if (flags.output === 'json') context.terminal.out(formatVerification(state));
  else {
    const document = { apiVersion: API_VERSION, kind: 'Verification', ...verification(state) };
    print(context, flags.output, document, () => verificationTable(state));
  }
  return [...state.scopes.values()].some(({ hold }) => hold !== null) ? exit.refused : exit.ok;
}

function verificationTable(state: LineState): string {
  const scopes = [...state.scopes.values()];
  const rows = scopes.map((scope) => [
    scope.path,
    String(scope.seq),
    scope.hold === null ? 'Accepted' : 'Held',
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
