import { describe, expect, test } from 'vitest';
import { advise, build } from '../../src/mesh/index.ts';
import { apiGateway, istio, listener, service, subsets, workload } from './manifests.ts';
import { scope } from './world.ts';

/** `code line` of each piece of advice on one scope. */
function advice(files: string, labels: readonly Readonly<Record<string, string>>[] = []): readonly string[] {
  const scopes = [scope({ path: 'acme', files })];
  const workloads = labels.map((own) => ({ namespace: 'shop', labels: own }));
  return advise({ ...build(scopes), scopes, workloads }).map(({ code, line }) => `${code} ${line}`);
}

const web = service('web', 'shop');

/** A spec in block style, so that each rule has a line of its own. */
function routed(...matches: readonly string[]): string {
  const head =
    'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: shop}\n';
  const http = matches.map((match) => `  - {match: [${match}], directResponse: {status: 200}}\n`);
  return `${web}${head}spec:\n  hosts: [web]\n  http:\n${http.join('')}`;
}

test.each([
  ['a prefix within a prefix', '{uri: {prefix: /a}}', '{uri: {prefix: /a/b}}'],
  ['a path within a prefix', '{uri: {prefix: /a}}', '{uri: {exact: /ab}}'],
  ['the same expression', '{uri: {regex: "/a.*"}}', '{uri: {regex: "/a.*"}}'],
  ['more conditions', '{uri: {prefix: /a}}', '{uri: {prefix: /a}, headers: {x: {exact: "1"}}}'],
  ['a header with any value', '{headers: {x: {}}}', '{headers: {x: {exact: "1"}}}'],
  ['one of several', '{uri: {prefix: /a}}, {uri: {prefix: /b}}', '{uri: {exact: /b/c}}'],
  ['labels of clients', '{sourceLabels: {app: a}}', '{sourceLabels: {app: a, version: v1}}'],
  ['whatever the case', '{uri: {prefix: /A}, ignoreUriCase: true}', '{uri: {prefix: /a/b}}'],
  ['a port', '{uri: {prefix: /}}', '{port: 80}'],
])('a rule that an earlier one takes all requests of is never reached: %s', (_, wide, narrow) => {
  expect(advice(routed(wide, narrow))).toEqual(['FL3401 13']);
});

test.each([
  ['a wider prefix', '{uri: {prefix: /a/b}}', '{uri: {prefix: /a}}'],
  ['one of two matches', '{uri: {prefix: /a}}', '{uri: {prefix: /a}}, {uri: {prefix: /b}}'],
  ['a path beside', '{uri: {exact: /a}}', '{uri: {exact: /b}}'],
  ['an expression', '{uri: {regex: "/a.*"}}', '{uri: {exact: /ab}}'],
  ['another condition', '{headers: {x: {exact: "1"}}}', '{headers: {y: {exact: "1"}}}'],
  ['what is excluded', '{withoutHeaders: {x: {}}}', '{uri: {prefix: /a}}'],
  ['another port', '{port: 80}', '{port: 81}'],
  ['another case', '{uri: {prefix: /A}}', '{uri: {prefix: /a}}'],
])('a rule with requests of its own is left alone: %s', (_, first, second) => {
  expect(advice(routed(first, second))).toEqual([]);
});

describe('connections', () => {
  const database = service('db', 'shop', '', '[{name: tcp, port: 1}, {name: tls, port: 2}]');
  const head =
    'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: db, namespace: shop}\n';
  const streams = (of: string, ...matches: readonly string[]) =>
    `${database}${head}spec:\n  hosts: [${of === 'tls' ? '"*.a.example"' : 'db'}]\n  ${of}:\n${matches.map((match) => `  - {match: [${match}], route: [{destination: {host: db, port: {number: 1}}}]}\n`).join('')}`;
  const names = (...all: readonly string[]) => `{sniHosts: [${all.map((name) => `"${name}"`).join(', ')}]}`;
  test.each([
    ['a port', 'tcp', '{port: 1}', '{port: 1, sourceLabels: {app: a}}', ['FL3401 13']],
    ['a name', 'tls', names('b.a.example', 'c.a.example'), names('c.a.example'), ['FL3401 13']],
    [
      'a range',
      'tcp',
      '{destinationSubnets: [10.0.0.0/8]}',
      '{destinationSubnets: [10.0.0.0/8]}',
      ['FL3401 13'],
    ],
    ['another port', 'tcp', '{port: 1}', '{port: 2}', []],
    ['a narrower name', 'tls', names('*.a.example'), names('b.a.example'), []],
    ['a narrower range', 'tcp', '{port: 1}', '{port: 1, destinationSubnets: [10.0.0.0/8]}', []],
    ['other clients', 'tcp', '{port: 1, sourceLabels: {app: a}}', '{port: 1}', []],
  ])('are taken by an earlier rule, or not: %s', (_, of, first, second, expected) => {
    expect(advice(streams(of, first, second))).toEqual(expected);
  });
});

test('a rule of an HTTPRoute that an earlier one takes all requests of is named by its line', () => {
  const rule = (path: string) =>
    `  - {matches: [{path: {value: ${path}}}], backendRefs: [{name: web, port: 80}]}\n`;
  const head =
    'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a, namespace: shop}\nspec:\n';
  const parents = '  parentRefs: [{group: "", kind: Service, name: web}]\n';
  const files = `${web}${head}${parents}  rules:\n${rule('/a')}${rule('/b')}${rule('/a')}`;
  expect(advice(files)).toEqual(['FL3401 14']);
  const refused = (path: string) =>
    rule(path).replace('backendRefs', 'filters: [{type: ExtensionRef, extensionRef: {}}], backendRefs');
  const guarded = `${web}${head}${parents}  rules:\n${refused('/a')}${refused('/a')}${refused('/b')}`;
  expect(advice(guarded)).toEqual(['FL3401 13']);
});

test('a selector is wrong only where workloads are known, and none of them has its labels', () => {
  expect(advice(web)).toEqual([]);
  expect(advice(web, [{ app: 'web' }])).toEqual([]);
  expect(advice(web, [{ app: 'wbe' }])).toEqual(['FL3402 4']);
  expect(advice(`${web}${workload('a', 'shop', '10.0.0.1', 'app: other')}`)).toEqual(['FL3402 4']);
});

test.each([
  [
    'ServiceEntry',
    '{hosts: [a.example], ports: [{number: 80, name: http}], resolution: STATIC, workloadSelector: {labels: {app: web}}}',
  ],
  ['Sidecar', '{workloadSelector: {labels: {app: web}}, egress: [{hosts: ["./*"]}]}'],
  ['DestinationRule', '{host: web, workloadSelector: {matchLabels: {app: web}}}'],
  ['EnvoyFilter', '{workloadSelector: {labels: {app: web}}}'],
  ['Telemetry', '{selector: {matchLabels: {app: web}}}'],
  ['ProxyConfig', '{selector: {matchLabels: {app: web}}}'],
  ['RateLimit', '{selector: {matchLabels: {app: web}}, rules: [{requests: 1, per: 1s}]}'],
])('the selector of a %s, too', (kind, spec) => {
  const text = istio(kind, 'a', 'shop', spec).replace('networking.istio.io/v1', versions[kind] ?? '$&');
  const found = (app: string) => advice(`${web}${text}`, [{ app }]).filter((one) => one.startsWith('FL3402'));
  expect(found('web')).toEqual([]);
  expect(found('other')).toEqual(['FL3402 4', 'FL3402 9']);
});

const versions: Readonly<Record<string, string>> = {
  EnvoyFilter: 'networking.istio.io/v1alpha3',
  ProxyConfig: 'networking.istio.io/v1beta1',
  RateLimit: 'fairlead.dev/v1alpha1',
  Telemetry: 'telemetry.istio.io/v1',
};

describe('a Gateway of Istio selects proxies of all namespaces of its scope', () => {
  const gateway = (selector: string) =>
    istio(
      'Gateway',
      'a',
      'shop',
      `{selector: {${selector}}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}`,
    );
  const at = (labels: string, namespace = 'edge') => workload('a', namespace, '10.0.0.1', labels);
  test.each([
    ['one of them', 'istio: ingress', at('istio: ingress'), []],
    ['none, where gateways are known', 'istio: ingressgateway', at('istio: ingress'), ['FL3402 4']],
    [
      'none, where one has some of its labels',
      'app: gw, tier: edge',
      at('app: gw, tier: mesh'),
      ['FL3402 4'],
    ],
    ['who is not known here, as it mostly is', 'istio: ingressgateway', at('app: web', 'shop'), []],
    ['the same by a label that all have', 'app: ingress', at('app: web', 'shop'), []],
  ])('%s', (_, selector, workloads, expected) => {
    expect(advice(gateway(selector) + workloads)).toEqual(expected);
  });
});

test('what the root namespace changes is changed of proxies of other namespaces', () => {
  const filter = (labels: string) =>
    istio('EnvoyFilter', 'a', 'istio-system', `{workloadSelector: {labels: {${labels}}}}`).replace(
      '/v1',
      '/v1alpha3',
    );
  const found = (labels: string) =>
    advice(filter(labels) + workload('a', 'shop', '10.0.0.1', 'app: web, tier: x'));
  expect(found('app: web')).toEqual(['FL3410 3']);
  expect(found('tier: y')).toEqual(['FL3410 3', 'FL3402 4']);
  expect(found('istio: ingressgateway')).toEqual(['FL3410 3']);
});

test.each([
  [
    'Telemetry',
    'telemetry.istio.io/v1',
    '{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: wbe}]}',
  ],
  [
    'Telemetry',
    'telemetry.istio.io/v1',
    '{targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: wbe}}',
  ],
  [
    'EnvoyFilter',
    'networking.istio.io/v1alpha3',
    '{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: wbe}]}',
  ],
])('a %s of a Gateway that is not there, where others are', (kind, version, spec) => {
  const targeting = istio(kind, 'a', 'shop', spec).replace('networking.istio.io/v1', version);
  const found = (files: string) => advice(targeting + files).filter((one) => one.startsWith('FL3402'));
  expect(found(apiGateway('web', 'shop', listener('a')))).toEqual(['FL3402 4']);
  expect(found(apiGateway('wbe', 'shop', listener('a')))).toEqual([]);
  expect(found('')).toEqual([]);
});

test('a subset is wrong only where workloads of its service are known, and none is in it', () => {
  const split = `${web}${subsets('web', 'shop', 'web', 'v1', 'v2')}`;
  expect(advice(split)).toEqual([]);
  expect(advice(split, [{ app: 'web', version: 'v1' }])).toEqual(['FL3403 9']);
  const entries = workload('a', 'shop', '10.0.0.1', 'app: web, version: v2');
  expect(advice(`${split}${entries}`)).toEqual(['FL3403 9']);
});

test('several VirtualServices of one host in the mesh are said to be one here, and not in Istio', () => {
  const one = (name: string, path: string, more = '') =>
    istio(
      'VirtualService',
      name,
      'shop',
      `{hosts: [web]${more}, http: [{match: [{uri: {prefix: ${path}}}], redirect: {uri: /}}]}`,
    );
  expect(advice(web + one('a', '/a') + one('b', '/b'))).toEqual(['FL3404 6', 'FL3404 11']);
  expect(advice(web + one('a', '/a') + one('b', '/b', ', gateways: [edge]'))).toEqual([]);
  expect(advice(web + one('a', '/a', ', exportTo: [x]') + one('b', '/b', ', exportTo: [y]'))).toEqual([]);
  const desk = one('b', '/b', ', exportTo: ["."]')
    .replace('namespace: shop', 'namespace: desk')
    .replace('[web]', '[web.shop.svc.cluster.local]');
  expect(advice(web + one('a', '/a') + desk)).toEqual([]);
});
