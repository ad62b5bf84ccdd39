import { type Command, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { Endpoint, Endpoints, Mesh } from '../../mesh/index.ts';
import {
  type Proxy,
  parseProxy,
  type Snapshot,
  type SnapshotResource,
  translate,
} from '../../translate/index.ts';
import { several } from '../output.ts';
import { shortName } from './find.ts';
import { kindOf, type ProxyResource } from './resource.ts';

export type ProxyFlags = {
  readonly type?: 'sidecar' | 'router';
  readonly capture?: 'ports' | 'redirect';
  readonly label?: readonly string[];
};

/** What a proxy that is not connected would say about itself. */
export function proxyOptions(command: Command): Command {
  return command
    .addOption(new Option('--type <type>', 'of the proxy (default: sidecar)').choices(['sidecar', 'router']))
    .addOption(new Option('--capture <mode>', 'of a sidecar (default: ports)').choices(['ports', 'redirect']))
    .addOption(
      new Option(
        '--label <name=value>',
        'of the workload; may be repeated (default: as its manifest)',
      ).argParser(several),
    );
}

type World = { readonly mesh: Mesh; readonly endpoints: Endpoints };

/**
 * The proxy that `wanted` means: a whole node id, or `name.namespace`. It has the labels, node and locality of the endpoint
 * that a manifest of its name makes, and in the latter case its address. Throws Failure node-malformed.
 */
export function describeProxy({ endpoints }: World, wanted: string, flags: ProxyFlags): Proxy {
  const { type = 'sidecar' } = flags;
  const short = shortName(wanted);
  const dot = short.lastIndexOf('.');
  const [name, namespace] = [short.slice(0, dot), short.slice(dot + 1)];
  const own = endpointOf(endpoints, name, namespace);
  const id = wanted.includes('~')
    ? wanted
    : `${type}~${own?.address ?? '127.0.0.1'}~${wanted}~${namespace}.svc.cluster.local`;
  const labels =
    flags.label === undefined ? (own?.labels ?? {}) : Object.fromEntries(flags.label.map(labelOf));
  const node = typeof own?.node === 'string' ? { NODE_NAME: own.node } : {};
  const capture = flags.capture === undefined ? {} : { FAIRLEAD: { capture: flags.capture } };
  const parsed = parseProxy(id, { LABELS: labels, ...node, ...capture }, [], own?.locality ?? '');
  if (parsed.ok) return parsed.proxy;
  throw new Failure(
    'node-malformed',
    parsed.reason,
    'name the proxy as name.namespace, or by its whole node id',
  );
}

function endpointOf(endpoints: Endpoints, name: string, namespace: string): Endpoint | undefined {
  const documents = ['WorkloadEntry', 'Pod'].map((kind) => `${kind}/${namespace}/${name}`);
  return [...endpoints.values()]
    .flat()
    .find(
      ({ origin, workload }) => documents.includes(origin.document) || documents.includes(workload ?? ''),
    );
}

function labelOf(text: string): readonly [string, string] {
  const cut = text.indexOf('=');
  if (cut > 0) return [text.slice(0, cut), text.slice(cut + 1)];
  throw new Failure('label-malformed', `${text} is no label`, 'write --label name=value');
}

/** Everything that a proxy would hear. Throws Failure proxy-unowned where nobody owns its namespace. */
export function translateFor({ mesh, endpoints }: World, proxy: Proxy): Snapshot {
  const snapshot = translate(mesh, endpoints, proxy);
  if (snapshot.status === 'Ready') return snapshot;
  const message = `nobody owns the namespace ${proxy.namespace}: a proxy there hears nothing`;
  throw new Failure(
    'proxy-unowned',
    message,
    'name the proxy as name.namespace, of a namespace that a scope owns',
  );
}

/** As `proxy-config` shows what a server sends. */
export function snapshotResources({ resources }: Snapshot): readonly ProxyResource[] {
  return [...resources.values()].flatMap((byName) => [...byName.values()].flatMap(asResource));
}

function asResource({ typeUrl, name, version, sources, json }: SnapshotResource): readonly ProxyResource[] {
  const kind = kindOf(typeUrl);
  if (kind === null) return [];
  const facts = { kind, name, version, state: 'offline', message: null };
  return [{ ...facts, sources, resource: { ...json } }];
}
