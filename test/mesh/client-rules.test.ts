import { describe, expect, test } from 'vitest';
import { type Built, treatment } from '../../src/mesh/index.ts';
import { istio, routes, service, subsets, to } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

const cart = 'cart.shop.svc.cluster.local';
const acme = (files: string) => ({ path: 'acme', namespaces: ['shop', 'web', 'istio-system'], files });
const child = (files: string) => ({ path: 'acme.pay', namespaces: ['pay'], hosts: [], files });
const other = (files: string) => ({ path: 'other', namespaces: ['ops'], hosts: [], files });
const rule = (name: string, namespace: string, host: string, subset: string, exportTo?: string) =>
  istio(
    'DestinationRule',
    name,
    namespace,
    `{host: "${host}", subsets: [{name: ${subset}}]${exportTo === undefined ? '' : `, exportTo: [${exportTo}]`}}`,
  );

/** Subsets of cart as clients of each namespace know them. */
function heard({ mesh }: Built, ...namespaces: readonly string[]): readonly string[] {
  return namespaces.map((namespace) => {
    const found = mesh.services.find(({ host }) => host === cart);
    if (found === undefined) throw new Error('no cart');
    return treatment(
      mesh,
      namespace,
    )(found)
      .subsets.map(({ name }) => name)
      .join();
  });
}

const everywhere = ['shop', 'web', 'pay', 'ops', 'istio-system'] as const;

describe('where the rules for a host are looked up', () => {
  test.each<readonly [string, string, readonly string[]]>([
    ['the namespace of the host', rule('a', 'shop', 'cart', 'own'), ['own', 'own', 'own', 'own', 'own']],
    ['for its own clients', rule('a', 'shop', 'cart', 'own', '.'), ['own', '', '', '', '']],
    ['for those named', rule('a', 'shop', 'cart', 'own', 'web, pay'), ['own', 'own', 'own', '', '']],
    ['for nobody', rule('a', 'shop', 'cart', 'own', '"~"'), ['', '', '', '', '']],
    [
      "the client's namespace comes first",
      rule('a', 'shop', 'cart', 'own') + rule('b', 'web', cart, 'mine'),
      ['own', 'mine', 'own', 'own', 'own'],
    ],
    [
      'whoever else may see it',
      rule('a', 'shop', 'cart', 'own') + rule('b', 'web', cart, 'mine', '.'),
      ['own', 'mine', 'own', 'own', 'own'],
    ],
    [
      'and for wider hosts, too',
      rule('a', 'shop', 'cart', 'own') + rule('b', 'web', '*.local', 'mine'),
      ['own', 'mine', 'own', 'own', 'own'],
    ],
    [
      'the narrowest counts',
      rule('a', 'web', '*', 'all') +
        rule('b', 'web', '*.shop.svc.cluster.local', 'shop') +
        rule('c', 'web', '*.local', 'local'),
      ['', 'shop', '', '', ''],
    ],
    [
      'of the namespace of the host, too',
      rule('a', 'shop', '*.local', 'wide') + rule('b', 'shop', 'cart', 'own'),
      ['own', 'own', 'own', 'own', 'own'],
    ],
    [
      'and what is not for a client gives way to what is wider',
      rule('a', 'shop', '*.local', 'wide') + rule('b', 'shop', 'cart', 'own', '.'),
      ['own', 'wide', 'wide', 'wide', 'wide'],
    ],
    [
      'the root namespace comes last, for its own scope and those below',
      rule('a', 'istio-system', '*.local', 'root'),
      ['root', 'root', 'root', '', 'root'],
    ],
    [
      'and not where the namespace of the host says something',
      rule('a', 'istio-system', '*.local', 'root') + rule('b', 'shop', 'cart', 'own', 'web'),
      ['own', 'own', 'root', '', 'root'],
    ],
    [
      'of the root namespace what is exported',
      rule('a', 'istio-system', '*.local', 'root', '.'),
      ['', '', '', '', 'root'],
    ],
  ])('%s', (_what, rules, expected) => {
    const built = meshOf(acme(service('cart', 'shop') + rules), child(''), other(''));
    expect(built.problems).toEqual([]);
    expect(heard(built, ...everywhere)).toEqual(expected);
  });
});

test('rules of one namespace and host add up for those who see both', () => {
  const files =
    service('cart', 'shop') + rule('a', 'shop', 'cart', 'v1') + rule('b', 'shop', 'cart', 'v2', '.');
  expect(heard(meshOf(acme(files), child('')), 'shop', 'pay')).toEqual(['v1,v2', 'v1']);
});

test('two that define one subset contradict each other, whoever sees them', () => {
  const files =
    service('cart', 'shop') + rule('a', 'shop', 'cart', 'v1') + rule('b', 'shop', 'cart', 'v1', '.');
  const built = meshOf(acme(files));
  expect(codesOf(built)).toEqual(['FL3203 acme/mesh.yaml:9', 'FL3203 acme/mesh.yaml:14']);
  expect(heard(built, 'shop')).toEqual(['']);
});

test('a destination may name a subset that only its own clients know', () => {
  const files = service('cart', 'shop') + subsets('a', 'web', cart, 'v1');
  const toSubset = (name: string) =>
    istio('VirtualService', 'v', 'web', `{hosts: [web.example], http: ${to(cart, `, subset: ${name}`)}}`);
  const codes = (name: string) =>
    codesOf(meshOf(acme(files + toSubset(name)))).map((code) => code.slice(0, 6));
  expect(codes('v1')).not.toContain('FL3302');
  expect(codes('v2')).toContain('FL3302');
});

test('who sees a Service is said in its annotation', () => {
  const hidden = service('cart', 'shop').replace(
    'namespace: shop}',
    'namespace: shop, annotations: {networking.istio.io/exportTo: "., web"}}',
  );
  const [found] = meshOf(acme(hidden)).mesh.services;
  expect(found?.visibility).toEqual({ to: 'namespaces', names: ['shop', 'web'] });
});

test('routes, too, are for those who see them', () => {
  const hidden = routes('v', 'shop', 'cart', to('cart')).replace('http:', 'exportTo: [web], http:');
  expect(meshOf(acme(service('cart', 'shop') + hidden)).mesh.routings[0]?.visibility).toEqual({
    to: 'namespaces',
    names: ['web'],
  });
});

describe('workloadSelector', () => {
  const chosen = (name: string, subset: string, labels: string) =>
    istio(
      'DestinationRule',
      name,
      'shop',
      `{host: cart, workloadSelector: {matchLabels: {${labels}}}, subsets: [{name: ${subset}}]}`,
    );
  const { mesh, problems } = meshOf(
    acme(
      service('cart', 'shop') +
        rule('a', 'shop', 'cart', 'all') +
        chosen('b', 'some', 'app: web') +
        chosen('c', 'few', 'app: web, tier: front'),
    ),
  );
  const [found] = mesh.services;
  const subsetsFor = (namespace: string, labels: Readonly<Record<string, string>>) =>
    found && treatment(mesh, namespace, labels)(found).subsets.map(({ name }) => name);

  test.each([
    ['shop', {}, ['all']],
    ['shop', { app: 'web' }, ['some']],
    ['shop', { app: 'web', tier: 'front' }, ['few']],
    ['web', { app: 'web' }, ['all']],
  ])('a client of %s with %j', (namespace, labels, expected) => {
    expect(problems).toEqual([]);
    expect(subsetsFor(namespace, labels)).toEqual(expected);
  });

  test('two that say one thing of the same clients contradict each other', () => {
    const built = meshOf(
      acme(service('cart', 'shop') + chosen('b', 'some', 'a: b') + chosen('c', 'some', 'a: b')),
    );
    expect(codesOf(built).map((code) => code.slice(0, 6))).toEqual(['FL3203', 'FL3203']);
  });
});
