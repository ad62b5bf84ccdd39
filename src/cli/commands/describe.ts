import { Argument, Command } from 'commander';
import { formatProblem, type Problem } from '../../base/problem.ts';
import type { Decision } from '../../mesh/index.ts';
import type { Context } from '../context.ts';
import { describeService, type ServiceDescription, type Written } from '../describe/service.ts';
import { describeWorkload, type WorkloadDescription } from '../describe/workload.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { readSource, type SourceFlags, sourceOptions } from '../offline/source.ts';
import { API_VERSION, type Format, outputOption, print, short, wrap } from '../output.ts';

type Flags = SourceFlags & { readonly output: Format };

export function describeCommand(context: Context): Command {
  const service = sourceOptions(new Command('service').alias('svc'))
    .description('its ports, endpoints, subsets, routes and gateways, and what is wrong with them')
    .addArgument(new Argument('<service>', 'name, name.namespace, or host'))
    .addOption(outputOption())
    .action(async (wanted: string, flags: Flags) => {
      const source = await readSource(context, flags);
      const found = describeService(source, wanted);
      show(context, flags, 'ServiceDescription', found, () => serviceText(found, source.evidence));
    });
  const workload = sourceOptions(new Command('workload').alias('pod'))
    .description('its labels, and the services, subsets and gateways that it is part of')
    .addArgument(new Argument('<workload>', 'name, or name.namespace'))
    .addOption(outputOption())
    .action(async (wanted: string, flags: Flags) => {
      const source = await readSource(context, flags);
      const found = describeWorkload(source, wanted);
      show(context, flags, 'WorkloadDescription', found, () => workloadText(found, source.evidence));
    });
  return new Command('describe')
    .description('what the manifests make of a service or a workload; 1 if something is wrong with it')
    .helpCommand(false)
    .addCommand(service)
    .addCommand(workload)
    .addHelpText(
      'after',
      examples(
        'fairlead describe service reviews.shop',
        'fairlead describe service reviews -f k8s/ -o yaml',
        'fairlead describe workload web-1.shop',
      ),
    );
}

type Described = ServiceDescription | WorkloadDescription;

function show(context: Context, { output }: Flags, kind: string, found: Described, text: () => string): void {
  print(context, output, { apiVersion: API_VERSION, kind, ...found }, text);
  const isBroken = found.problems.some(({ severity }) => severity === 'error');
  context.finish(isBroken ? exit.findings : exit.ok);
}

function serviceText(found: ServiceDescription, evidence: readonly Decision[]): string {
  const { host, namespace, ports, endpoints, gateways, problems } = found;
  return linesOf([
    `Service: ${host.split('.')[0]}.${namespace} (${host})`,
    ...decided(found, evidence),
    ...ports.map(({ number, name, protocol }) => `   Port: ${name} ${number}/${protocol}`),
    wrap(`   Endpoints: ${endpoints.length === 0 ? 'none' : endpoints.join(', ')}`, '      '),
    ...destinationLines(found, (own) => own.map(subsetText)),
    ...ruleLines(found),
    ...gateways.flatMap((gateway) => [headText(gateway), `   Hosts: ${gateway.hosts.join(', ')}`]),
    ...problemLines(problems),
  ]);
}

type Subsets = ServiceDescription['subsets'];

/** A paragraph for each DestinationRule. */
function destinationLines(
  { host, subsets, policies }: Pick<ServiceDescription, 'host' | 'subsets' | 'policies'>,
  say: (own: Subsets) => readonly string[],
): readonly string[] {
  const all = [...Map.groupBy([...subsets, ...policies], ({ document }) => document).values()];
  return all.flatMap((written) => [
    ...written.slice(0, 1).map((one) => `${headText(one)} for "${host}"`),
    ...say(subsets.filter((subset) => written.includes(subset))),
    policies.some((policy) => written.includes(policy)) ? '   Traffic policy: yes' : '   No traffic policy',
  ]);
}

/** A paragraph for each manifest that routes its requests. */
function ruleLines({ routes }: Pick<ServiceDescription, 'routes'>): readonly string[] {
  return [...Map.groupBy(routes, ({ document }) => document).values()].flatMap((all) => {
    const lines = all.map(({ match, to, port }) => wrap(`   ${port} ${match}: ${to}`, '      '));
    return [...all.slice(0, 1).map(headText), ...new Set(lines)];
  });
}

function subsetText({ name, labels, endpoints }: Subsets[number]): string {
  return `   Subset: ${name} (${labelText(labels)}), ${endpoints} endpoint(s)`;
}

function workloadText(found: WorkloadDescription, evidence: readonly Decision[]): string {
  const { workload, address, labels, locality, services, gateways, problems } = found;
  return linesOf([
    `Workload: ${workload} (${address})`,
    ...decided(found, evidence),
    `   Labels: ${labelText(labels)}`,
    ...(locality === '' ? [] : [`   Locality: ${locality}`]),
    ...services.flatMap((service) => [
      '--------------------',
      headText(service),
      ...service.ports.map(({ number, name, protocol }) => {
        const target = service.targets[String(number)];
        return `   Port: ${name} ${number}/${protocol}${target === undefined ? '' : ` targets ${target}`}`;
      }),
      ...destinationLines(service, (own) => memberLines(own, service.matching)),
      ...ruleLines(service),
    ]),
    ...(services.length > 0 && gateways.length > 0 ? ['--------------------'] : []),
    ...gateways.map(headText),
    ...problemLines(problems),
  ]);
}

/** Of which subsets of one rule a workload is part, and of which not. */
function memberLines(own: Subsets, matching: readonly string[]): readonly string[] {
  if (own.length === 0) return [];
  const [is, others] = [true, false].map((part) =>
    own.filter(({ name }) => matching.includes(name) === part).map(({ name }) => name),
  );
  return [
    is === undefined || is.length === 0
      ? '   Matching subsets: none'
      : `   Matching subsets: ${is.join(', ')}`,
    ...(others === undefined || others.length === 0
      ? []
      : [`      (Non-matching subsets ${others.join(', ')})`]),
  ];
}

function linesOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** `VirtualService: reviews.shop (routes.yaml:3 of acme)`, as istioctl begins a paragraph. */
function headText({ document, file, line, scope }: Written): string {
  const [kind, namespace, name] = document.split('/');
  return `${kind}: ${name}.${namespace} (${file}:${line} of ${scope})`;
}

function decided({ file, line, scope }: Written, evidence: readonly Decision[]): readonly string[] {
  const place = `   Written: ${file}:${line} of ${scope}`;
  const own = evidence.find((one) => one.scope === scope);
  if (own === undefined) return [place];
  const who = own.signers.length === 0 ? 'the genesis' : `signed by ${own.signers.join(', ')}`;
  return [place, `   Decided: seq ${own.seq} at ${short(own.commit)}, ${who}`];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return all.length === 0 ? 'none' : all.join(',');
}

function problemLines(problems: readonly Problem[]): readonly string[] {
  return problems.length === 0
    ? []
    : ['Problems:', ...problems.map((problem) => `   ${formatProblem(problem)}`)];
}
