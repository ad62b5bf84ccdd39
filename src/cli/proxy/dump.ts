import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Failure } from '../../base/failure.ts';
import {
  at,
  type Fields,
  isFields,
  type Kind,
  listAt,
  type ProxyResource,
  socketOf,
  textAt,
} from './resource.ts';

const TIMEOUT_MS = 10_000;

/** What Envoy's `/config_dump?include_eds` holds. */
export type Dump = { readonly resources: readonly ProxyResource[]; readonly bootstrap: Fields | null };

/** A dump as a file; `-` is standard input. Throws Failure dump-unreadable. */
export async function readDump(file: string, stdin: NodeJS.ReadStream): Promise<Dump> {
  const read = file === '-' ? text(stdin) : readFile(file, 'utf8');
  return parseDump(
    await read.catch((cause: Error) => {
      throw unreadable(file, cause.message);
    }),
    file,
  );
}

/** The dump of a running Envoy. Throws Failure admin-unreachable, admin-timeout or dump-unreadable. */
export async function fetchDump(admin: string): Promise<Dump> {
  const origin = /^https?:\/\//.test(admin) ? admin : `http://${admin}`;
  const url = URL.parse('/config_dump?include_eds', origin);
  if (url === null) throw unreadable(admin, 'it is no address');
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const dump = parseDump(await answer.text(), url.href);
    const ejected = await fetchEjected(url);
    return { ...dump, resources: dump.resources.map((one) => withEjected(one, ejected)) };
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const late = cause instanceof DOMException && cause.name === 'TimeoutError';
    const [code, message] = late
      ? ['admin-timeout', `${url.host} does not answer`]
      : ['admin-unreachable', `nobody listens at ${url.host}`];
    throw new Failure(code, message, "name Envoy's admin address: --admin 127.0.0.1:15000", { cause });
  }
}

/** By cluster: those whose outlier detection has taken an endpoint out, and which; null: the Envoy does not say. */
type Ejected = ReadonlyMap<string, readonly string[]> | null;

async function fetchEjected(dump: URL): Promise<Ejected> {
  const url = new URL('/clusters?format=json', dump);
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const statuses: unknown = await answer.json().catch(() => null);
  if (!Array.isArray(at(statuses, 'cluster_statuses'))) return null;
  return new Map(
    listAt(statuses, 'cluster_statuses').map((cluster) => {
      const hosts = listAt(cluster, 'host_statuses').filter(
        (host) => at(host, 'health_status', 'failed_outlier_check') === true,
      );
      const sockets = hosts.map((host) => socketOf(host.address));
      return [textAt(cluster, 'name') ?? '', sockets.map(({ address, port }) => `${address}:${port}`)];
    }),
  );
}

function withEjected(resource: ProxyResource, ejected: Ejected): ProxyResource {
  if (resource.kind !== 'endpoint' || ejected === null) return resource;
  return { ...resource, ejected: ejected.get(resource.name) ?? [] };
}

type Reader = (config: Fields) => readonly ProxyResource[];

/** By the end of a section's type. */
const sections: Readonly<Record<string, Reader>> = {
  ClustersConfigDump: (config) => [
    ...each(config, 'static_clusters', 'cluster', 'cluster', 'static'),
    ...each(config, 'dynamic_active_clusters', 'cluster', 'cluster', 'active'),
    ...each(config, 'dynamic_warming_clusters', 'cluster', 'cluster', 'warming'),
  ],
  EndpointsConfigDump: (config) => [
    ...each(config, 'static_endpoint_configs', 'endpoint_config', 'endpoint', 'static'),
    ...each(config, 'dynamic_endpoint_configs', 'endpoint_config', 'endpoint', 'active'),
  ],
  ListenersConfigDump: (config) => [
    ...each(config, 'static_listeners', 'listener', 'listener', 'static'),
    ...listAt(config, 'dynamic_listeners').flatMap(dynamicListener),
  ],
  RoutesConfigDump: (config) => [
    ...each(config, 'static_route_configs', 'route_config', 'route', 'static'),
    ...each(config, 'dynamic_route_configs', 'route_config', 'route', 'active'),
  ],
  SecretsConfigDump: (config) => [
    ...each(config, 'static_secrets', 'secret', 'secret', 'static').map(withoutKeys),
    ...each(config, 'dynamic_active_secrets', 'secret', 'secret', 'active').map(withoutKeys),
    ...each(config, 'dynamic_warming_secrets', 'secret', 'secret', 'warming').map(withoutKeys),
  ],
  EcdsConfigDump: (config) => each(config, 'ecds_filters', 'ecds_filter', 'ecds', 'active'),
};

function parseDump(dump: string, from: string): Dump {
  let value: unknown;
  try {
    value = JSON.parse(dump);
  } catch (cause) {
    throw unreadable(from, cause instanceof Error ? cause.message : String(cause));
  }
  if (!Array.isArray(at(value, 'configs'))) throw unreadable(from, 'it holds no configs');
  const configs = listAt(value, 'configs');
  const named = (config: Fields) => textAt(config, '@type')?.split('.').at(-1) ?? '';
  const bootstrap = at(
    configs.find((config) => named(config) === 'BootstrapConfigDump'),
    'bootstrap',
  );
  return {
    resources: configs.flatMap((config) => sections[named(config)]?.(config) ?? []),
    bootstrap: isFields(bootstrap) ? bootstrap : null,
  };
}

/** An Envoy redacts keys; whatever else made the dump may not have. */
function withoutKeys(secret: ProxyResource): ProxyResource {
  const { name, tls_certificate: own, validation_context: others } = secret.resource;
  const chain = at(own, 'certificate_chain');
  const trusted = at(others, 'trusted_ca');
  const resource = {
    name,
    ...(own === undefined ? {} : { tls_certificate: { certificate_chain: chain } }),
    ...(others === undefined ? {} : { validation_context: { trusted_ca: trusted } }),
  };
  return { ...secret, resource };
}

function each(
  config: Fields,
  list: string,
  field: string,
  kind: Kind,
  state: string,
): readonly ProxyResource[] {
  return listAt(config, list).flatMap((entry) => one(kind, state, entry, at(entry, field)));
}

function dynamicListener(entry: Fields): readonly ProxyResource[] {
  const states = ['active', 'warming', 'draining'].flatMap((state) => {
    const found = at(entry, `${state}_state`);
    return isFields(found) ? one('listener', state, found, at(found, 'listener')) : [];
  });
  const refused = textAt(entry, 'error_state', 'details');
  return refused === null ? states : states.map((state) => ({ ...state, message: refused }));
}

function one(kind: Kind, state: string, entry: Fields, resource: unknown): readonly ProxyResource[] {
  if (!isFields(resource)) return [];
  const name = textAt(resource, kind === 'endpoint' ? 'cluster_name' : 'name') ?? '';
  const version = textAt(entry, 'version_info') ?? '';
  const message = textAt(entry, 'error_state', 'details');
  return [{ kind, name, state, message, version, sources: [], resource }];
}

function unreadable(from: string, reason: string): Failure {
  const fix = "curl '127.0.0.1:15000/config_dump?include_eds' > dump.json makes one";
  return new Failure('dump-unreadable', `${from} is no dump of an Envoy: ${reason}`, fix);
}
