import {
  type CiliumEnvoyConfigManifest,
  type CiliumService,
  validateCiliumEnvoyConfig,
} from '../../generated/schemas/index.ts';
import { type Fields, messageNameOf, readMessage } from '../envoy-message.ts';
import type { Finding } from '../finding.ts';
import type { Path, WrittenInterception } from '../types.ts';
import { defineKind } from './kind.ts';

/** Cilium CiliumEnvoyConfig: filters that requests for Services pass, in Envoy's own words. */
export const ciliumEnvoyConfig = defineKind({
  name: 'CiliumEnvoyConfig',
  apiVersions: ['cilium.io/v2'],
  validate: validateCiliumEnvoyConfig,
  check: (manifest) => readConfig(manifest).findings,
  resource: (manifest, about) => {
    return { ...about, kind: 'CiliumEnvoyConfig', spec: readConfig(manifest).interception };
  },
});

/** Cilium CiliumClusterwideEnvoyConfig: the same for Services of any namespace that the scope owns. */
export const ciliumClusterwideEnvoyConfig = defineKind({
  name: 'CiliumClusterwideEnvoyConfig',
  apiVersions: ['cilium.io/v2'],
  schema: 'CiliumEnvoyConfig',
  isClusterWide: true,
  validate: validateCiliumEnvoyConfig,
  check: (manifest) => readConfig(manifest).findings,
  speaksFor: ({ spec }) =>
    (spec.services ?? []).map(({ namespace = 'default' }, index) => {
      return { namespace, path: ['spec', 'services', index, 'namespace'] };
    }),
  resource: (manifest, about) => {
    return { ...about, kind: 'CiliumClusterwideEnvoyConfig', spec: readConfig(manifest).interception };
  },
});

/** What stands in the place of the name of the cluster where the application is. */
export const APPLICATION = '<application>';

const types = {
  'envoy.config.listener.v3.Listener': 'listeners',
  'envoy.config.route.v3.RouteConfiguration': 'tables',
  'envoy.config.cluster.v3.Cluster': 'clusters',
} as const;

type Placed = { readonly value: Fields; readonly path: Path };
type Resources = Readonly<Record<'listeners' | 'tables' | 'clusters', readonly Placed[]>>;

/** One manifest as it is read: where its names lead, and what is wrong with it. */
type Reading = {
  readonly manifest: CiliumEnvoyConfigManifest;
  readonly resources: Resources;
  readonly findings: Finding[];
};

function readConfig(manifest: CiliumEnvoyConfigManifest): {
  readonly interception: WrittenInterception;
  readonly findings: readonly Finding[];
} {
  const findings: Finding[] = [];
  const reading: Reading = { manifest, resources: readResources(manifest, findings), findings };
  for (const listener of reading.resources.listeners) checkListener(listener, findings);
  const services = (manifest.spec.services ?? []).map((service, index) => {
    return readService(reading, service, ['spec', 'services', index]);
  });
  const clusters = reading.resources.clusters.flatMap((cluster) => readCluster(reading, cluster));
  return { interception: { services, clusters }, findings };
}

function readResources({ spec }: CiliumEnvoyConfigManifest, findings: Finding[]): Resources {
  const found: Record<keyof Resources, Placed[]> = { listeners: [], tables: [], clusters: [] };
  for (const [index, { '@type': typeUrl, ...fields }] of spec.resources.entries()) {
    const path: Path = ['spec', 'resources', index];
    const name = messageNameOf(typeUrl);
    if (!isKnown(name)) {
      const message = `a sidecar has no place for ${typeUrl}`;
      findings.push({ code: 'FL2294', message, path: [...path, '@type'] });
      continue;
    }
    const read = readMessage(name, fields, path);
    findings.push(...read.findings);
    if (read.findings.length === 0) found[types[name]].push({ value: read.value, path });
  }
  return found;
}

function isKnown(name: string): name is keyof typeof types {
  return Object.hasOwn(types, name);
}

/** A sidecar has its own listeners: what counts is what one does with connections. */
function checkListener({ value, path }: Placed, findings: Finding[]): void {
  const unknown = Object.keys(value).filter((field) => field !== 'name' && field !== 'filter_chains');
  for (const field of unknown) {
    const message = `${field} has no effect: the sidecar of the Service listens as it does anyway`;
    findings.push({ code: 'FL2244', message, path: [...path, field], on: 'key' });
  }
  const chains = (value.filter_chains ?? []) as readonly Fields[];
  if (chains.length === 0) {
    const message =
      'the Listener has no filter_chains: requests for its Services pass as if it were not there';
    findings.push({ code: 'FL2296', message, path });
  }
  for (const [index, chain] of chains.entries()) {
    const place = [...path, 'filter_chains', index];
    if (index > 0)
      findings.push({
        code: 'FL2294',
        message: 'a second filter chain has no place in a sidecar',
        path: place,
      });
    for (const field of Object.keys(chain).filter((key) => key !== 'name' && key !== 'filters')) {
      const message = `Fairlead knows ${field} of a filter chain, but does not honour it here`;
      findings.push({ code: 'FL2104', message, path: [...place, field], on: 'key' });
    }
  }
}

function readService(
  reading: Reading,
  service: CiliumService,
  path: Path,
): WrittenInterception['services'][number] {
  const { manifest, resources, findings } = reading;
  const { name, listener, ports } = service;
  const namespace = namespaceOf(manifest, service);
  if (service.namespace !== undefined && service.namespace !== namespace) {
    const message = `the Service stands in ${service.namespace}, the manifest in ${namespace}`;
    findings.push({ code: 'FL2297', message, path: [...path, 'namespace'] });
  }
  const found =
    listener === undefined
      ? resources.listeners[0]
      : resources.listeners.find(({ value }) => value.name === listener);
  if (found === undefined && listener !== undefined)
    findings.push(nowhere(`there is no Listener ${listener}`, [...path, 'listener']));
  const [chain] = (found?.value.filter_chains ?? []) as readonly Fields[];
  const at = [...(found?.path ?? []), 'filter_chains', 0, 'filters'];
  const filters = chain?.filters ?? [];
  return {
    name,
    namespace,
    ports: ports ?? null,
    filters: resolved(reading, service, filters, at) as readonly Fields[],
  };
}

function nowhere(message: string, path: Path): Finding {
  return { code: 'FL2295', message, path };
}

/** A value with its route tables in it, and the names of clusters as the sidecar of a Service knows them. */
function resolved(reading: Reading, service: CiliumService, value: unknown, path: Path): unknown {
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => resolved(reading, service, item, [...path, index]));
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]: [string, unknown]): [string, unknown] => {
    const place = [...path, key];
    if (key === 'rds') return tableOf(reading, service, inner as Fields, place);
    if ((key === 'cluster' || key === 'cluster_name') && typeof inner === 'string')
      return [key, clusterOf(reading, service, inner, place)];
    if (key !== 'weighted_clusters') return [key, resolved(reading, service, inner, place)];
    const { clusters = [], ...rest } = inner as { readonly clusters?: readonly Fields[] };
    const named = clusters.map(({ name, ...more }, index) => {
      const own = clusterOf(reading, service, String(name), [...place, 'clusters', index]);
      return { name: own, ...more };
    });
    return [key, { clusters: named, ...rest }];
  });
  return Object.fromEntries(entries);
}

function tableOf(reading: Reading, service: CiliumService, rds: Fields, path: Path): [string, unknown] {
  const name = rds.route_config_name;
  const table = reading.resources.tables.find(({ value }) => value.name === name);
  if (table !== undefined) return ['route_config', resolved(reading, service, table.value, table.path)];
  reading.findings.push(nowhere(`there is no RouteConfiguration ${String(name)}`, path));
  return ['rds', rds];
}

/** A cluster of the manifest, or the Service itself: `namespace/name`, perhaps with a port. */
function clusterOf(reading: Reading, service: CiliumService, name: string, path: Path): string {
  const { manifest, resources } = reading;
  if (isService(reading, service, name)) return APPLICATION;
  if (!resources.clusters.some(({ value }) => value.name === name)) {
    const message = `${name} is neither a Cluster of the manifest nor the Service ${service.name} itself`;
    reading.findings.push(nowhere(message, path));
  }
  return qualified(manifest, name);
}

function isService({ manifest }: Reading, service: CiliumService, name: string): boolean {
  return name.replace(/:\d+$/, '') === `${namespaceOf(manifest, service)}/${service.name}`;
}

function namespaceOf(manifest: CiliumEnvoyConfigManifest, { namespace }: CiliumService): string {
  return ownNamespace(manifest) ?? namespace ?? 'default';
}

/** Null: it stands in none. */
function ownNamespace({ kind, metadata }: CiliumEnvoyConfigManifest): string | null {
  return kind === 'CiliumEnvoyConfig' ? (metadata.namespace ?? 'default') : null;
}

function qualified(manifest: CiliumEnvoyConfigManifest, name: string): string {
  return `${ownNamespace(manifest) ?? ''}/${manifest.metadata.name}/${name}`;
}

/** What a cluster of the Service itself says of how to connect does not count: the application is beside its sidecar. */
function readCluster(reading: Reading, { value, path }: Placed): readonly Fields[] {
  const { manifest, findings } = reading;
  const name = String(value.name ?? '');
  if ((manifest.spec.services ?? []).some((service) => isService(reading, service, name))) {
    const message = `${name} is the Service itself, whose sidecar connects to it as it does anyway`;
    findings.push({ code: 'FL2244', message, path });
    return [];
  }
  if (value.type === 'EDS' || value.eds_cluster_config !== undefined) {
    const message = `Fairlead knows ${name} by endpoints of another Service, but does not honour it here`;
    findings.push({ code: 'FL2104', message, path });
  }
  return [{ ...value, name: qualified(manifest, name) }];
}
