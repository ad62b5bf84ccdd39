import { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { shortName } from '../proxy/find.ts';
import { duration } from '../served/freshness.ts';
import { readProxies, readRepositories, type Proxy as ServedProxy } from '../served/read.ts';
import { serverOption } from '../server-client.ts';

type Flags = { readonly output: Format; readonly server: string };

/** What the table reads of `ProxyList`; the rest is printed as it came. */
type Proxy = Pick<ServedProxy, 'fullyAcked'> & {
  readonly proxy: string;
  readonly revision: string;
  readonly types: readonly {
    readonly typeUrl: string;
    readonly state: string;
    readonly resources: number;
    readonly unansweredSinceMs?: number | null;
  }[];
  readonly rejected: readonly {
    readonly name: string;
    readonly message: string;
    readonly sources: readonly { readonly file: string; readonly line: number; readonly column: number }[];
  }[];
};

const COLUMNS = {
  CDS: 'cluster.v3.Cluster',
  EDS: 'ClusterLoadAssignment',
  LDS: 'v3.Listener',
  RDS: 'RouteConfiguration',
};

export function proxyStatusCommand(context: Context): Command {
  const command = new Command('proxy-status')
    .addHelpText('after', examples('fairlead proxy-status', 'fairlead proxy-status -o json'))
    .description('which proxies are connected and what they acknowledged; 1 if one refused something')
    .addOption(outputOption());
  return serverOption(command, context).action(async (flags: Flags) =>
    context.finish(await proxyStatus(context, flags)),
  );
}

async function proxyStatus(context: Context, { output, server }: Flags): Promise<number> {
  const proxies = (await readProxies(server)) as readonly Proxy[];
  const push = await lastPush(server, proxies);
  print(context, output, { apiVersion: API_VERSION, kind: 'ProxyStatus', ...{ push, proxies } }, () =>
    proxyText(proxies, push),
  );
  return proxies.some(({ rejected }) => rejected.length > 0) ? exit.findings : exit.ok;
}

/** The last that is known to have been made, of whatever repository; 0: none. */
async function lastPush(server: string, proxies: readonly Proxy[]): Promise<number> {
  const made = (await readRepositories(server)).map(({ timeline }) => timeline?.push ?? 0);
  return Math.max(0, ...made, ...proxies.map(({ fullyAcked }) => fullyAcked?.push ?? 0));
}

/** How long ago a proxy had acknowledged all of a push, and by how many it is behind. */
function freshCells({ fullyAcked }: Pick<Proxy, 'fullyAcked'>, push: number): readonly string[] {
  if (fullyAcked === null) return ['never', '-'];
  const behind = push - fullyAcked.push;
  return [`${duration(Math.max(0, Date.now() - fullyAcked.atMs))} ago`, behind === 0 ? '-' : String(behind)];
}

function proxyText(proxies: readonly Proxy[], push: number): string {
  const rows = proxies.map(({ proxy, revision, types, ...rest }) => [
    shortName(proxy),
    short(revision),
    ...freshCells(rest, push),
    ...Object.values(COLUMNS).map((end) => types.find(({ typeUrl }) => typeUrl.endsWith(end))?.state ?? '-'),
  ]);
  const refusals = proxies.flatMap(({ proxy, rejected }) =>
    rejected.map(({ name, message, sources }) => {
      const places = sources.map(({ file, line, column }) => `${file}:${line}:${column}`).join(' ');
      return `\n${wrap(`${proxy} refused ${name}: ${message} ${places}`, '  ')}\n`;
    }),
  );
  const silent = proxies.flatMap((each) => unansweredText(each) ?? []);
  return (
    table(['PROXY', 'REVISION', 'ACKED', 'BEHIND', ...Object.keys(COLUMNS)], rows) +
    [...refusals, ...silent].join('')
  );
}

/** What a proxy has not answered, and since when the oldest of it: null where it owes nothing. */
function unansweredText({ proxy, types }: Proxy): string | null {
  const owed = types.flatMap(({ typeUrl, unansweredSinceMs: sinceMs }) => {
    return typeof sinceMs !== 'number' ? [] : [{ type: typeUrl.split('.').at(-1), sinceMs }];
  });
  if (owed.length === 0) return null;
  const since = new Date(Math.min(...owed.map(({ sinceMs }) => sinceMs))).toISOString();
  const names = owed.map(({ type }) => type).join(', ');
  return `\n${wrap(`${proxy} has not acknowledged since ${since}: ${names}`, '  ')}\n`;
}
