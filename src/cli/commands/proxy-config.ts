import { Argument, Command, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print } from '../output.ts';
import { type Dump, fetchDump, readDump } from '../proxy/dump.ts';
import { fetchConfig } from '../proxy/find.ts';
import { KINDS, type Kind, type ProxyResource } from '../proxy/resource.ts';
import { tablesOf } from '../proxy/tables.ts';
import { type Filters, views } from '../proxy/views.ts';
import { serverOption } from '../server-client.ts';

type Flags = Filters & {
  readonly output: Format;
  readonly server: string;
  readonly file?: string;
  readonly admin?: string;
};

export function proxyConfigCommand(context: Context): Command {
  const command = new Command('proxy-config')
    .alias('pc')
    .description('what a proxy was sent, and where each line of it is written')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);
  for (const kind of KINDS) command.addCommand(kindCommand(context, kind));
  const all = base(context, 'all', 'everything that a proxy was sent').alias('a');
  for (const [name, help] of Object.entries(COMMON)) all.option(`--${name} <${name}>`, help);
  command.addCommand(
    all.action(async (proxy: string | undefined, flags: Flags, self: Command) =>
      context.finish(await show(context, KINDS, need(self, proxy, flags), flags)),
    ),
  );
  return command.addCommand(
    base(context, 'bootstrap', "an Envoy's own bootstrap, as JSON or YAML")
      .alias('b')
      .action(async (_: string | undefined, flags: Flags) => context.finish(await bootstrap(context, flags))),
  );
}

/** Filters that several kinds have; a kind without one is shown whole. */
const COMMON = {
  fqdn: 'part of a host',
  port: 'of a service, a listener or an endpoint',
  subset: 'of a cluster',
  direction: 'of a cluster: inbound or outbound',
  address: 'of a listener or an endpoint',
  type: 'of a listener: HTTP or TCP',
  name: 'of a route table',
};

const EXAMPLES = examples(
  'fairlead proxy-config cluster web-1.shop --fqdn api.shop',
  'fairlead pc route web-1 -o wide',
  'fairlead pc all --admin 127.0.0.1:15000',
  "curl -s '127.0.0.1:15000/config_dump?include_eds' | fairlead pc l --file -",
);

function kindCommand(context: Context, kind: Kind): Command {
  const { what, aliases, filters } = views[kind];
  const command = base(context, kind, `${what} of a proxy`).aliases(aliases);
  for (const [name, help] of Object.entries(filters)) command.option(`--${name} <${name}>`, help);
  return command.action(async (proxy: string | undefined, flags: Flags, self: Command) =>
    context.finish(await show(context, [kind], need(self, proxy, flags), flags)),
  );
}

/** The proxy's name, which an Envoy that is asked itself does not need. */
function need(command: Command, proxy: string | undefined, { file, admin }: Flags): string {
  if (proxy !== undefined || file !== undefined || admin !== undefined) return proxy ?? '';
  return command.error('error: name a proxy as `fairlead proxy-status` does, or give --file or --admin');
}

function base(context: Context, name: string, description: string): Command {
  const command = new Command(name)
    .description(description)
    .addArgument(new Argument('[proxy]', 'name.namespace, its beginning, or a node id'))
    .addOption(new Option('-f, --file <file>', "an Envoy's /config_dump; - is standard input"))
    .addOption(new Option('--admin <address>', "ask a running Envoy's admin interface").conflicts('file'))
    .addOption(outputOption());
  return serverOption(command, context);
}

async function show(context: Context, kinds: readonly Kind[], wanted: string, flags: Flags): Promise<number> {
  const { proxy, resources } = await read(context, wanted, flags);
  const shown = resources.filter((resource) => {
    return kinds.includes(resource.kind) && views[resource.kind].rows(resource, flags).length > 0;
  });
  const isFiltered = Object.keys(COMMON).some((name) => flags[name] !== undefined);
  const items = kinds.length === KINDS.length && !isFiltered ? resources : shown;
  const document = { apiVersion: API_VERSION, kind: 'ProxyConfig', ...{ proxy, items } };
  print(context, flags.output, document, () => tablesOf(kinds, shown, flags, flags.output));
  return items.some(({ state }) => state === 'ERROR') ? exit.findings : exit.ok;
}

type Found = { readonly proxy: string | null; readonly resources: readonly ProxyResource[] };

async function read(context: Context, wanted: string, flags: Flags): Promise<Found> {
  const dump = await readEnvoy(context, flags);
  return dump === null ? fetchConfig(flags.server, wanted) : { proxy: null, resources: dump.resources };
}

async function readEnvoy({ stdin }: Context, { file, admin }: Flags): Promise<Dump | null> {
  if (admin !== undefined) return fetchDump(admin);
  return file === undefined ? null : readDump(file, stdin);
}

async function bootstrap(context: Context, flags: Flags): Promise<number> {
  const dump = await readEnvoy(context, flags);
  if (dump === null) {
    const fix = 'ask the Envoy itself with --admin or --file; `fairlead bootstrap` makes one';
    throw new Failure('bootstrap-unknown', 'a server does not know the bootstrap of its proxies', fix);
  }
  if (dump.bootstrap === null) {
    throw new Failure('dump-unreadable', 'the dump holds no bootstrap', 'dump without a mask');
  }
  const document = { apiVersion: API_VERSION, kind: 'ProxyBootstrap', bootstrap: dump.bootstrap };
  print(context, flags.output, document, () => JSON.stringify(dump.bootstrap, null, 2));
  return exit.ok;
}
