import { Argument, Command, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { Decision } from '../../mesh/index.ts';
import { originBehind } from '../../translate/index.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { readSource, type SourceFlags, sourceOptions } from '../offline/source.ts';
import { API_VERSION, type Format, outputOption, print, several, short, wrap } from '../output.ts';
import { fetchDump, readDump } from '../proxy/dump.ts';
import { serverEvidence, serverOrigin } from '../proxy/evidence.ts';
import { fetchConfig, placeOf } from '../proxy/find.ts';
import {
  describeProxy,
  type ProxyFlags,
  proxyOptions,
  snapshotResources,
  translateFor,
} from '../proxy/offline.ts';
import { type Request, readRequest } from '../proxy/request.ts';
import { type Place, type ProxyResource, provenanceOf } from '../proxy/resource.ts';
import { type Step, type Trace, trace } from '../proxy/trace.ts';
import { serverOption } from '../server-client.ts';

type Flags = SourceFlags &
  ProxyFlags & {
    readonly output: Format;
    readonly server: string;
    readonly offline?: true;
    readonly dump?: string;
    readonly admin?: string;
    readonly method: string;
    readonly header: readonly string[];
  };

export function whyCommand(context: Context): Command {
  const command = new Command('why')
    .description('what a proxy does with a request, and the file, line, commit, seq and signers behind it')
    .addArgument(new Argument('<proxy>', 'name.namespace, its beginning, or a node id'))
    .addArgument(new Argument('<host|url>', 'what is asked for: api.shop:8080, http://api.shop/cart'))
    .addOption(new Option('-X, --method <method>', 'of the request').default('GET'))
    .addOption(
      new Option('-H, --header <header>', "of the request: 'name: value'; may be repeated")
        .argParser(several)
        .default([], 'none'),
    )
    .addOption(new Option('--offline', 'ask the clone, and not a server'))
    .addOption(new Option('--dump <file>', "ask an Envoy's /config_dump; - is standard input"))
    .addOption(new Option('--admin <address>', "ask a running Envoy's admin interface"));
  return serverOption(sourceOptions(proxyOptions(command)), context)
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'fairlead why web-1.shop http://api.shop/cart',
        'fairlead why web-1.shop api.shop --offline',
        "fairlead why web-1.shop api.shop -f k8s/ -H 'x-canary: yes'",
        'fairlead why web-1 tcp://db.shop:5432 --admin 127.0.0.1:15000',
      ),
    )
    .action(async (proxy: string, url: string, flags: Flags) =>
      context.finish(await why(context, proxy, url, flags)),
    );
}

async function why(context: Context, wanted: string, url: string, flags: Flags): Promise<number> {
  const request = readRequest(url, flags.method.toUpperCase(), flags.header);
  const { proxy, resources, ruleOf, evidenceOf } = await read(context, wanted, flags);
  const found = trace(resources, request);
  const steps = await Promise.all(
    (found?.steps ?? []).map(async (step) => {
      const { what, says, resource } = step;
      const rule = await ruleOf(step);
      const sources = [...(rule === null ? placesOf(step) : [rule]), ...changesOf(step)].map(placeOf);
      return { what, says, state: resource.state, message: resource.message, sources };
    }),
  );
  const scopes = new Set(steps.flatMap(({ sources }) => sources).map(({ scope }) => scope));
  const evidence = await evidenceOf([...scopes].filter((scope) => scope !== ''));
  const outcome = found?.outcome ?? { does: 'nothing' as const, message: NOTHING };
  const asked = { method: request.method, url: written(request) };
  const document = {
    apiVersion: API_VERSION,
    kind: 'Why',
    ...{ proxy, request: asked, outcome, steps, evidence },
  };
  print(context, flags.output, document, () => text(proxy, request, { steps, outcome }, evidence));
  return outcome.does === 'nothing' || outcome.does === 'refuse' ? exit.findings : exit.ok;
}

const NOTHING = 'nothing that the proxy was sent is for it: it is answered 404, or passes on as it is';

type Read = {
  readonly proxy: string;
  readonly resources: readonly ProxyResource[];
  /** The line of the rule behind a route; null where only that of its manifest is known. */
  readonly ruleOf: (step: Step) => Promise<Place | null>;
  readonly evidenceOf: (scopes: readonly string[]) => Promise<readonly Decision[]>;
};

async function read(context: Context, wanted: string, flags: Flags): Promise<Read> {
  const { dump, admin, offline, filename, server } = flags;
  if ([dump, admin, offline ?? filename].filter((one) => one !== undefined).length > 1)
    throw new Failure('sources-clash', 'an Envoy and manifests cannot both be asked', 'give one of them');
  if (dump !== undefined || admin !== undefined) {
    const { resources } =
      admin === undefined ? await readDump(dump ?? '-', context.stdin) : await fetchDump(admin);
    return { proxy: wanted, resources, ruleOf: async () => null, evidenceOf: async () => [] };
  }
  if (offline || filename !== undefined) {
    const source = await readSource(context, flags);
    const proxy = describeProxy(source, wanted, flags);
    const resources = snapshotResources(translateFor(source, proxy));
    const evidenceOf = async (scopes: readonly string[]) => {
      return source.evidence.filter(({ scope }) => scopes.includes(scope));
    };
    const ruleOf = async ({ rule }: Step) => (rule === null ? null : originBehind(rule));
    return { proxy: proxy.id, resources, ruleOf, evidenceOf };
  }
  const found = await fetchConfig(server, wanted);
  const ruleOf = (step: Step) => serverOrigin(server, found.proxy, step);
  return { ...found, ruleOf, evidenceOf: (scopes) => serverEvidence(server, scopes) };
}

/** What says in Envoy's own words what a resource is to be in the end; of a route table, with its hosts. */
function changesOf({ what, resource }: Step): readonly Place[] {
  if (what === 'route' || what === 'endpoints') return [];
  return resource.sources.filter(({ document }) => document.startsWith('EnvoyFilter/'));
}

/** Where the part of a resource that decides is written; of an Envoy's own, the document alone. */
function placesOf({ part, resource, what }: Step): readonly Place[] {
  const own = provenanceOf(part);
  if (own !== null) {
    const known = resource.sources.filter(({ document }) => document === own.document);
    return known.length > 0 ? known : [{ ...own, file: '', line: 0, column: 0 }];
  }
  return what === 'endpoints'
    ? resource.sources.filter(({ document }) => !document.startsWith('Service/'))
    : [];
}

const INDENT = ' '.repeat(12);

type Told = {
  readonly steps: readonly {
    readonly what: string;
    readonly says: string;
    readonly state: string;
    readonly message: string | null;
    readonly sources: readonly Place[];
  }[];
  readonly outcome: Trace['outcome'] | { readonly does: 'nothing'; readonly message: string };
};

function text(proxy: string, request: Request, told: Told, evidence: readonly Decision[]): string {
  const head = `${request.method} ${written(request)} at ${proxy.split('~')[2] ?? proxy}`;
  const steps = told.steps.flatMap(({ what, says, state, message, sources }) => {
    const wrong = message === null ? [] : [`${INDENT}${state}: ${message}`];
    const places = sources.slice(0, MAX_PLACES).map((place) => `${INDENT}${placeText(place)}`);
    return [wrap(`  ${what.padEnd(9)} ${says}`, INDENT), ...places, ...wrong];
  });
  const { outcome } = told;
  const end = 'message' in outcome ? [wrap(`  end       ${outcome.message}`, INDENT)] : [];
  const scopes = evidence.map(({ scope, seq, commit, signers }) => {
    const who = signers.length === 0 ? 'the genesis, which needs nobody' : `signed by ${signers.join(', ')}`;
    return wrap(`  decided   ${scope}: seq ${seq} at ${short(commit)}, ${who}`, INDENT);
  });
  return `${[head, ...steps, ...end, ...scopes].join('\n')}\n`;
}

/** As many as anybody reads. */
const MAX_PLACES = 5;

function placeText({ file, line, document, scope }: Place): string {
  return file === '' ? `${document} of ${scope}` : `${file}:${line} (${document} of ${scope})`;
}

function written({ scheme, authority, path }: Request): string {
  return `${scheme}://${authority}${scheme === 'tcp' ? '' : path}`;
}
