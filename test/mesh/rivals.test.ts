import { expect, test } from 'vitest';
import { advise } from '../../src/mesh/index.ts';
import {
  apiGateway,
  entry,
  gateway,
  gatewayApi,
  hostRoute,
  istio,
  listener,
  routes,
  service,
  subsets,
  telemetry,
  to,
} from './manifests.ts';
import { meshOf, type ScopeText, scope } from './world.ts';

const count = 1200;
const www = 'www.acme.example';
const cart = service('cart', 'shop');
const edge = apiGateway('web', 'edge', listener('a'));
const bytes = '{port: {number: 80, name: a, protocol: TCP}, hosts: ["*"]}';
const atWeb = `{parentRefs: [{name: web}], hostnames: [${www}]}`;

type Make = (name: string, index: number) => string;

const meshConfig: Make = (name) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: ${name}}\nspec: {}\n---\n`;
const envoyFilter: Make = (name, index) => {
  const patch = `{operation: MERGE, value: {connect_timeout: ${index + 1}s}}`;
  const text = istio('EnvoyFilter', name, 'shop', `{configPatches: [{applyTo: CLUSTER, patch: ${patch}}]}`);
  return text.replace('/v1', '/v1alpha3');
};
const ciliumConfig: Make = (name) => {
  const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const filter = `{name: a, typed_config: {"@type": type.googleapis.com/${manager}, stat_prefix: a}}`;
  const type = 'type.googleapis.com/envoy.config.listener.v3.Listener';
  const resource = `{"@type": ${type}, name: l, filter_chains: [{filters: [${filter}]}]}`;
  const spec = `{services: [{name: cart, namespace: shop, listener: l}], resources: [${resource}]}`;
  return `apiVersion: cilium.io/v2\nkind: CiliumEnvoyConfig\nmetadata: {name: ${name}, namespace: shop}\nspec: ${spec}\n---\n`;
};

/** By code: documents that all contradict each other, and what stands beside them. */
const kinds: Readonly<Record<string, { readonly make: Make; readonly once?: string }>> = {
  FL3201: { make: (name) => entry(name, 'shop', www) },
  FL3202: { make: (name) => routes(name, 'shop', www, to('cart')) },
  FL3203: { make: (name) => subsets(name, 'shop', 'cart', 'v1'), once: cart },
  FL3310: { make: (name) => hostRoute(name, 'edge', '{name: web}', www, '[{}]'), once: edge },
  FL3320: {
    make: (name) => istio('DestinationRule', name, 'shop', '{host: cart, trafficPolicy: {}}'),
    once: cart,
  },
  FL3331: { make: (name) => gateway(name, 'edge', `[${www}]`) },
  FL3333: { make: (name) => istio('Gateway', name, 'edge', `{selector: {app: edge}, servers: [${bytes}]}`) },
  FL3337: {
    make: (name, index) => gatewayApi(index % 2 ? 'GRPCRoute' : 'HTTPRoute', name, 'edge', atWeb),
    once: edge,
  },
  FL3350: { make: (name) => istio('Sidecar', name, 'shop', '{egress: [{hosts: ["./*"]}]}') },
  FL3351: { make: meshConfig },
  FL3352: { make: (name) => telemetry(name, 'shop', 'accessLogging: [{disabled: true}]') },
  FL3360: { make: envoyFilter },
  FL3362: { make: ciliumConfig, once: cart },
};

/** In files of which none has too many documents. */
function crowd(make: Make, once = ''): ScopeText {
  const documents = Array.from({ length: count }, (_, index) => make(`x${index}`, index));
  const half = count / 2;
  const files = { 'a.yaml': documents.slice(0, half).join(''), 'b.yaml': documents.slice(half).join('') };
  return { path: 'acme', files: { ...files, 'c.yaml': once } };
}

test.each(Object.entries(kinds))(
  '%s: of thousands of rivals, a message names a few',
  (code, { make, once }) => {
    const { problems } = meshOf(crowd(make, once));
    expect(problems.filter((problem) => problem.code === code)).toHaveLength(count);
    expect(Math.max(...problems.map(({ message }) => message.length))).toBeLessThan(300);
  },
);

test('FL3404: and so it is in what is advised', () => {
  const text = crowd((name) =>
    routes(name, 'shop', www, `[{match: [{uri: {exact: /${name}}}], directResponse: {status: 200}}]`),
  );
  const { mesh, endpoints, problems } = meshOf(text);
  expect(problems.map(({ code }) => code).filter((code) => code !== 'FL3104')).toEqual([]);
  const advice = advise({ mesh, endpoints, scopes: [scope(text)], workloads: [] });
  expect(advice).toHaveLength(count);
  expect(Math.max(...advice.map(({ message }) => message.length))).toBeLessThan(300);
});
