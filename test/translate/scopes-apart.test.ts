import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../src/translate/index.ts';
import { entry, istio, routes, service, subsets, to, workload } from '../mesh/manifests.ts';
import type { ScopeText } from '../mesh/world.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** What one scope says, and in which files, makes no difference to those who do not see it. */

function bytesOf({ resources }: Snapshot): readonly (readonly [string, string])[] {
  return [...resources.values()].flatMap((all) =>
    [...all.values()].map(
      ({ typeUrl, name, any }) => [`${typeUrl} ${name}`, Buffer.from(any).toString('hex')] as const,
    ),
  );
}

const clients = [
  proxyAt('10.0.0.1', 'shop'),
  proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' } }),
  proxyAt('10.0.0.9', 'web', { LABELS: { app: 'web' } }),
];

const cart = 'cart.shop.svc.cluster.local';
const shop = [
  service('cart', 'shop'),
  workload('cart', 'shop', '10.0.0.1', 'app: cart, version: v1'),
  subsets('cart', 'shop', 'cart', 'v1'),
  routes('cart', 'shop', 'cart', to('cart', ', subset: v1')),
  service('web', 'web', ', clusterIP: 10.96.0.1'),
  entry('api', 'shop', 'api.shop.example', ', addresses: [240.0.0.1]'),
  routes('api', 'shop', 'api.shop.example', to(cart)),
  istio(
    'Sidecar',
    'web',
    'web',
    '{workloadSelector: {labels: {app: web}}, egress: [{hosts: ["shop/*", "web/*"]}]}',
  ),
];

/** What they would have proxies hear in Envoy's own words: everything else, and nothing of it. */
const raw = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: all, namespace: pay}
spec: {configPatches: [{applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 1s}}}, {applyTo: LISTENER, patch: {operation: REMOVE}}]}
---
apiVersion: cilium.io/v2
kind: CiliumEnvoyConfig
metadata: {name: all, namespace: pay}
spec: {services: [{name: pay}], resources: [{"@type": type.googleapis.com/envoy.config.listener.v3.Listener, filter_chains: [{filters: [{name: e, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}]}]}]}
---
`;

/** Manifests of another scope that say who sees them. */
const theirs = (exportTo: string) => [
  raw,
  service('pay', 'pay', ', clusterIP: 10.96.0.1').replace(
    'namespace: pay}',
    `namespace: pay, annotations: {networking.istio.io/exportTo: "${exportTo}"}}`,
  ),
  workload('pay', 'pay', '10.0.0.7', 'app: pay, version: v1'),
  entry('ext', 'pay', 'ext.pay.example', `, addresses: [240.0.0.1], exportTo: ["${exportTo}"]`),
  istio(
    'DestinationRule',
    'mine',
    'pay',
    `{host: "*.local", subsets: [{name: v1}], exportTo: ["${exportTo}"]}`,
  ),
  istio('DestinationRule', 'cart', 'pay', `{host: ${cart}, subsets: [{name: v9}], exportTo: ["*"]}`),
  routes('r', 'pay', 'ext.pay.example', to('pay')).replace('http:', `exportTo: ["${exportTo}"], http:`),
  routes('v', 'pay', 'only.pay.example', to('pay')).replace('http:', `exportTo: ["${exportTo}"], http:`),
  istio(
    'Sidecar',
    'all',
    'pay',
    '{egress: [{hosts: ["~/*"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}',
  ),
];

const ours = (files: readonly string[]): ScopeText => ({
  path: 'shop',
  namespaces: ['shop', 'web'],
  hosts: ['*.shop.example'],
  files: filed(files),
});
const others = (files: readonly string[]): ScopeText => ({
  path: 'pay',
  namespaces: ['pay'],
  hosts: ['*.pay.example'],
  files: filed(files),
});

function filed(documents: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(documents.map((text, index) => [`${index}.yaml`, text]));
}

test('what is not exported to a proxy changes no byte of it', () => {
  const alone = clients.map((client) => bytesOf(snapshotOf(client, ours(shop), others([]))));
  const said = fc.constantFrom('.', 'pay', '~').chain((exportTo) => fc.shuffledSubarray(theirs(exportTo)));
  fc.assert(
    fc.property(said, (files) => {
      const beside = clients.map((client) => bytesOf(snapshotOf(client, ours(shop), others(files))));
      expect(beside).toEqual(alone);
    }),
    { numRuns: 60 },
  );
});

test('what a Sidecar does not import changes no byte, whatever is exported', () => {
  const [, , limited] = clients;
  if (limited === undefined) throw new Error('no client');
  const alone = bytesOf(snapshotOf(limited, ours(shop), others([])));
  fc.assert(
    fc.property(fc.shuffledSubarray(theirs('*')), (files) => {
      expect(bytesOf(snapshotOf(limited, ours(shop), others(files)))).toEqual(alone);
    }),
    { numRuns: 40 },
  );
});

test('files and scopes in any order are the same bytes', () => {
  const all = theirs('*');
  const expected = clients.map((client) => bytesOf(snapshotOf(client, ours(shop), others(all))));
  const order = fc.record({
    shop: fc.shuffledSubarray(shop, { minLength: shop.length }),
    pay: fc.shuffledSubarray(all, { minLength: all.length }),
    isTurned: fc.boolean(),
  });
  fc.assert(
    fc.property(order, ({ shop: first, pay: second, isTurned }) => {
      const scopes = [ours(first), others(second)];
      const given = isTurned ? scopes.toReversed() : scopes;
      expect(clients.map((client) => bytesOf(snapshotOf(client, ...given)))).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});
