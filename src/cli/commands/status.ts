import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { type GatewayApiStatus, gatewayApiText } from '../gateway-api-text.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { readItems, serverOption } from '../server-client.ts';
import { type ScopeValidity, validText } from '../valid-text.ts';

type Flags = { readonly output: Format; readonly server: string };

/** What the table reads of `RepositoryList` and `ScopeList`; the rest is printed as it came. */
type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};
type Repository = {
  readonly name: string;
  readonly followedTip: string | null;
  readonly fetch: { readonly ageMs: number | null };
  readonly conditions: readonly Condition[];
  readonly failure: {
    readonly stage: string;
    readonly code: string;
    readonly message: string;
    readonly fix: string;
    readonly sinceMs: number;
  } | null;
  readonly refused: { readonly tip: string; readonly rule: string; readonly reason: string } | null;
};
type Scope = ScopeValidity & {
  readonly seq: number;
  readonly sync: string;
  readonly health: string;
  readonly hold: { readonly rule: string; readonly reason: string } | null;
  /** Absent: the server is an older one. */
  readonly gatewayApi?: readonly GatewayApiStatus[];
};

export function statusCommand(context: Context): Command {
  const command = new Command('status')
    .addHelpText('after', examples('fairlead status --server http://127.0.0.1:15014'))
    .description('what a running server serves, how fresh it is, and what is held')
    .addOption(outputOption());
  return serverOption(command).action(async (flags: Flags) => context.finish(await status(context, flags)));
}

async function status(context: Context, { output, server }: Flags): Promise<number> {
  const repositories = (await readItems(server, 'api/v1/repositories')) as readonly Repository[];
  const scopes = (await readItems(server, 'api/v1/scopes')) as readonly Scope[];
  print(context, output, { apiVersion: API_VERSION, kind: 'Status', ...{ repositories, scopes } }, () =>
    statusText(repositories, scopes),
  );
  if (scopes.some(({ hold }) => hold !== null)) return exit.refused;
  return repositories.every((repository) => ready(repository)?.status === 'True') ? exit.ok : exit.findings;
}

function statusText(repositories: readonly Repository[], scopes: readonly Scope[]): string {
  const rows = repositories.map((repository) => [
    repository.name,
    short(repository.followedTip),
    freshness(repository.fetch.ageMs),
    ready(repository)?.reason ?? '-',
  ]);
  const lines = scopes.map(({ path, seq, sync, health }) => [path, String(seq), sync, health]);
  const holds = scopes.flatMap(({ path, hold }) =>
    hold === null ? [] : [wrap(`${path} is held (${hold.rule}): ${hold.reason}`, '  ')],
  );
  const parts = [
    table(['REPOSITORY', 'TIP', 'VERIFIED', 'READY'], rows),
    table(['SCOPE', 'SEQ', 'SYNC', 'HEALTH'], lines),
    gatewayApiText(scopes.flatMap(({ gatewayApi = [] }) => gatewayApi)),
  ].filter((part) => part !== null);
  const notes = [...repositories.flatMap(troubles), ...holds, ...scopes.flatMap(validText)];
  return [...parts, ...(notes.length === 0 ? [] : [`${notes.join('\n')}\n`])].join('\n');
}

/** What keeps a repository from going on. What was accepted is served all the same. */
function troubles({ name, failure, refused }: Repository): readonly string[] {
  const lines: string[] = [];
  if (failure !== null) {
    const since = new Date(failure.sinceMs).toISOString();
    lines.push(
      `${name}: ${failure.stage} fails since ${since}: ${failure.message} [${failure.code}]; ${failure.fix}`,
    );
  }
  if (refused !== null)
    lines.push(`${name}: the tip ${short(refused.tip)} is refused (${refused.rule}): ${refused.reason}`);
  return lines.map((line) => wrap(line, '  '));
}

function ready({ conditions }: Repository): Condition | undefined {
  return conditions.find(({ type }) => type === 'Ready');
}

function freshness(ageMs: number | null): string {
  return ageMs === null ? 'never' : `${Math.round(ageMs / 1000)} s ago`;
}
