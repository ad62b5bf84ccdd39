import {
  type EnvoyFilterManifest,
  type EnvoyFilterTarget,
  type EnvoyMatch,
  type EnvoyPatch,
  validateEnvoyFilter,
} from '../../generated/schemas/index.ts';
import { defaultsIn, type Fields, type Read, readMessage } from '../envoy-message.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { defineKind } from './kind.ts';
import { checkRegex } from './regex.ts';

/** Istio EnvoyFilter: changes of what some proxies hear, in Envoy's own words. */
export const envoyFilter = defineKind({
  name: 'EnvoyFilter',
  apiVersions: ['networking.istio.io/v1alpha3'],
  validate: validateEnvoyFilter,
  check,
  resource: ({ spec }, about) => {
    const configPatches = (spec.configPatches ?? []).map((each): EnvoyPatch => {
      const { patch } = each;
      if (patch.value === undefined) return each;
      return { ...each, patch: { ...patch, value: readValue(each.applyTo, patch.value, []).value } };
    });
    return { ...about, kind: 'EnvoyFilter', spec: { ...spec, configPatches } };
  },
});

type ApplyTo = EnvoyPatch['applyTo'];
type Operation = EnvoyPatch['patch']['operation'];
type Object = Exclude<keyof EnvoyMatch, 'context' | 'proxy' | 'waypoint'>;

const merges = ['MERGE', 'MERGE_AND_REPLACE_LIST'];
const filterOperations = [
  ...merges,
  'ADD',
  'REMOVE',
  'INSERT_BEFORE',
  'INSERT_AFTER',
  'INSERT_FIRST',
  'REPLACE',
];

/** What is changed, which message it is, what can be done to it, and what tells which of them is meant. */
const targets: Readonly<
  Record<
    ApplyTo,
    { readonly message: string; readonly operations: readonly string[]; readonly by: Object | null }
  >
> = {
  LISTENER: {
    message: 'envoy.config.listener.v3.Listener',
    operations: [...merges, 'ADD', 'REMOVE'],
    by: 'listener',
  },
  LISTENER_FILTER: {
    message: 'envoy.config.listener.v3.ListenerFilter',
    operations: filterOperations,
    by: 'listener',
  },
  FILTER_CHAIN: {
    message: 'envoy.config.listener.v3.FilterChain',
    operations: [...merges, 'ADD', 'REMOVE'],
    by: 'listener',
  },
  NETWORK_FILTER: {
    message: 'envoy.config.listener.v3.Filter',
    operations: filterOperations,
    by: 'listener',
  },
  HTTP_FILTER: {
    message: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
    operations: filterOperations,
    by: 'listener',
  },
  ROUTE_CONFIGURATION: {
    message: 'envoy.config.route.v3.RouteConfiguration',
    operations: merges,
    by: 'routeConfiguration',
  },
  VIRTUAL_HOST: {
    message: 'envoy.config.route.v3.VirtualHost',
    operations: [...merges, 'ADD', 'REMOVE', 'REPLACE'],
    by: 'routeConfiguration',
  },
  HTTP_ROUTE: {
    message: 'envoy.config.route.v3.Route',
    operations: [...merges, 'REMOVE', 'INSERT_BEFORE', 'INSERT_AFTER', 'INSERT_FIRST'],
    by: 'routeConfiguration',
  },
  CLUSTER: {
    message: 'envoy.config.cluster.v3.Cluster',
    operations: [...merges, 'ADD', 'REMOVE'],
    by: 'cluster',
  },
  EXTENSION_CONFIG: {
    message: 'envoy.config.core.v3.TypedExtensionConfig',
    operations: ['ADD'],
    by: null,
  },
};

function* check(manifest: EnvoyFilterManifest): Generator<Finding> {
  const { configPatches = [] } = manifest.spec;
  yield* checkTargets(manifest);
  const isForWaypoints = configPatches.map(({ match }) => match?.context === 'WAYPOINT');
  for (const [index, patch] of configPatches.entries()) {
    const path: Path = ['spec', 'configPatches', index];
    if (isForWaypoints[index]) {
      const at = [...path, 'match', 'context'];
      yield forWaypoints('the patch is for waypoints', isForWaypoints.every(Boolean), at);
      continue;
    }
    if (patch.match?.waypoint !== undefined) {
      const message = 'waypoint has no effect: it is for the context WAYPOINT';
      yield { code: 'FL2221', message, path: [...path, 'match', 'waypoint'], on: 'key' };
    }
    yield* checkMatch(patch, path);
    yield* checkOperation(patch, path);
    yield* checkValue(patch, [...path, 'patch', 'value']);
  }
}

function readValue(applyTo: ApplyTo, value: Fields, path: Path): Read {
  return readMessage(targets[applyTo].message, value, path);
}

/** There are none here: no proxy misses what is said to them, as long as something else is said. */
function forWaypoints(what: string, isAll: boolean, path: Path): Finding {
  const code = isAll ? 'FL2104' : 'FL2298';
  return { code, message: `${what}, of which Fairlead has none`, path };
}

const gatewayGroup = 'gateway.networking.k8s.io';

function* checkTargets({ metadata, spec }: EnvoyFilterManifest): Generator<Finding> {
  const { targetRefs = [], workloadSelector } = spec;
  const path: Path = ['spec', 'targetRefs'];
  if (targetRefs.length > 0 && workloadSelector !== undefined)
    yield { code: 'FL2220', message: 'targetRefs beside workloadSelector', path, on: 'key' };
  const own = metadata.namespace ?? 'default';
  for (const [index, { group = '', kind, name, namespace = own }] of targetRefs.entries()) {
    const at = [...path, index];
    const said = `${group}/${kind}`.replace(/^\//, '');
    if (said === 'Service' || said === 'networking.istio.io/ServiceEntry') {
      yield forWaypoints(`a ${kind} stands for its waypoints`, !targetRefs.some(isGateway), [...at, 'kind']);
    } else if (said === `${gatewayGroup}/GatewayClass`) {
      const message = 'Fairlead knows GatewayClass, but does not honour it here';
      yield { code: 'FL2104', message, path: [...at, 'kind'], fix: 'name each Gateway of the class' };
    } else if (said !== `${gatewayGroup}/Gateway`) {
      const fix = `write group: ${gatewayGroup} and kind: Gateway`;
      yield { code: 'FL2108', message: `targetRefs cannot be of ${said}`, path: at, fix };
    } else if (namespace !== own) {
      const message = `the Gateway ${name} stands in ${namespace}, the manifest in ${own}`;
      yield { code: 'FL2297', message, path: [...at, 'namespace'] };
    }
  }
}

/** Whether a reference stands for proxies. */
export function isGateway({ group, kind }: EnvoyFilterTarget): boolean {
  return group === gatewayGroup && kind === 'Gateway';
}

/** What tells listeners apart says nothing of clusters, and so on. */
function* checkMatch({ applyTo, match = {} }: EnvoyPatch, path: Path): Generator<Finding> {
  const { by } = targets[applyTo];
  for (const object of ['listener', 'routeConfiguration', 'cluster'] as const) {
    if (match[object] === undefined || object === by) continue;
    const message = `${object} says nothing of what ${applyTo} is applied to`;
    yield { code: 'FL2221', message, path: [...path, 'match', object], on: 'key' };
  }
  yield* checkRegex(match.proxy?.proxyVersion, [...path, 'match', 'proxy', 'proxyVersion']);
}

const named: ReadonlySet<ApplyTo> = new Set([
  ...(['LISTENER', 'LISTENER_FILTER', 'NETWORK_FILTER', 'HTTP_FILTER'] as const),
  ...(['VIRTUAL_HOST', 'CLUSTER', 'EXTENSION_CONFIG'] as const),
]);

function* checkOperation({ applyTo, match, patch }: EnvoyPatch, path: Path): Generator<Finding> {
  const { operation, value, filterClass } = patch;
  const at = [...path, 'patch'];
  if (!targets[applyTo].operations.includes(operation)) {
    const message = `${operation} does nothing to ${applyTo}`;
    const fix = `write ${targets[applyTo].operations.join(', ')}`;
    yield { code: 'FL2291', message, path: [...at, 'operation'], fix };
  }
  if (value === undefined && operation !== 'REMOVE') {
    yield { code: 'FL2106', message: `patch.value is missing, which ${operation} needs`, path: at };
  }
  if (value !== undefined && operation === 'REMOVE') {
    const message = 'REMOVE takes away what match selects, whatever value says';
    yield { code: 'FL2244', message, path: [...at, 'value'], on: 'key' };
  }
  const isWhole = !merges.includes(operation) && operation !== 'REMOVE' && value !== undefined;
  if (isWhole && named.has(applyTo) && (typeof value.name !== 'string' || value.name === '')) {
    yield { code: 'FL2106', message: 'value.name is missing', path: [...at, 'value'] };
  }
  if (operation === 'REPLACE' && !isSelected(applyTo, match)) {
    const message = 'REPLACE would put its value in the place of everything';
    yield { code: 'FL2292', message, path: [...path, 'match'] };
  }
  if (filterClass !== undefined && filterClass !== 'UNSPECIFIED' && !isClassed(applyTo, operation)) {
    const message = 'filterClass has no effect: it is for HTTP_FILTER with ADD';
    yield { code: 'FL2221', message, path: [...at, 'filterClass'], on: 'key' };
  }
}

function isClassed(applyTo: ApplyTo, operation: Operation): boolean {
  return applyTo === 'HTTP_FILTER' && operation === 'ADD';
}

/** Whether the match names one of a list. */
function isSelected(applyTo: ApplyTo, { listener, routeConfiguration }: EnvoyMatch = {}): boolean {
  const { filter } = listener?.filterChain ?? {};
  if (applyTo === 'NETWORK_FILTER') return filter !== undefined;
  if (applyTo === 'HTTP_FILTER') return filter?.subFilter !== undefined;
  if (applyTo === 'LISTENER_FILTER') return listener?.listenerFilter !== undefined;
  const { name, domainName } = routeConfiguration?.vhost ?? {};
  return (name ?? domainName) !== undefined;
}

/** Protobuf cannot tell a default from nothing, and Istio merges as protobuf does. */
function* checkValue({ applyTo, patch }: EnvoyPatch, path: Path): Generator<Finding> {
  if (patch.value === undefined) return;
  const { findings } = readValue(applyTo, patch.value, path);
  yield* findings;
  if (findings.length > 0 || !merges.includes(patch.operation)) return;
  for (const place of defaultsIn(targets[applyTo].message, patch.value, path)) {
    const message = `${place.at(-1)} is a default, which a ${patch.operation} does not set`;
    yield { code: 'FL2293', message, path: place };
  }
}
