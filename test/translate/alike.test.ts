import { array, assert, constantFrom, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { build, createBuilder } from '../../src/mesh/index.ts';
import { AlikeSnapshots } from '../../src/translate/alike.ts';
import { createTranslator, type Snapshot, translate } from '../../src/translate/index.ts';
import {
  apiGateway,
  gateway,
  istio,
  rateLimit,
  service,
  telemetry,
  to,
  workload,
} from '../mesh/manifests.ts';
import { meshOf, type ScopeText, scope } from '../mesh/world.ts';
import { letGo } from '../xds/memory.ts';
import { proxyAt } from './world.ts';

const shop = service('cart', 'shop') + workload('cart', 'shop', '10.0.0.1', 'app: cart');
const pod = (index: number, labels: Readonly<Record<string, string>>) => {
  const metadata = { LABELS: labels, SERVICE_ACCOUNT: `account-${index}` };
  return proxyAt(`10.9.${index >> 8}.${index & 255}`, 'shop', metadata);
};

test('1,000 pods that differ in labels that nobody asks for hear one snapshot', () => {
  const { mesh, endpoints } = meshOf({ path: 'shop', files: shop });
  const shared = createTranslator();
  const heard = Array.from({ length: 1_000 }, (_, index) =>
    shared(mesh, endpoints, pod(index, { app: 'job', 'controller-uid': `u${index}` })),
  );
  expect(new Set(heard).size).toBe(1);
});

test('those that differ in a label that somebody asks for hear one for each of its values', () => {
  const sidecar = istio('Sidecar', 'a', 'shop', '{workloadSelector: {labels: {version: v1}}}');
  const { mesh, endpoints } = meshOf({ path: 'shop', files: shop + sidecar });
  const shared = createTranslator();
  const heard = Array.from({ length: 300 }, (_, index) =>
    shared(mesh, endpoints, pod(index, { version: `v${index % 3}`, 'controller-uid': `u${index}` })),
  );
  expect(new Set(heard).size).toBe(3);
});

test('those that heard the same are told apart as soon as a routing does', () => {
  const [builder, translator] = [createBuilder(), createTranslator()];
  const texts = ['', '{match: [{sourceLabels: {track: x}}], route: [{destination: {host: none}}]}, '].map(
    (first): ScopeText => {
      const routing = `{hosts: [cart], http: [${first}{route: [{destination: {host: cart}}]}]}`;
      return { path: 'shop', files: shop + istio('VirtualService', 'cart', 'shop', routing) };
    },
  );
  const clients = [pod(1, {}), pod(2, { track: 'x' }), pod(3, { track: 'y' })];
  let last: ReturnType<typeof scope> | null = null;
  const counts = texts.map((text) => {
    last = scope(text, last);
    const [now, anew] = [builder([last]), build([scope(text)])];
    const heard = clients.map((client) => translator(now.mesh, now.endpoints, client));
    expect(heard).toEqual(clients.map((client) => translate(anew.mesh, anew.endpoints, client)));
    return new Set(heard).size;
  });
  expect(counts).toEqual([1, 3]);
});

/** What 50 proxies hear of two meshes, one after the other; of the last, the first is kept. */
function heardTwice(translator: ReturnType<typeof createTranslator>) {
  const builder = createBuilder();
  const text = (port: number): ScopeText => {
    const routing = `{hosts: [cart], http: ${to('cart', `, port: {number: ${port}}`)}}`;
    return { path: 'shop', files: `${shop}${istio('VirtualService', 'cart', 'shop', routing)}` };
  };
  const clients = Array.from({ length: 50 }, (_, index) => proxyAt('10.9.0.1', `n${index}`));
  let last = scope(text(80));
  const rounds = [80, 81].map((port) => {
    last = scope(text(port), last);
    const { mesh, endpoints } = builder([last]);
    return clients.map((client) => translator(mesh, endpoints, client));
  });
  const all = rounds.flat();
  expect(new Set(all).size).toBe(100);
  return { kept: rounds[1]?.[0], refs: all.map((snapshot) => new WeakRef(snapshot)) };
}

test('a snapshot that nobody has any more is let go, and so is the one before', async () => {
  const translator = createTranslator();
  const { kept, refs } = heardTwice(translator);
  await letGo();
  expect(refs.flatMap((ref) => ref.deref() ?? [])).toEqual([kept]);
  expect(translator).toBeDefined();
});

test('of what is let go no key stays for long', async () => {
  const all = new AlikeSnapshots();
  const proxy = pod(1, {});
  const empty = (): Snapshot => ({ resources: new Map(), status: 'Ready', skipped: [] });
  const kept = empty();
  all.set('kept', { proxy, asked: new Set(), snapshot: kept });
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 100; index += 1) {
      all.set(`${round} ${index}`, { proxy, asked: new Set(), snapshot: empty() });
    }
    await letGo();
  }
  expect(all.size).toBeLessThan(250);
  expect(all.get('kept', proxy)?.snapshot).toBe(kept);
});

const select = '{matchLabels: {app: edge}}';
const asking = [
  istio(
    'Sidecar',
    'a',
    'shop',
    '{workloadSelector: {labels: {app: edge}}, outboundTrafficPolicy: {mode: REGISTRY_ONLY}}',
  ),
  istio(
    'Sidecar',
    'b',
    'shop',
    '{workloadSelector: {labels: {app: edge, track: x}}, egress: [{hosts: ["~/*"]}]}',
  ),
  istio(
    'DestinationRule',
    'a',
    'shop',
    `{host: cart, workloadSelector: ${select}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}}`,
  ),
  istio(
    'DestinationRule',
    'b',
    'shop',
    '{host: cart, trafficPolicy: {outlierDetection: {}, loadBalancer: {localityLbSetting: {failoverPriority: [track, "topology.kubernetes.io/zone"]}}}}',
  ),
  istio(
    'DestinationRule',
    'c',
    'shop',
    '{host: cart, workloadSelector: {matchLabels: {track: x}}, trafficPolicy: {outlierDetection: {}, loadBalancer: {localityLbSetting: {failoverPriority: [app]}}}}',
  ),
  istio('DestinationRule', 'd', 'shop', '{host: cart, subsets: [{name: x, labels: {track: x}}]}'),
  istio(
    'VirtualService',
    'a',
    'shop',
    `{hosts: [cart], http: [{match: [{sourceLabels: {track: x}}], route: [{destination: {host: none}}]}, {route: [{destination: {host: cart}}]}]}`,
  ),
  istio(
    'VirtualService',
    'b',
    'shop',
    '{hosts: [tcp.example], tcp: [{match: [{port: 9000, sourceLabels: {track: x}}], route: [{destination: {host: cart, port: {number: 80}}}]}]}',
  ),
  istio(
    'ServiceEntry',
    'tcp',
    'shop',
    '{hosts: [tcp.example], addresses: [10.0.0.9], resolution: DNS, ports: [{number: 9000, name: tcp, protocol: TCP}]}',
  ),
  istio(
    'EnvoyFilter',
    'a',
    'shop',
    '{workloadSelector: {labels: {track: x}}, configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 7s}}}]}',
  ).replace('/v1\n', '/v1alpha3\n'),
  istio(
    'EnvoyFilter',
    'b',
    'shop',
    '{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: api}], configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 8s}}}]}',
  ).replace('/v1\n', '/v1alpha3\n'),
  telemetry('a', 'shop', `selector: ${select}, accessLogging: [{providers: [{name: envoy}]}]`),
  telemetry('b', 'shop', 'metrics: [{providers: [{name: prometheus}]}]'),
  telemetry(
    'c',
    'shop',
    'targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: api}], tracing: [{providers: [{name: spans}]}]',
  ),
  telemetry('d', 'shop', 'tracing: [{providers: [{name: spans}], randomSamplingPercentage: 5}]'),
  rateLimit('a', 'shop', `selector: ${select}, rules: [{requests: 1, per: 1s}]`),
  gateway('a', 'shop', '["*"]'),
  apiGateway('api', 'shop', '{name: http, port: 80, protocol: HTTP}'),
  'apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh, namespace: shop}\nspec: {extensionProviders: [{name: spans, zipkin: {service: cart.shop.svc.cluster.local, port: 80}}], localityLbSetting: {failoverPriority: [track]}}\n---\n',
];
const one = (value: string) => constantFrom(undefined, value);
const labels = record({
  app: constantFrom(undefined, 'edge', 'cart'),
  track: one('x'),
  version: one('v1'),
  'gateway.networking.k8s.io/gateway-name': one('api'),
  'app.kubernetes.io/name': one('name'),
  'service.istio.io/canonical-revision': one('r2'),
  'pod-name': constantFrom('a', 'b', 'c'),
});
const client = record({
  labels,
  type: constantFrom('sidecar', 'router'),
  capture: constantFrom('ports', 'redirect'),
});

test('whatever of labels is asked for, each proxy hears what it would hear alone', () => {
  const count = { alike: 0, apart: 0 };
  const run = property(
    array(array(constantFrom(...asking), { maxLength: 5 }), { minLength: 1, maxLength: 3 }),
    array(client, { minLength: 2, maxLength: 8 }),
    (meshes, clients) => {
      const [builder, translator] = [createBuilder(), createTranslator()];
      const proxies = clients.map(({ labels: { ...all }, type, capture }, index) => {
        const given = Object.entries(all).filter(([, value]) => value !== undefined);
        const about = type === 'router' ? {} : { FAIRLEAD: { capture } };
        return proxyAt(`10.9.0.${index}`, 'shop', { LABELS: Object.fromEntries(given), ...about }, type);
      });
      let last = scope({ path: 'shop', files: shop });
      for (const files of meshes) {
        const text = { path: 'shop', files: shop + [...new Set(files)].join('') };
        last = scope(text, last);
        const [now, anew] = [builder([last]), build([scope(text)])];
        const heard = proxies.map((proxy) => translator(now.mesh, now.endpoints, proxy));
        for (const [index, proxy] of proxies.entries()) {
          expect(heard[index]).toEqual(translate(anew.mesh, anew.endpoints, proxy));
        }
        count.alike += proxies.length - new Set(heard).size;
        count.apart += new Set(heard).size - 1;
      }
    },
  );
  // As many as it takes for it to be about both.
  const isAboutBoth = () => Math.min(count.alike, count.apart) > 8;
  for (let round = 0; round < 20 && !isAboutBoth(); round += 1) assert(run, { numRuns: 25 });
  expect(isAboutBoth()).toBe(true);
});
