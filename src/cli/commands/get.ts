import { Argument, Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, table } from '../output.ts';
import { findProxy } from '../proxy/find.ts';
import { readProxies, readRepositories, readScopes } from '../served/read.ts';
import { proxyRows, type Rows, repositoryRows, scopeRows, type Width } from '../served/rows.ts';
import { findTarget } from '../served/target.ts';
import { serverOption } from '../server-client.ts';

type Flags = { readonly output: Format; readonly server: string };

/** What was asked for, and how it looks. */
type Got = { readonly items: readonly object[]; readonly rows: (width: Width) => Rows };

type Sort = {
  readonly kind: string;
  readonly placeholder: string;
  readonly description: string;
  readonly get: (server: string, name: string | undefined) => Promise<Got>;
};

/** The second of anything is one entry here. */
const sorts: Readonly<Record<string, Sort>> = {
  repositories: {
    kind: 'Repository',
    placeholder: '[repository]',
    description: 'followed, and how far',
    async get(server, name) {
      const all = await readRepositories(server);
      const items = name === undefined ? all : [findTarget(all, [], name).repository];
      return { items, rows: (width) => repositoryRows(items, width) };
    },
  },
  scopes: {
    kind: 'Scope',
    placeholder: '[scope]',
    description: 'served, and how well',
    async get(server, name) {
      const [repositories, all] = [await readRepositories(server), await readScopes(server)];
      const items = name === undefined ? all : findTarget(repositories, all, name, 'scope').scopes;
      return { items, rows: (width) => scopeRows(items, repositories, width) };
    },
  },
  proxies: {
    kind: 'Proxy',
    placeholder: '[proxy]',
    description: 'connected, and up to what',
    async get(server, name) {
      const all = await readProxies(server);
      const ids = all.map(({ proxy }) => proxy);
      const id = name === undefined ? null : findProxy(ids, name);
      const items = id === null ? all : all.filter(({ proxy }) => proxy === id);
      return { items, rows: (width) => proxyRows(items, Date.now(), width) };
    },
  },
};

export function getCommand(context: Context): Command {
  const lines = ['fairlead get scopes -o wide', 'fairlead get proxies -o json'];
  const command = new Command('get')
    .description('lists the repositories, scopes or proxies of a running server')
    .addHelpText('after', examples(...lines));
  for (const [word, sort] of Object.entries(sorts)) {
    const inner = new Command(word)
      .alias(sort.kind.toLowerCase())
      .description(sort.description)
      .addArgument(new Argument(sort.placeholder, 'only this one'))
      .addOption(outputOption());
    serverOption(inner, context).action(async (name: string | undefined, flags: Flags) =>
      context.finish(await get(context, sort, name, flags)),
    );
    command.addCommand(inner);
  }
  return command;
}

async function get(
  context: Context,
  { kind, get: read }: Sort,
  name: string | undefined,
  { output, server }: Flags,
): Promise<number> {
  const { items, rows } = await read(server, name);
  const list = { apiVersion: API_VERSION, kind: `${kind}List`, items };
  const document = name === undefined ? list : { apiVersion: API_VERSION, kind, ...items[0] };
  print(context, output, document, () => {
    const { head, rows: cells } = rows(output === 'wide' ? 'wide' : 'table');
    return table(head, cells);
  });
  return exit.ok;
}
