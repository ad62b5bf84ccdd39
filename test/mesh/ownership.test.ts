import { describe, expect, test } from 'vitest';
import { type Owner, treatment } from '../../src/mesh/index.ts';
import { isVisible, ownerOfHost, ownerOfNamespace, ownersWithin } from '../../src/mesh/ownership.ts';
import { readPart } from '../../src/mesh/part.ts';
import { defaultSettings } from '../../src/mesh/settings.ts';
import { entry, routes, service, subsets, to } from './manifests.ts';
import { codesOf, meshOf, scope } from './world.ts';

const granted = { namespaces: [], hosts: [] };
const below = { root: 'r', rank: 0 };
const said = { settings: defaultSettings, gatewayClasses: {} };
const root: Owner = {
  uid: 'r',
  parent: null,
  ...below,
  path: 'acme',
  namespaces: ['*'],
  hosts: ['*'],
  ...said,
  granted,
};
const payments: Owner = {
  uid: 'p',
  parent: 'r',
  ...below,
  path: 'acme.payments',
  namespaces: ['payments'],
  hosts: ['pay.acme.example', '*.pay.acme.example'],
  ...said,
  granted,
};
const eu: Owner = {
  uid: 'e',
  parent: 'p',
  ...below,
  path: 'acme.payments.eu',
  namespaces: ['payments-eu'],
  hosts: ['eu.pay.acme.example'],
  ...said,
  granted,
};
const other: Owner = {
  uid: 'o',
  parent: null,
  root: 'o',
  rank: 0,
  path: 'other',
  namespaces: ['*'],
  hosts: ['*.other.example'],
  ...said,
  granted,
};
const owners = [root, payments, eu];

describe('a namespace is owned by the deepest scope that names it', () => {
  test.each([
    ['payments', 'p'],
    ['payments-eu', 'e'],
    ['shop', 'r'],
  ])('%s: %s', (namespace, uid) => expect(ownerOfNamespace(owners, namespace)?.uid).toBe(uid));

  test('nobody when nobody has it', () => expect(ownerOfNamespace([payments], 'shop')).toBeNull());
  test('nobody when two unrelated scopes claim it alike', () => {
    expect(ownerOfNamespace([root, other], 'shop')).toBeNull();
    expect(
      ownerOfNamespace(
        [
          { ...root, hosts: [] },
          { ...eu, namespaces: ['*'] },
        ],
        'shop',
      )?.uid,
    ).toBe('e');
  });
  test('nobody when scopes of two repositories claim it, however closely one does', () => {
    expect(ownerOfNamespace([root, payments, other], 'payments')).toBeNull();
    expect(ownerOfHost([root, other], 'x.other.example')).toBeNull();
  });
  test('the scope of the repository that goes before the others', () => {
    const later = { ...other, rank: 1, namespaces: ['payments', 'bank'], hosts: ['*.pay.acme.example'] };
    const deeper = { ...later, uid: 'd', parent: 'o', path: 'other.a.b.c' };
    const all = [{ ...root, namespaces: [] }, payments, eu, later, deeper];
    expect(ownerOfNamespace(all, 'payments')?.uid).toBe('p');
    expect(ownerOfNamespace(all, 'bank')?.uid).toBe('d');
    expect(ownerOfHost(all, 'x.pay.acme.example')?.uid).toBe('p');
    const claiming = { ...later, namespaces: ['payments'] };
    expect(ownersWithin([root, payments, eu, claiming], '*', 'r').map(({ uid }) => uid)).not.toContain('o');
  });
});

test('granted but not owned: nobody, not the scope that granted it', () => {
  const granting = { ...root, granted: { namespaces: ['payments', 'spare'], hosts: ['*.pay.acme.example'] } };
  expect(ownerOfNamespace([granting, payments], 'payments')?.uid).toBe('p');
  expect(ownerOfNamespace([granting, payments], 'spare')).toBeNull();
  expect(ownerOfNamespace([granting, payments], 'shop')?.uid).toBe('r');
  expect(ownerOfHost([granting], 'x.pay.acme.example')).toBeNull();
  expect(ownerOfHost([granting], 'x.acme.example')?.uid).toBe('r');
});

describe('a host is owned by', () => {
  test.each([
    ['cart.shop.svc.cluster.local', 'r', "its namespace's owner"],
    ['api.payments.svc.cluster.local', 'p', "its namespace's owner, not *"],
    ['api.payments.svc', 'p', 'the same for a short form'],
    ['api.payments', 'p', 'the same where a scope names the namespace'],
    ['*.payments.svc.cluster.local', 'p', 'the same for a wildcard in it'],
    ['pay.acme.example', 'p', 'the deepest pattern'],
    ['x.pay.acme.example', 'p', 'the deepest wildcard'],
    ['eu.pay.acme.example', 'e', 'a grandchild'],
    ['www.acme.example', 'r', 'the root'],
  ])('%s: %s (%s)', (host, uid) => expect(ownerOfHost(owners, host)?.uid).toBe(uid));

  test('nobody where it is a single label: a short name in every namespace', () => {
    expect(ownerOfHost(owners, 'cart')).toBeNull();
  });
  test('nobody where it is an address: that of any service', () => {
    expect(ownerOfHost(owners, '10.96.0.1')).toBeNull();
  });
  test('nobody without a *', () => expect(ownerOfHost([payments], 'api.stripe.com')).toBeNull());
});

test.each([
  ['*.acme.example', ['acme.payments', 'acme.payments.eu']],
  ['*.pay.acme.example', ['acme.payments', 'acme.payments.eu']],
  ['*.other.example', []],
  ['*.cluster.local', ['acme.payments', 'acme.payments.eu']],
  ['pay.acme.example', []],
])('the wildcard %s of the root reaches into %j', (pattern, within) => {
  expect(
    ownersWithin(owners, pattern, 'r')
      .map(({ path }) => path)
      .sort(),
  ).toEqual(within);
});

test('visibility', () => {
  expect(isVisible({ owners }, { to: 'everybody' }, 'shop')).toBe(true);
  expect(isVisible({ owners }, { to: 'scope', uid: 'p' }, 'payments')).toBe(true);
  expect(isVisible({ owners }, { to: 'scope', uid: 'p' }, 'shop')).toBe(false);
  expect(isVisible({ owners }, { to: 'namespaces', names: ['shop'] }, 'shop')).toBe(true);
  expect(isVisible({ owners }, { to: 'namespaces', names: [] }, 'shop')).toBe(false);
});

const acme = (files: string) => ({ path: 'acme', files });
const child = (files: string) => ({
  path: 'acme.payments',
  namespaces: ['payments'],
  hosts: ['pay.acme.example'],
  files,
});

describe('what a scope may not say', () => {
  test("a manifest in a child's namespace is left out", () => {
    const built = meshOf(acme(service('api', 'payments')), child(''));
    expect(codesOf(built)).toEqual(['FL3101 acme/mesh.yaml:3']);
    expect(built.mesh.services).toEqual([]);
  });

  test.each([
    ['a service entry', entry('steal', 'shop', 'pay.acme.example')],
    ['a service entry under a cluster host', entry('steal', 'shop', 'api.payments.svc.cluster.local')],
    ['a service entry under a short form', entry('steal', 'shop', 'api.payments')],
    ['routes', routes('steal', 'shop', 'api.payments.svc.cluster.local', to('evil'))],
  ])("%s for a child's host", (_what, manifest) => {
    const built = meshOf(acme(manifest), child(service('api', 'payments')));
    const [problem] = built.problems;
    expect(problem?.code).toBe('FL3102');
    expect(problem?.message).toMatch(/acme\.payments.*acme/);
    expect(built.mesh.services.map(({ host }) => host)).toEqual(['api.payments.svc.cluster.local']);
    expect(built.mesh.routings).toEqual([]);
    expect(built.mesh.services[0]?.subsets).toEqual([]);
  });

  test("subsets for a child's host are for clients of their own namespace alone", () => {
    const rule = subsets('mine', 'shop', 'api.payments.svc.cluster.local', 'v1');
    const built = meshOf(acme(rule), child(service('api', 'payments')));
    expect(built.problems).toEqual([]);
    const [api] = built.mesh.services;
    const heard = (namespace: string) => api && treatment(built.mesh, namespace)(api).subsets.length;
    expect([heard('shop'), heard('payments'), heard('web')]).toEqual([1, 0, 0]);
  });

  test('a child for what stayed with its parent', () => {
    expect(codesOf(meshOf(acme(''), child(entry('steal', 'payments', 'www.acme.example'))))[0]).toMatch(
      /^FL3102/,
    );
  });

  test('a wildcard around hosts of a child', () => {
    const built = meshOf(
      acme(entry('all', 'shop', '*.acme.example', ', endpoints: [{address: 10.0.0.1}]')),
      child(''),
    );
    expect(built.problems.map(({ code }) => code)).toEqual(['FL3103']);
    expect(built.mesh.services).toEqual([]);
  });
});

describe('a host that nobody owns', () => {
  const stripe = entry('stripe', 'payments', 'api.stripe.com');

  test('is visible to its own scope, with a note', () => {
    const built = meshOf(child(stripe));
    expect(built.problems).toMatchObject([{ code: 'FL3104', severity: 'warning' }]);
    expect(built.mesh.services[0]?.visibility).toEqual({ to: 'scope', uid: 'uid-acme.payments' });
  });

  test('is nobody else’s through exportTo', () => {
    const built = meshOf(
      child(entry('stripe', 'payments', 'api.stripe.com', ', exportTo: [shop, payments]')),
    );
    expect(built.mesh.services[0]?.visibility).toEqual({ to: 'namespaces', names: ['payments'] });
  });

  test('may be defined by two scopes, each for itself', () => {
    const shop = {
      path: 'acme.shop',
      namespaces: ['shop'],
      hosts: [],
      files: entry('stripe', 'shop', 'api.stripe.com'),
    };
    const built = meshOf(child(stripe), shop);
    expect(built.mesh.services.map(({ id }) => id)).toEqual([
      'payments/api.stripe.com',
      'shop/api.stripe.com',
    ]);
  });

  test('may not be a single label for others', () => {
    const built = meshOf(acme(entry('cart', 'shop', 'cart')), child(''));
    expect(built.mesh.services[0]?.visibility).toEqual({ to: 'scope', uid: 'uid-acme' });
  });
});

test('who reads the manifests of many scopes does not go through all owners for each', () => {
  const { resources } = scope({ path: 'acme', files: service('shop', 'cart') });
  let asked = 0;
  const owners = Array.from({ length: 200 }, (_, index): Owner => {
    const uid = index === 199 ? 'uid-acme' : `uid-${index}`;
    const { uid: _uid, ...rest } = { ...root, namespaces: index === 199 ? ['*'] : [] };
    return {
      ...rest,
      get uid() {
        asked += 1;
        return uid;
      },
    };
  });
  for (let times = 0; times < 200; times += 1) {
    expect(readPart(resources, owners, new Map()).candidates).toHaveLength(1);
  }
  expect(asked).toBeLessThan(200 * 20);
});
