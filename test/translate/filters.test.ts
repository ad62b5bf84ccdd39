import { expect, test } from 'vitest';
import { type Proxy, parseProxy } from '../../src/translate/index.ts';
import { routes, service, workload } from '../mesh/manifests.ts';
import { type Json, jsonOf, snapshotOf, virtualHosts } from './world.ts';

const http = `[{route: [{destination: {host: cart}}], fault: {delay: {fixedDelay: 1s, percent: 1}}, corsPolicy: {}}]`;
const acme = {
  path: 'acme',
  files:
    service('cart', 'shop') +
    workload('cart', 'shop', '10.0.0.1', 'app: cart') +
    routes('cart', 'shop', 'cart', http),
};

function proxyWith(...extensions: readonly string[]): Proxy {
  const parsed = parseProxy('sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local', {}, extensions);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.proxy;
}

const [fault, cors, router] = ['fault', 'cors', 'router'].map((name) => `envoy.filters.http.${name}`);

test.each([
  ['does not list its extensions', [], [fault, cors, router], [fault, cors]],
  ['has all', [router, fault, cors, 'other'], [fault, cors, router], [fault, cors]],
  ['lacks one', [router, cors], [cors, router], [cors]],
  ['has none of them', [router], [router], undefined],
] as const)('filters of a proxy that %s', (_what, extensions, filters, said) => {
  const snapshot = snapshotOf(proxyWith(...(extensions as readonly string[])), acme);
  for (const listener of ['127.0.0.1_15080', '10.0.0.1_80']) {
    const [chain] = jsonOf(snapshot, 'listeners', listener).filter_chains as unknown as readonly Json[];
    const all = chain?.filters?.[0]?.typed_config?.http_filters as unknown as readonly { name: string }[];
    expect(all.map(({ name }) => name)).toEqual(filters);
  }
  const [route] = virtualHosts(snapshot).get('cart.shop.svc.cluster.local:80')?.routes ?? [];
  expect(route?.typed_per_filter_config && Object.keys(route.typed_per_filter_config)).toEqual(said);
});
