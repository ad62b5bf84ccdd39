import { expect, test } from 'vitest';
import { advise, build } from '../../src/mesh/index.ts';
import { istio, service, subsets, workload } from './manifests.ts';
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
])('the selector of a %s, too', (kind, spec) => {
  const selecting = `${web}${istio(kind, 'a', 'shop', spec)}`;
  expect(advice(selecting, [{ app: 'web' }])).toEqual([]);
  expect(advice(selecting, [{ app: 'other' }])).toEqual(['FL3402 4', 'FL3402 9']);
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
});
