import { describe, expect, test } from 'vitest';
import { ownErrors } from '../../src/mesh/own-errors.ts';
import { service } from './manifests.ts';
import { type ScopeText, scope } from './world.ts';

/** Errors that a scope has whatever other scopes say: they alone keep it at its last good state (decision 0033). */

const virtualService = (name: string, host: string, destination: string) =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}, namespace: shop}\nspec: {hosts: [${host}], http: [{route: [{destination: ${destination}}]}]}\n`;
const rule = (name: string, host: string, spec: string) =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ${name}, namespace: shop}\nspec: {host: ${host}, ${spec}}\n`;
const filters = (name: string, operation: string) =>
  `apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: ${name}, namespace: shop}\nspec: {configPatches: [{applyTo: CLUSTER, match: {cluster: {name: c}}, patch: {operation: ${operation}}}]}\n`;
const subsets = 'subsets: [{name: v1, labels: {version: v1}}]';

/** A scope that owns the namespace shop, and example.com. */
const errorsOf = (...documents: readonly string[]) => {
  const files = Object.fromEntries(documents.map((text, index) => [`${index}.yaml`, text]));
  const said: ScopeText = {
    path: 'shop',
    namespaces: ['shop'],
    hosts: ['example.com', '*.example.com'],
    files,
  };
  return ownErrors(scope(said)).map(({ code, file }) => `${code} ${file}`);
};
const cart = service('cart', 'shop');

describe('its own', () => {
  test.each([
    ['a manifest that is none', [cart, 'kind: Nonsense\n'], ['FL2101 shop/1.yaml']],
    [
      'a host of its namespace that is not there',
      [virtualService('a', 'cart', '{host: crat}'), cart],
      ['FL3301 shop/0.yaml'],
    ],
    [
      'a host that it owns and does not define',
      [virtualService('a', 'cart', '{host: www.example.com}'), cart],
      ['FL3301 shop/0.yaml'],
    ],
    [
      'a port that its Service lacks',
      [virtualService('a', 'cart', '{host: cart, port: {number: 81}}'), cart],
      ['FL3303 shop/0.yaml'],
    ],
    [
      'a subset that its own rule lacks',
      [virtualService('a', 'cart', '{host: cart, subset: v2}'), cart, rule('r', 'cart', subsets)],
      ['FL3302 shop/0.yaml'],
    ],
    ['a rule for a host that is not there', [rule('r', 'crat', subsets), cart], ['FL3301 shop/0.yaml']],
    [
      'a subset given twice',
      [rule('r', 'cart', subsets), rule('s', 'cart', subsets), cart],
      ['FL3203 shop/0.yaml', 'FL3203 shop/1.yaml'],
    ],
    [
      'filters that contradict each other',
      [
        filters('a', 'MERGE, value: {connect_timeout: 1s}'),
        filters('b', 'MERGE, value: {connect_timeout: 2s}'),
      ],
      ['FL3360 shop/0.yaml', 'FL3360 shop/1.yaml'],
    ],
    [
      'a Gateway of its namespace that is not there',
      [virtualService('a', 'www.example.com], gateways: [edge', '{host: cart}'), cart],
      ['FL3330 shop/0.yaml'],
    ],
  ])('%s', (_, documents, expected) => {
    expect(errorsOf(...documents)).toEqual(expected);
  });
});

describe('not its own, whoever else is at fault', () => {
  test.each([
    ['nothing at all', [cart]],
    [
      'a warning',
      [
        virtualService('a', 'cart', '{host: cart}'),
        cart,
        rule('r', 'cart', `trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: true}}}`),
      ],
    ],
    [
      'a host of another namespace',
      [virtualService('a', 'cart', '{host: stock.depot.svc.cluster.local}'), cart],
    ],
    ['a host outside', [virtualService('a', 'cart', '{host: api.stripe.com}'), cart]],
    [
      'a subset that a scope above may define',
      [virtualService('a', 'cart', '{host: cart, subset: v2}'), cart],
    ],
    [
      'a Gateway of another namespace',
      [virtualService('a', 'www.example.com], gateways: [edge/main', '{host: cart}'), cart],
    ],
    [
      'a routing for a host of another scope',
      [virtualService('a', 'stock.depot.svc.cluster.local', '{host: cart}'), cart],
    ],
  ])('%s', (_, documents) => {
    expect(errorsOf(...documents)).toEqual([]);
  });
});
