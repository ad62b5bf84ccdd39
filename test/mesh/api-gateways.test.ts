import { describe, expect, test } from 'vitest';
import { createBuilder } from '../../src/mesh/index.ts';
import { apiGateway, gatewayApi, hostRoute, listener, service } from './manifests.ts';
import { codesOf, meshOf, type ScopeText, scope } from './world.ts';

const acme = (files: string | Record<string, string>) => ({ path: 'acme', files });
const cart = service('cart', 'shop');
const www = 'www.acme.example';
const forward = '[{backendRefs: [{name: cart, port: 80}]}]';
const all = ', allowedRoutes: {namespaces: {from: All}}';

/** `host entrance` of each routing. */
const routed = (...texts: readonly ScopeText[]) =>
  meshOf(...texts).mesh.routings.map(({ host, entrances }) => `${host} ${entrances.join()}`);
const codes = (...texts: readonly ScopeText[]) => meshOf(...texts).problems.map(({ code }) => code);

test('each listener is a gateway for the proxies that say its name', () => {
  const files = apiGateway('web', 'edge', listener('a', `, hostname: ${www}`), listener('b', '', 81));
  const { mesh, problems } = meshOf(acme(files));
  expect(problems).toEqual([]);
  expect(mesh.gateways).toMatchObject([
    {
      id: 'edge/web/a',
      selector: { 'gateway.networking.k8s.io/gateway-name': 'web' },
      isOwnNamespaceOnly: true,
      servers: [{ port: 80, offers: [{ host: www, to: null }] }],
    },
    { id: 'edge/web/b', servers: [{ port: 81, offers: [{ host: '*', to: null }] }] },
  ]);
});

describe('classes', () => {
  const gateway = (name: string) =>
    gatewayApi('Gateway', 'web', 'edge', `{gatewayClassName: ${name}, listeners: [${listener('a')}]}`);
  const ofClass = (name: string, controller: string) =>
    `apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: ${name}}\nspec: {controllerName: ${controller}}\n---\n`;

  test.each([
    ['ours needs no manifest', gateway('fairlead'), 1, []],
    ['of our controller', ofClass('mine', 'fairlead.dev/gateway-controller') + gateway('mine'), 1, []],
    ['of another one', ofClass('istio', 'istio.io/gateway-controller') + gateway('istio'), 0, ['FL3336']],
    ['of nobody we know', gateway('istio'), 0, ['FL3336']],
  ])('%s', (_what, files, count, expected) => {
    const built = meshOf(acme(files));
    expect(built.mesh.gateways).toHaveLength(count);
    expect(built.problems.map(({ code }) => code)).toEqual(expected);
  });

  test('of a scope above, of which the nearest counts', () => {
    const ours = 'fairlead.dev/gateway-controller';
    const root = {
      path: 'acme',
      namespaces: ['ops'],
      files: ofClass('mine', ours) + ofClass('theirs', 'a.example/b'),
    };
    const child = (files: string) => ({ path: 'acme.edge', namespaces: ['edge'], files });
    const other = { path: 'other', namespaces: ['elsewhere'], files: ofClass('beside', ours) };
    const gatewaysOf = (files: string) => meshOf(root, other, child(files)).mesh.gateways.length;
    expect(gatewaysOf(gateway('mine'))).toBe(1);
    expect(gatewaysOf(gateway('theirs'))).toBe(0);
    expect(gatewaysOf(gateway('beside'))).toBe(0);
    expect(gatewaysOf(ofClass('theirs', ours) + gateway('theirs'))).toBe(1);
    const builder = createBuilder();
    const built = (controller: string) => {
      const above = { ...root, files: ofClass('mine', controller) };
      return builder([scope(above), below]).mesh.gateways.length;
    };
    const below = scope(child(gateway('mine')));
    expect([built(ours), built('a.example/b'), built(ours)]).toEqual([1, 0, 1]);
  });

  test('routes at a Gateway of another controller are its business', () => {
    const files = cart + gateway('istio') + hostRoute('x', 'edge', '{name: web}', www, forward);
    expect(codes(acme(files))).toEqual(['FL3336']);
  });
});

describe('hosts', () => {
  test.each([
    ['', '', ['* edge/web/a']],
    ['', www, [`${www} edge/web/a`]],
    [www, '', [`${www} edge/web/a`]],
    ['"*.acme.example"', www, [`${www} edge/web/a`]],
    [www, '"*.acme.example"', [`${www} edge/web/a`]],
    ['"*.acme.example"', `${www}, b.example`, [`${www} edge/web/a`]],
    [www, 'b.example', []],
  ])('of a listener for %j and a route for %j', (listened, hosts, expected) => {
    const more = listened === '' ? '' : `, hostname: ${listened}`;
    const files =
      service('cart', 'edge') +
      apiGateway('web', 'edge', listener('a', more)) +
      hostRoute('x', 'edge', '{name: web}', hosts, forward);
    const built = meshOf(acme(files));
    expect(built.mesh.routings.map(({ host, entrances }) => `${host} ${entrances.join()}`)).toEqual(expected);
    expect(built.problems.map(({ code }) => code)).toEqual(expected.length === 0 ? ['FL3332'] : []);
  });

  test('that a closer listener of the port is for are not another one’s', () => {
    const files =
      service('cart', 'edge') +
      apiGateway(
        'web',
        'edge',
        listener('any', ', hostname: "*.acme.example"'),
        listener('one', `, hostname: ${www}`),
      ) +
      hostRoute('x', 'edge', '{name: web}', `${www}, b.acme.example`, forward);
    expect(routed(acme(files))).toEqual(['b.acme.example edge/web/any', `${www} edge/web/one`]);
    const alone = files.replace('{name: web}', '{name: web, sectionName: any}');
    expect(routed(acme(alone))).toEqual(['b.acme.example edge/web/any']);
  });
});

describe('a parent', () => {
  const two = apiGateway('web', 'edge', listener('a', all), listener('b', '', 81));
  test.each([
    ['{name: web}', ['* edge/web/a', '* edge/web/b'], []],
    ['{name: web, sectionName: b}', ['* edge/web/b'], []],
    ['{name: web, port: 80}', ['* edge/web/a'], []],
    ['{name: web, sectionName: c}', [], ['FL3334']],
    ['{name: web, sectionName: a, port: 81}', [], ['FL3334']],
    ['{name: web, port: 82}', [], ['FL3334']],
    ['{name: nowhere}', [], ['FL3330']],
    ['{name: web, namespace: shop}', [], ['FL3330']],
  ])('%s', (parent, expected, wrong) => {
    const files = service('cart', 'edge') + two + hostRoute('x', 'edge', parent, '', forward);
    expect(routed(acme(files))).toEqual(expected);
    expect(codes(acme(files))).toEqual(wrong);
  });
});

describe('routes of another namespace', () => {
  const at = (more: string) =>
    cart +
    apiGateway('web', 'edge', listener('a', more)) +
    hostRoute('x', 'shop', '{name: web, namespace: edge}', '', forward);
  const from = (text: string) => at(`, allowedRoutes: {namespaces: {from: ${text}}}`);
  const selected = (expression: string) => from(`Selector, selector: {matchExpressions: [${expression}]}`);
  const name = 'key: kubernetes.io/metadata.name, operator';
  test.each([
    ['by default', at(''), false],
    ['Same', from('Same'), false],
    ['All', from('All'), true],
    ['by label', from('Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}'), true],
    ['by another label', from('Selector, selector: {matchLabels: {a: b}}'), false],
    ['In', selected(`{${name}: In, values: [a, shop]}`), true],
    ['In others', selected(`{${name}: In, values: [a]}`), false],
    ['NotIn', selected(`{${name}: NotIn, values: [shop]}`), false],
    ['NotIn others', selected(`{${name}: NotIn, values: [a]}`), true],
    ['Exists', selected(`{${name}: Exists}`), true],
    ['DoesNotExist', selected('{key: a, operator: DoesNotExist}'), true],
    ['of another kind', at(', allowedRoutes: {namespaces: {from: All}, kinds: [{kind: GRPCRoute}]}'), false],
  ])('%s', (_how, files, isTaken) => {
    expect(routed(acme(files))).toHaveLength(isTaken ? 1 : 0);
    expect(codes(acme(files))).toEqual(isTaken ? [] : ['FL3335']);
  });
});

test('the labels of a namespace are those of its manifest, which its owner writes', () => {
  const selector = '{matchLabels: {team: pay}, matchExpressions: [{key: old, operator: DoesNotExist}]}';
  const edge = {
    path: 'acme',
    namespaces: ['edge'],
    hosts: ['*'],
    files: apiGateway(
      'web',
      'edge',
      listener('a', `, allowedRoutes: {namespaces: {from: Selector, selector: ${selector}}}`),
    ),
  };
  const shop = (labels: string) => ({
    path: 'acme.shop',
    namespaces: ['shop'],
    hosts: [www],
    files: `${cart + hostRoute('x', 'shop', '{name: web, namespace: edge}', www, forward)}apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {${labels}}}\n`,
  });
  expect(codes(edge, shop('team: pay'))).toEqual([]);
  expect(routed(edge, shop('team: pay'))).toEqual([`${www} edge/web/a`]);
  expect(codes(edge, shop('team: pay, old: "1"'))).toEqual(['FL3335']);
  expect(codes(edge, shop('team: other'))).toEqual(['FL3335']);
});

describe('of another scope', () => {
  const root = {
    path: 'acme',
    namespaces: ['edge'],
    hosts: ['acme.example'],
    files: apiGateway('web', 'edge', listener('a', all)),
  };
  const payments = (hosts: string) => ({
    path: 'acme.payments',
    namespaces: ['payments'],
    hosts: ['pay.acme.example'],
    files:
      service('cart', 'payments') +
      hostRoute('x', 'payments', '{name: web, namespace: edge}', hosts, forward),
  });

  test('a route is for hosts of its own scope', () => {
    expect(routed(root, payments('pay.acme.example'))).toEqual(['pay.acme.example edge/web/a']);
    expect(codes(root, payments('pay.acme.example'))).toEqual([]);
  });

  test('and for no others, least of all for all of them', () => {
    expect(codes(root, payments('acme.example'))).toEqual(['FL3102']);
    expect(routed(root, payments('acme.example'))).toEqual([]);
    expect(routed(root, payments(''))).toEqual([]);
  });

  test('a Gateway elsewhere sees no host that nobody owns', () => {
    expect(codes(root, payments('nobody.example'))).toEqual(['FL3332', 'FL3104']);
  });
});

describe('contradictions', () => {
  test('two listeners for one host and port are neither', () => {
    const files = apiGateway('web', 'edge', listener('a'), listener('b'), listener('c', '', 81));
    const built = meshOf(acme(files));
    expect(codesOf(built)).toEqual(['FL3331 acme/mesh.yaml:4', 'FL3331 acme/mesh.yaml:4']);
    expect(built.mesh.gateways.map(({ id }) => id)).toEqual(['edge/web/c']);
  });

  test('two routes with one match at a listener are neither', () => {
    const files = {
      'a.yaml': service('cart', 'edge') + apiGateway('web', 'edge', listener('a')),
      'b.yaml': hostRoute('x', 'edge', '{name: web}', www, forward),
      'c.yaml': hostRoute('y', 'edge', '{name: web}', www, forward),
    };
    const built = meshOf(acme(files));
    expect(codesOf(built)).toEqual(['FL3310 acme/b.yaml:4', 'FL3310 acme/c.yaml:4']);
    expect(built.problems[0]?.message).toBe(`acme/c.yaml:4 has the same match for ${www}`);
    expect(built.mesh.routings).toEqual([]);
  });

  test('an HTTPRoute and a GRPCRoute for one host are neither', () => {
    const files =
      service('cart', 'edge') +
      apiGateway('web', 'edge', listener('a')) +
      hostRoute('x', 'edge', '{name: web}', www, forward) +
      gatewayApi('GRPCRoute', 'y', 'edge', `{parentRefs: [{name: web}], hostnames: [${www}]}`);
    expect(codes(acme(files))).toEqual(['FL3337', 'FL3337']);
    expect(routed(acme(files))).toEqual([]);
  });
});

describe('a backend of another namespace', () => {
  const files = (grant: string) =>
    apiGateway('web', 'edge', listener('a')) +
    cart +
    hostRoute('x', 'edge', '{name: web}', www, '[{backendRefs: [{name: cart, namespace: shop, port: 80}]}]') +
    grant;
  const grant = (kind: string, namespace: string, to: string, placed = 'shop') =>
    gatewayApi(
      'ReferenceGrant',
      'g',
      placed,
      `{from: [{group: gateway.networking.k8s.io, kind: ${kind}, namespace: ${namespace}}], to: [${to}]}`,
    );
  const services = '{group: "", kind: Service}';
  test.each([
    ['without a grant', '', ['FL3311']],
    ['granted', grant('HTTPRoute', 'edge', services), []],
    ['granted by name', grant('HTTPRoute', 'edge', '{group: "", kind: Service, name: cart}'), []],
    [
      'granted by another name',
      grant('HTTPRoute', 'edge', '{group: "", kind: Service, name: a}'),
      ['FL3311'],
    ],
    ['granted to another kind', grant('GRPCRoute', 'edge', services), ['FL3311']],
    ['granted to another namespace', grant('HTTPRoute', 'web', services), ['FL3311']],
    ['granted for something else', grant('HTTPRoute', 'edge', '{group: "", kind: Secret}'), ['FL3311']],
    ['granted elsewhere', grant('HTTPRoute', 'edge', services, 'edge'), ['FL3311']],
  ])('%s', (_how, more, expected) => {
    expect(codes(acme(files(more)))).toEqual(expected);
  });

  test('is granted by the scope that owns it', () => {
    const root = { path: 'acme', namespaces: ['edge'], hosts: ['*'], files: files('').replace(cart, '') };
    const shop = (text: string) => ({
      path: 'acme.shop',
      namespaces: ['shop'],
      hosts: [],
      files: cart + text,
    });
    expect(codes(root, shop(''))).toEqual(['FL3311']);
    expect(codes(root, shop(grant('HTTPRoute', 'edge', services)))).toEqual([]);
  });
});

test('gRPC requests are matched by their path, the longer name first', () => {
  const methods = [
    '{service: a.B}',
    '{service: a.B, method: C}',
    '{method: D}',
    '{type: RegularExpression, service: "x.*", method: "y|z"}',
  ];
  const rules = methods.map((method) => `{matches: [{method: ${method}}]}`).join(', ');
  const files =
    apiGateway('web', 'edge', listener('a')) +
    gatewayApi('GRPCRoute', 'x', 'edge', `{parentRefs: [{name: web}], rules: [${rules}, {}]}`);
  const [routing] = meshOf(acme(files)).mesh.routings;
  expect(routing?.rules.map(({ matches }) => matches[0]?.path)).toEqual([
    { how: 'regex', text: '/(?:x.*)/(?:y|z)' },
    { how: 'exact', text: '/a.B/C' },
    { how: 'prefix', text: '/a.B/' },
    { how: 'regex', text: '/[^/]+/D' },
    null,
  ]);
});

test.each([
  ['grpc', '', []],
  ['web', ', appProtocol: kubernetes.io/h2c', []],
  ['web', '', []],
  ['http', '', ['FL3338']],
  ['tcp', '', ['FL3338']],
])('a GRPCRoute to a port named %s%s', (name, more, expected) => {
  const files =
    service('cart', 'edge', '', `[{name: ${name}, port: 80${more}}]`) +
    apiGateway('web', 'edge', listener('a')) +
    gatewayApi('GRPCRoute', 'x', 'edge', `{parentRefs: [{name: web}], rules: ${forward}}`);
  const built = meshOf(acme(files));
  expect(built.problems.map(({ code }) => code)).toEqual(expected);
  expect(built.mesh.routings[0]?.rules[0]?.action).toMatchObject({ destinations: [{ port: 80 }] });
});
