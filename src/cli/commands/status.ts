import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { type GatewayApiStatus, gatewayApiText } from '../gateway-api-text.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { conditionOf, staleness } from '../served/freshness.ts';
import { createLooks } from '../served/looks.ts';
import { type Repository, readRepositories, readScopes, type Scope as ServedScope } from '../served/read.ts';
import { happenings, repositoryRows, scopeRows } from '../served/rows.ts';
import { serverOption } from '../server-client.ts';
import { validText } from '../valid-text.ts';
import { type View, watch } from '../watch.ts';

type Flags = { readonly output: Format; readonly server: string; readonly watch?: boolean };

type Scope = ServedScope & {
  /** Absent: the server is an older one. */
  readonly gatewayApi?: readonly GatewayApiStatus[];
};

type Served = { readonly repositories: readonly Repository[]; readonly scopes: readonly Scope[] };

export function statusCommand(context: Context): Command {
  const lines = ['fairlead status --server http://127.0.0.1:15014', 'fairlead status --watch'];
  const command = new Command('status')
    .addHelpText('after', examples(...lines))
    .description('what a running server serves, how fresh it is, and what is held')
    .option('-w, --watch', 'show it again whenever it changes, until Ctrl-C')
    .addOption(outputOption());
  return serverOption(command, context).action(async (flags: Flags) =>
    context.finish(await status(context, flags)),
  );
}

/** How fresh it is grows older all the time: so often it is told. */
const LOOKS = { everyMs: 1_000, atLeastMs: 5_000 };

async function status(context: Context, { output, server, watch: again }: Flags): Promise<number> {
  const look = async () => viewOf(await readServed(server), output);
  if (again === true) return watch(context, output, { look, worthALook: createLooks(server, LOOKS) });
  const served = await readServed(server);
  const { document, text } = viewOf(served, output);
  print(context, output, document, () => text);
  if (served.scopes.some(({ hold }) => hold !== null)) return exit.refused;
  const isReady = (one: Repository) => conditionOf(one, 'Ready').status === 'True';
  return served.repositories.every(isReady) ? exit.ok : exit.findings;
}

async function readServed(server: string): Promise<Served> {
  return { repositories: await readRepositories(server), scopes: await readScopes(server) };
}

function viewOf({ repositories, scopes }: Served, output: Format): View {
  const width = output === 'wide' ? 'wide' : 'table';
  const tables = [repositoryRows(repositories, width), scopeRows(scopes, repositories, width)];
  const holds = scopes.flatMap(({ path, hold }) =>
    hold === null ? [] : [wrap(`${path} is held (${hold.rule}): ${hold.reason}`, '  ')],
  );
  const routes = gatewayApiText(scopes.flatMap(({ gatewayApi = [] }) => gatewayApi));
  const parts = [...tables.map(({ head, rows }) => table(head, rows)), ...(routes === null ? [] : [routes])];
  const stopped = [
    ...repositories.flatMap(({ name, conditions }) => stopText(name, conditions)),
    ...scopes.flatMap(({ path, conditions = [] }) => stopText(path, conditions)),
  ];
  const notes = [...repositories.flatMap(troubles), ...stopped, ...holds, ...scopes.flatMap(validText)];
  return {
    document: { apiVersion: API_VERSION, kind: 'Status', ...{ repositories, scopes } },
    text: [...parts, ...(notes.length === 0 ? [] : [`${notes.join('\n')}\n`])].join('\n'),
    rows: [...tables.flatMap(happenings), ...notes],
  };
}

type Stop = { readonly type: string; readonly message: string };

/** What somebody has stopped, and what other replicas say or cannot say: never things that go without saying. */
function stopText(name: string, conditions: readonly Stop[]): readonly string[] {
  return conditions.flatMap(({ type, message }) =>
    type === 'Suspended' || type === 'Witnessed' ? [wrap(`${name}: ${message}`, '  ')] : [],
  );
}

/** Where to look, of conditions of a repository that nothing else here explains. */
const FIXES: Readonly<Record<string, string>> = {
  Translated: 'see docs/runbooks/TranslationFailing.md',
  Distributed: 'fairlead proxy-status says what',
};

/** What keeps a repository from going on. What was accepted is served all the same. */
function troubles({
  name,
  failure,
  refused,
  conditions,
  webhookFault = null,
}: Repository): readonly string[] {
  const lines: string[] = [];
  if (failure !== null) {
    const since = new Date(failure.sinceMs).toISOString();
    lines.push(
      `${name}: ${failure.stage} fails since ${since}: ${failure.message} [${failure.code}]; ${failure.fix}`,
    );
  }
  if (refused !== null)
    lines.push(`${name}: the tip ${short(refused.tip)} is refused (${refused.rule}): ${refused.reason}`);
  const stale = staleness(conditions);
  if (stale !== null) lines.push(`${name}: ${stale}`);
  for (const { type, status, message } of conditions) {
    const fix = status === 'False' ? FIXES[type] : undefined;
    if (fix !== undefined) lines.push(`${name}: ${message}; ${fix}`);
  }
  if (webhookFault !== null) {
    const { message, code, fix } = webhookFault;
    lines.push(`${name}: no webhook can be believed: ${message} [${code}]; ${fix}`);
  }
  return lines.map((line) => wrap(line, '  '));
}
