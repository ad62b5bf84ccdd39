import { Command, InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import { bootstrap, parseProxy } from '../../translate/index.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { integer } from '../output.ts';

type Flags = {
  readonly type: 'sidecar' | 'router';
  readonly capture?: 'ports' | 'redirect';
  readonly name: string;
  readonly namespace: string;
  readonly ip: string;
  readonly label: Readonly<Record<string, string>>;
  readonly serviceAccount?: string;
  readonly node?: string;
  readonly xds: { readonly host: string; readonly port: number };
  readonly admin: number;
  readonly stats: number | false;
  readonly httpProxy: number;
  readonly services: 'ads' | 'per-type';
  readonly protocol: 'delta' | 'sotw';
  readonly credentials?: string;
};

const DEFAULT_XDS = '127.0.0.1:15010';

export function bootstrapCommand(context: Context): Command {
  return new Command('bootstrap')
    .addHelpText(
      'after',
      examples('fairlead bootstrap --namespace demo --name web --ip 10.0.0.7 > envoy.json'),
    )
    .description("prints Envoy's bootstrap as JSON: envoy -c <(fairlead bootstrap --namespace demo)")
    .addOption(new Option('--type <type>', 'of the proxy').choices(['sidecar', 'router']).default('sidecar'))
    .addOption(
      new Option(
        '--capture <mode>',
        'how traffic gets into a sidecar (default: ports; redirect: by iptables)',
      ).choices(['ports', 'redirect']),
    )
    .option('--name <name>', 'of the workload', 'sidecar')
    .requiredOption('--namespace <namespace>', 'of the workload')
    .option('--ip <addresses>', 'of the workload, with commas between them', '127.0.0.1')
    .addOption(
      new Option('--label <name=value>', 'of the workload; may be repeated')
        .argParser(label)
        .default({}, 'none'),
    )
    .option('--service-account <name>', 'of the workload')
    .option('--node <name>', 'of Kubernetes that the workload runs on')
    .addOption(
      new Option('--xds <host:port>', 'where `fairlead serve` listens for proxies')
        .argParser(address)
        .default(address(DEFAULT_XDS), DEFAULT_XDS),
    )
    .addOption(
      new Option('--services <how>', 'all types on one stream (ads), or each on its own')
        .choices(['ads', 'per-type'])
        .default('ads'),
    )
    .addOption(
      new Option('--protocol <variant>', 'of xDS: delta, or state of the world')
        .choices(['delta', 'sotw'])
        .default('delta'),
    )
    .option('--credentials <folder>', 'of the proxy: secrets of gateways, at <namespace>/<name>')
    .option('--admin <port>', "of Envoy's admin interface", integer, 15000)
    .option('--stats <port>', 'of the statistics', integer, 15090)
    .option('--no-stats', 'without the statistics')
    .option('--http-proxy <port>', 'that applications use as their HTTP proxy', integer, 15080)
    .action((flags: Flags) => context.finish(printBootstrap(context, flags)));
}

function printBootstrap(context: Context, flags: Flags): number {
  const { name, namespace, serviceAccount, node, xds } = flags;
  const [ip = '', ...others] = flags.ip.split(',');
  const nodeId = `${flags.type}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`;
  const metadata = {
    NAMESPACE: namespace,
    WORKLOAD_NAME: name,
    LABELS: flags.label,
    ...(others.length > 0 ? { INSTANCE_IPS: flags.ip } : {}),
    ...(serviceAccount === undefined ? {} : { SERVICE_ACCOUNT: serviceAccount }),
    ...(node === undefined ? {} : { NODE_NAME: node }),
    ...fairleadOf(flags),
  };
  const parsed = parseProxy(nodeId, metadata);
  if (!parsed.ok)
    throw new Failure(
      'node-malformed',
      parsed.reason,
      'correct --type, --capture, --name, --namespace, --ip or --credentials',
    );
  const ports = { adminPort: flags.admin, statsPort: flags.stats === false ? null : flags.stats };
  const where = { xdsHost: xds.host, xdsPort: xds.port, xds: parsed.proxy.xds };
  const document = bootstrap({ nodeId, metadata, ...where, ...ports });
  context.terminal.out(`${JSON.stringify(document, null, 2)}\n`);
  return exit.ok;
}

/** A gateway captures nothing, unless it is told to, which it is then refused. What is the default is not said. */
function fairleadOf({ type, capture, httpProxy, services, protocol, credentials }: Flags): object {
  const mode = capture ?? (type === 'sidecar' ? 'ports' : undefined);
  const said = {
    ...(mode === undefined ? {} : { capture: mode }),
    ...(mode === 'ports' ? { httpProxyPort: httpProxy } : {}),
    ...(services === 'ads' ? {} : { services }),
    ...(protocol === 'delta' ? {} : { protocol }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  return Object.keys(said).length === 0 ? {} : { FAIRLEAD: said };
}

function label(text: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('write name=value');
  return { ...before, [name]: value };
}

function address(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(?:\[?([^\]]+)\]?):([0-9]{1,5})$/.exec(text) ?? [];
  if (host === undefined || port === undefined) throw new InvalidArgumentError('write host:port');
  return { host, port: Number(port) };
}
