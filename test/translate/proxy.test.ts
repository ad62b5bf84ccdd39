import { describe, expect, test } from 'vitest';
import { parseProxy } from '../../src/translate/index.ts';
import { service } from '../mesh/manifests.ts';
import { proxyAt, snapshotOf } from './world.ts';

const id = 'sidecar~10.0.0.1~cart-1.shop~shop.svc.cluster.local';

test('who a proxy is', () => {
  const metadata = {
    NAMESPACE: 'shop',
    LABELS: { app: 'cart' },
    SERVICE_ACCOUNT: 'cart',
    INSTANCE_IPS: '10.0.0.1,2001:db8::1',
    FAIRLEAD: {
      capture: 'ports',
      httpProxyPort: 18080,
      services: 'per-type',
      protocol: 'sotw',
      credentials: '/run/secrets/',
    },
  };
  expect(parseProxy(id, metadata, ['envoy.filters.http.router'])).toEqual({
    ok: true,
    proxy: {
      id,
      type: 'sidecar',
      ip: '10.0.0.1',
      ips: ['10.0.0.1', '2001:db8::1'],
      name: 'cart-1',
      namespace: 'shop',
      dnsDomain: 'shop.svc.cluster.local',
      labels: { app: 'cart' },
      metadata: { INSTANCE_IPS: '10.0.0.1,2001:db8::1', NAMESPACE: 'shop', SERVICE_ACCOUNT: 'cart' },
      locality: '',
      node: null,
      serviceAccount: 'cart',
      extensions: new Set(['envoy.filters.http.router']),
      capture: 'ports',
      httpProxyPort: 18080,
      credentials: '/run/secrets',
      xds: { services: 'per-type', protocol: 'sotw' },
    },
  });
});

test('an address is one, however it is written', () => {
  const { ip, ips } = proxyAt('FD00:0::1', 'shop', { INSTANCE_IPS: 'fd00::1,10.0.0.1' });
  expect([ip, ips]).toEqual(['fd00::1', ['fd00::1', '10.0.0.1']]);
});

test.each([
  ['eu/a/1', {}, 'eu/a/1'],
  ['', { 'istio-locality': 'eu.a.1' }, 'eu/a/1'],
  ['us/b', { 'istio-locality': 'eu/a' }, 'eu/a'],
  ['', {}, ''],
])('a proxy at %j with labels %j runs at %j', (locality, labels, expected) => {
  expect(parseProxy(id, { LABELS: labels }, [], locality)).toMatchObject({ proxy: { locality: expected } });
});

test('what it does not say has a default', () => {
  const proxy = proxyAt('10.0.0.1', 'shop');
  expect(proxy).toMatchObject({
    labels: {},
    serviceAccount: null,
    extensions: null,
    capture: 'ports',
    httpProxyPort: 15080,
    xds: { services: 'ads', protocol: 'delta' },
  });
});

test.each([
  ['sidecar', { FAIRLEAD: { capture: 'redirect' } }, 'redirect'],
  ['sidecar', { FAIRLEAD: {} }, 'ports'],
  ['router', {}, 'none'],
] as const)('how traffic gets into a %s with %j', (type, metadata, capture) => {
  expect(proxyAt('10.0.0.1', 'shop', metadata, type)).toMatchObject({ type, capture });
});

describe('refused', () => {
  test.each([
    ['', {}],
    ['sidecar', {}],
    ['waypoint~10.0.0.1~cart-1.shop~shop.svc.cluster.local', {}],
    ['router~10.0.0.1~cart-1.shop~shop.svc.cluster.local', { FAIRLEAD: { capture: 'redirect' } }],
    [id, { FAIRLEAD: { services: 'cds' } }],
    [id, { FAIRLEAD: { protocol: 1 } }],
    [id, { INSTANCE_IPS: ['10.0.0.1'] }],
    [id, { INSTANCE_IPS: '10.0.0.1,here' }],
    ['sidecar~10.0.0~cart-1.shop~shop.svc.cluster.local', {}],
    ['sidecar~10.0.0.1~cart-1~shop.svc.cluster.local', {}],
    ['sidecar~10.0.0.1~cart-1.Shop~shop.svc.cluster.local', {}],
    ['sidecar~10.0.0.1~.shop~shop.svc.cluster.local', {}],
    ['sidecar~10.0.0.1~cart-1.shop~', {}],
    [`${id}~more`, {}],
    [id, { NAMESPACE: 'payments' }],
    [id, { LABELS: ['app'] }],
    [id, { LABELS: { app: 1 } }],
    [id, { FAIRLEAD: 'ports' }],
    [id, { FAIRLEAD: { capture: 'tproxy' } }],
    [id, { FAIRLEAD: { httpProxyPort: 0 } }],
    [id, { FAIRLEAD: { httpProxyPort: '80' } }],
    [id, { FAIRLEAD: { credentials: 'secrets' } }],
    [id, { FAIRLEAD: { credentials: 1 } }],
  ])('%s %j', (nodeId, metadata) => {
    expect(parseProxy(nodeId, metadata).ok).toBe(false);
  });
});

test('a proxy in a namespace that nobody owns hears nothing', () => {
  const shop = { path: 'acme.shop', namespaces: ['shop'], hosts: [], files: service('cart', 'shop') };
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'other'), shop);
  expect(snapshot.status).toBe('Unowned');
  expect([...snapshot.resources.values()].map(({ size }) => size)).toEqual([0, 0, 0, 0]);
});
