import { describe, expect, test } from 'vitest';
import { amendmentsOf } from '../../src/mesh/index.ts';
import { service } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

/** Which EnvoyFilters are for a workload, and in which order. */

function filter(name: string, namespace: string, more = '', patches = ''): string {
  const head = 'apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter';
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {configPatches: [${patches}]${more}}\n---\n`;
}

const acme = (files: string) => ({ path: 'acme', namespaces: ['shop', 'web', 'istio-system'], files });
const others = [
  { path: 'acme.pay', namespaces: ['pay'], files: '' },
  { path: 'other', namespaces: ['ops'], files: filter('theirs', 'ops') },
];

function names(files: string, namespace: string, labels = {}): readonly string[] {
  const { mesh } = meshOf(acme(files), ...others);
  return amendmentsOf(mesh, namespace, labels).map(({ origin }) => origin.document.split('/').at(-1) ?? '');
}

const selects = (labels: string) => `, workloadSelector: {labels: {${labels}}}`;
const priority = (number: number) => `, priority: ${number}`;

describe('which count, and in which order', () => {
  const files =
    filter('b', 'shop') +
    filter('a', 'shop') +
    filter('late', 'shop', priority(10)) +
    filter('early', 'shop', priority(-10)) +
    filter('cart', 'shop', selects('app: cart')) +
    filter('root', 'istio-system', priority(100)) +
    filter('roots', 'istio-system', selects('app: cart'));
  test.each<readonly [string, string, object, readonly string[]]>([
    [
      'those of the root first, then by priority, then by name',
      'shop',
      { app: 'web' },
      ['root', 'early', 'a', 'b', 'late'],
    ],
    [
      'with those that select it',
      'shop',
      { app: 'cart' },
      ['roots', 'root', 'early', 'a', 'b', 'cart', 'late'],
    ],
    ['another namespace has those of the root', 'web', {}, ['root']],
    ['also below its scope', 'pay', {}, ['root']],
    ['but not beside it', 'ops', {}, ['theirs']],
    ['nor where nobody owns the namespace', 'nowhere', {}, []],
    ['the root itself has its own once', 'istio-system', {}, ['root']],
  ])('%s', (_, namespace, labels, expected) => {
    expect(names(files, namespace, labels)).toEqual(expected);
  });
});

describe('contradictions', () => {
  const merge = (timeout: string, more = '') =>
    `{applyTo: CLUSTER, match: {cluster: {name: a}}, patch: {operation: MERGE, value: {connect_timeout: ${timeout}${more}}}}`;
  const remove = '{applyTo: CLUSTER, match: {cluster: {name: a}}, patch: {operation: REMOVE}}';
  const add = '{applyTo: CLUSTER, patch: {operation: ADD, value: {name: b}}}';
  const both = ['FL3360 acme/mesh.yaml:4', 'FL3360 acme/mesh.yaml:9'];
  test.each<readonly [string, string, string, string, string, readonly string[]]>([
    ['two values of a field', merge('1s'), '', merge('2s'), '', both],
    ['the same value', merge('1s'), '', merge('1s'), '', []],
    ['other fields', merge('1s'), '', merge('1s', ', name: b'), '', []],
    ['one is merged, one removed', merge('1s'), '', remove, '', both],
    ['both add', add, '', add, '', []],
    ['priorities tell the order', merge('1s'), priority(1), merge('2s'), '', []],
    ['for other workloads', merge('1s'), selects('app: a'), merge('2s'), selects('app: b'), []],
    ['for all and for some', merge('1s'), '', merge('2s'), selects('app: b'), both],
    ['a workload may have both', merge('1s'), selects('app: a'), merge('2s'), selects('tier: b'), both],
  ])('%s', (_, left, leftMore, right, rightMore, expected) => {
    const built = meshOf(acme(filter('a', 'shop', leftMore, left) + filter('b', 'shop', rightMore, right)));
    expect(codesOf(built)).toEqual(expected);
    expect(built.mesh.amendments).toHaveLength(expected.length > 0 ? 0 : 2);
  });
});

describe('CiliumEnvoyConfig', () => {
  const echo =
    '{name: e, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo}}';
  const config = (name: string, service: string) =>
    `apiVersion: cilium.io/v2\nkind: CiliumEnvoyConfig\nmetadata: {name: ${name}, namespace: shop}\nspec:\n  services: [{name: ${service}}]\n  resources: [{"@type": type.googleapis.com/envoy.config.listener.v3.Listener, filter_chains: [{filters: [${echo}]}]}]\n---\n`;
  const cart = service('cart', 'shop');
  test.each<readonly [string, string, readonly string[], number]>([
    ['of a Service', cart + config('a', 'cart'), [], 1],
    ['of no Service', cart + config('a', 'cat'), ['FL3361 acme/mesh.yaml:10'], 0],
    [
      'two of one port',
      cart + config('a', 'cart') + config('b', 'cart, ports: [80]'),
      ['FL3362 acme/mesh.yaml:10', 'FL3362 acme/mesh.yaml:17'],
      0,
    ],
    ['one for each port', cart + config('a', 'cart, ports: [81]') + config('b', 'cart, ports: [80]'), [], 2],
  ])('%s', (_, files, expected, count) => {
    const built = meshOf(acme(files));
    expect(codesOf(built)).toEqual(expected);
    expect(built.mesh.interceptions).toHaveLength(count);
  });
});

test('of many rivals each names a few, and what others are for is not compared', () => {
  const merge = (name: string, of: string, seconds: number) =>
    filter(
      name,
      'shop',
      '',
      `{applyTo: CLUSTER, match: {cluster: {service: ${of}}}, patch: {operation: MERGE, value: {connect_timeout: ${seconds}s}}}`,
    );
  const files = Array.from(
    { length: 20 },
    (_, index) => merge(`f${index}`, 'cart', index + 1) + merge(`g${index}`, `c${index}`, 1),
  );
  const { mesh, problems } = meshOf(acme(files.join('')));
  expect(problems.map(({ code }) => code)).toEqual(files.map(() => 'FL3360'));
  for (const { message } of problems)
    expect(message).toMatch(/^(\S+:\d+, ){4}\S+:\d+ and others say something else/);
  expect(mesh.amendments).toHaveLength(20);
});
