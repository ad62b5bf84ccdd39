import { Command, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import { formatProblem } from '../../base/problem.ts';
import type { Mesh } from '../../mesh/index.ts';
import { type Snapshot, staticBootstrap } from '../../translate/index.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { readSource, type SourceFlags, sourceOptions } from '../offline/source.ts';
import { API_VERSION, type Format, outputOption, print } from '../output.ts';
import {
  describeProxy,
  type ProxyFlags,
  proxyOptions,
  snapshotResources,
  translateFor,
} from '../proxy/offline.ts';
import { SENT } from '../proxy/resource.ts';
import { tablesOf } from '../proxy/tables.ts';

type Flags = SourceFlags &
  ProxyFlags & { readonly output: Format; readonly proxy?: string; readonly bootstrap?: true };

export function translateCommand(context: Context): Command {
  const command = new Command('translate')
    .description('what a proxy would hear of manifests: offline, as tables or xDS')
    .option('--proxy <proxy>', 'name.namespace, or a node id (default: one of the only namespace)');
  return sourceOptions(proxyOptions(command))
    .addOption(new Option('--bootstrap', 'print what `envoy --mode validate -c` reads').conflicts('output'))
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'fairlead translate -f k8s/ --proxy web-1.shop',
        'fairlead translate --proxy web-1.shop -o json',
        'fairlead translate -f k8s/ --bootstrap > envoy.json',
        'envoy --mode validate -c envoy.json',
      ),
    )
    .action(async (flags: Flags) => context.finish(await translateAll(context, flags)));
}

async function translateAll(context: Context, flags: Flags): Promise<number> {
  const read = await readSource(context, flags);
  const proxy = describeProxy(read, flags.proxy ?? onlyProxy(read.mesh), flags);
  const snapshot = translateFor(read, proxy);
  const errors = read.problems.filter(({ severity }) => severity === 'error');
  for (const problem of errors) context.terminal.say(formatProblem(problem));
  for (const { address, reason } of snapshot.skipped)
    context.terminal.say(`nothing listens at ${address}: ${reason}`);
  if (flags.bootstrap) context.terminal.out(`${JSON.stringify(staticBootstrap(snapshot), null, 2)}\n`);
  else printSnapshot(context, flags, proxy.id, snapshot);
  return errors.length > 0 ? exit.findings : exit.ok;
}

function printSnapshot(context: Context, { output }: Flags, proxy: string, snapshot: Snapshot): void {
  const resources = snapshotResources(snapshot);
  const byKind = SENT.map((kind) => {
    const own = resources.filter((one) => one.kind === kind);
    return [`${kind}s`, own.map(({ resource }) => resource)] as const;
  });
  const document = { apiVersion: API_VERSION, kind: 'Translation', proxy, ...Object.fromEntries(byKind) };
  print(context, output, document, () => tablesOf(SENT, resources, {}, output));
}

function onlyProxy({ services }: Mesh): string {
  const namespaces = [...new Set(services.map(({ namespace }) => namespace))];
  const [only] = namespaces;
  if (only !== undefined && namespaces.length === 1) return `proxy.${only}`;
  const message = `there are ${namespaces.length} namespaces with services`;
  const some = namespaces.slice(0, 5).map((name) => `--proxy proxy.${name}`);
  throw new Failure(
    'proxy-missing',
    message,
    some.length === 0 ? 'name a proxy: --proxy web.shop' : some.join(' or '),
  );
}
