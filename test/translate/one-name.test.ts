import { expect, test } from 'vitest';
import { istio, subsets, workload } from '../mesh/manifests.ts';
import { codesOf, meshOf } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, namesOf, proxyAt, snapshotOf } from './world.ts';

/** DNS_ROUND_ROBIN: each connection goes to what the one name of the host stands for then. Envoy takes no more names, and no fewer. */
const host = (endpoints: string) =>
  istio(
    'ServiceEntry',
    'db',
    'shop',
    `{hosts: [db.example.com], resolution: DNS_ROUND_ROBIN, ports: [{number: 80, name: http, protocol: HTTP}]${endpoints}}`,
  );
const selecting = host(', workloadSelector: {labels: {app: db}}');

test.each([
  ['nobody selects anything', host(''), { 'outbound|80||db.example.com': 'LOGICAL_DNS' }, []],
  [
    'one workload is selected',
    selecting + workload('a', 'shop', 'a.example.com', 'app: db'),
    { 'outbound|80||db.example.com': 'LOGICAL_DNS' },
    [],
  ],
  [
    'two are selected: an error of the scope, and nobody answers',
    selecting +
      workload('a', 'shop', 'a.example.com', 'app: db') +
      workload('b', 'shop', 'b.example.com', 'app: db'),
    { 'outbound|80||db.example.com': 'STATIC' },
    ['FL3306 acme/mesh.yaml:4'],
  ],
  [
    'the endpoint is in one subset and not in the other',
    host(', endpoints: [{address: a.example.com, labels: {version: v1}}]') +
      subsets('db', 'shop', 'db.example.com', 'v1', 'v2'),
    {
      'outbound|80||db.example.com': 'LOGICAL_DNS',
      'outbound|80|v1|db.example.com': 'LOGICAL_DNS',
      'outbound|80|v2|db.example.com': 'STATIC',
    },
    ['FL3325 acme/mesh.yaml:9'],
  ],
])('where %s', async (_, files, clusters, problems) => {
  const text = { path: 'acme', files };
  const snapshot = snapshotOf(proxyAt('10.9.0.1', 'shop'), text);
  const names = namesOf(snapshot, 'clusters').filter((name) => name.startsWith('outbound'));
  expect(Object.fromEntries(names.map((name) => [name, jsonOf(snapshot, 'clusters', name).type]))).toEqual(
    clusters,
  );
  expect(codesOf(meshOf(text))).toEqual(problems);
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});

test('a Pod with an address of each family is one workload', () => {
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: db, namespace: shop, labels: {app: db}}\nstatus: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}, {ip: "fd00::1"}]}\n';
  const text = { path: 'acme', files: `${selecting}---\n${pod}` };
  expect(codesOf(meshOf(text))).toEqual([]);
  const snapshot = snapshotOf(proxyAt('10.9.0.1', 'shop'), text);
  expect(jsonOf(snapshot, 'clusters', 'outbound|80||db.example.com').type).toBe('LOGICAL_DNS');
});
