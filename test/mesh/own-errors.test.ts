import { array, assert, constantFrom, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { build } from '../../src/mesh/index.ts';
import { ownErrors } from '../../src/mesh/own-errors.ts';
import { document } from './documents.ts';
import { entry, routes, service, to } from './manifests.ts';
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

/** What a scope above may say for those below it. */
const config = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh, namespace: istio-system}\nspec: {${spec}}\n`;
const seenBy = (names: string) =>
  config(
    `defaultServiceExportTo: [${names}], defaultVirtualServiceExportTo: [${names}], defaultDestinationRuleExportTo: [${names}]`,
  );
const controlledBy = (controller: string) =>
  `apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: other}\nspec: {controllerName: ${controller}}\n`;
const ours = controlledBy('fairlead.dev/gateway-controller');
const above = (files: string) => scope({ path: 'acme', namespaces: ['istio-system'], hosts: [], files });
const below = (...documents: readonly string[]) => {
  const files = Object.fromEntries(documents.map((text, index) => [`${index}.yaml`, text]));
  return scope({ path: 'acme.shop', namespaces: ['shop', 'pay'], hosts: ['www.acme.example'], files });
};
const placesOf = (problems: ReturnType<typeof ownErrors>) =>
  problems
    .filter(({ severity }) => severity === 'error')
    .map(({ code, file, line, column }) => `${code} ${file}:${line}:${column}`);

describe('nothing that a scope above says makes or ends one', () => {
  const inBoth = (text: (namespace: string) => string) => [text('shop'), text('pay')];
  const twice = [
    ...inBoth((namespace) => entry('outside', namespace, 'api.example')),
    ...inBoth((namespace) => routes('www', namespace, 'www.acme.example', to('api.example'))),
  ];

  test('what each namespace has for itself, if the scope above says so, is no error', () => {
    const errorsUnder = (names: string) =>
      new Set(
        placesOf(build([above(seenBy(names)), below(...twice)]).problems).map((each) => each.slice(0, 6)),
      );
    expect(errorsUnder('"."')).toEqual(new Set());
    expect(errorsUnder('"*"')).toEqual(new Set(['FL3201', 'FL3202']));
    expect(ownErrors(below(...twice))).toEqual([]);
    // But where it says so itself, it is.
    expect(placesOf(ownErrors(below(...twice, seenBy('"*"').replace('istio-system', 'shop')))).length).toBe(
      4,
    );
  });

  test('what a Gateway lacks only where its class is ours', () => {
    const gateway =
      'apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: shop}\nspec: {gatewayClassName: other, listeners: [{name: a, port: 80, protocol: HTTP}]}\n';
    const route =
      'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: www, namespace: shop}\nspec: {parentRefs: [{name: edge, sectionName: b}], hostnames: [www.acme.example], rules: [{backendRefs: [{name: cart, port: 80}]}]}\n';
    const lacking = [cart, gateway, route];
    expect(placesOf(build([above(ours), below(...lacking)]).problems)).toEqual([
      'FL3334 acme.shop/2.yaml:4:47',
    ]);
    expect(ownErrors(below(...lacking))).toEqual([]);
    expect(placesOf(ownErrors(below(...lacking, ours)))).toEqual(['FL3334 acme.shop/2.yaml:4:47']);
  });

  test('two of one namespace contradict each other wherever they are seen', () => {
    const [a, b] = ['a', 'b'].map((name) => routes(name, 'shop', 'www.acme.example', to('cart')));
    const rivals = below(cart, a ?? '', b ?? '');
    expect(placesOf(ownErrors(rivals)).map((each) => each.slice(0, 6))).toEqual(['FL3202', 'FL3202']);
  });

  // Where all is seen in one namespace alone (`[shop]`), not even what a scope contradicts itself in is seen at its place.
  const saidAbove = constantFrom(
    '',
    seenBy('"*"'),
    seenBy('"."'),
    config('defaultServiceExportTo: ["."]'),
    config('defaultVirtualServiceExportTo: ["."]'),
    config('rootNamespace: shop, connectTimeout: 1s'),
    ours,
    controlledBy('example.com/other'),
  );
  test('each is one of the whole mesh, whatever the scope above says', () => {
    let count = 0;
    const run = property(array(document, { maxLength: 12 }), saidAbove, (documents, said) => {
      const texts = documents.map((text, index) => text(index % 2 === 0 ? 'shop' : 'pay'));
      const own = placesOf(ownErrors(below(...texts)));
      const { problems } = build([above(said), below(...texts)]);
      const all = placesOf([...below(...texts).problems, ...problems]);
      // What speaks for hosts of another scope is refused before anything else is looked at.
      const refused = all
        .filter((each) => /^FL310\d /.test(each))
        .map((each) => each.replace(/^\S+ (\S+?):.*$/, '$1'));
      const missing = own.filter((each) => !all.includes(each));
      expect(missing.filter((each) => !refused.some((file) => each.includes(` ${file}:`)))).toEqual([]);
      count += own.length;
    });
    assert(run, { numRuns: 300 });
    expect(count).toBeGreaterThan(100);
  });
});
