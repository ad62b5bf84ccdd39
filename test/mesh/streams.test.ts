import { describe, expect, test } from 'vitest';
import { istio, service, workload } from './manifests.ts';
import { meshOf } from './world.ts';

/** TCP and TLS routes of VirtualServices, as the mesh knows them. */

const files = (ports: string, spec: string) =>
  service('db', 'shop', '', ports) +
  workload('db', 'shop', '10.0.0.1', 'app: db') +
  istio('VirtualService', 'db', 'shop', `{hosts: [db], ${spec}}`);
const built = (ports: string, spec: string) => meshOf({ path: 'acme', files: files(ports, spec) });
const codes = (ports: string, spec: string) => built(ports, spec).problems.map(({ code }) => code);

const tcp = '[{name: tcp, port: 5432}]';
const toDb = 'route: [{destination: {host: db}}]';

describe('what no connection is seen by', () => {
  test.each([
    ['tcp to TCP', tcp, `tcp: [{${toDb}}]`, []],
    ['tcp to who says nothing', '[{name: a, port: 5432}]', `tcp: [{${toDb}}]`, []],
    ['tcp to HTTP', '[{name: http, port: 80}]', `tcp: [{${toDb}}]`, ['FL3313']],
    ['tls to TLS', '[{name: https, port: 443}]', `tls: [{match: [{sniHosts: [db]}], ${toDb}}]`, []],
    ['tls to TCP', tcp, `tls: [{match: [{sniHosts: [db]}], ${toDb}}]`, ['FL3313']],
    [
      'all three to HTTP and TCP',
      '[{name: http, port: 80}, {name: tcp, port: 81}]',
      `http: [{${toDb}}], tcp: [{${toDb}}]`,
      [],
    ],
    ['HTTP to TCP', tcp, `http: [{${toDb}}], tcp: [{${toDb}}]`, ['FL3312']],
  ])('%s: %j', (_what, ports, spec, expected) => {
    expect(codes(ports, spec)).toEqual(expected);
  });
});

test('destinations that are not there are told, and stay', () => {
  const { problems, mesh } = built(
    tcp,
    'tcp: [{route: [{destination: {host: db, subset: v1}, weight: 1}, {destination: {host: no.example, port: {number: 1}}, weight: 2}]}]',
  );
  expect(problems.map(({ code, message }) => [code, message.slice(message.indexOf(':') + 2)])).toEqual([
    ['FL3302', 'its connections are closed'],
    ['FL3301', 'its connections are closed'],
  ]);
  expect(mesh.routings[0]?.streams[0]?.destinations.map(({ host }) => host)).toEqual([
    'db.shop.svc.cluster.local',
    'no.example',
  ]);
});

test('a match is read in full, a destination without a weight gets nothing', () => {
  const match =
    '{sniHosts: [db], destinationSubnets: [10.1.2.3/8], port: 443, sourceLabels: {a: b}, sourceNamespace: web, gateways: [edge]}';
  const { mesh } = built(
    '[{name: tls, port: 443}]',
    `gateways: [edge, mesh], tls: [{match: [${match}], route: [{destination: {host: db}, weight: 1}, {destination: {host: db}}]}]`,
  );
  expect(mesh.routings[0]?.streams).toMatchObject([
    {
      of: 'tls',
      matches: [
        {
          names: ['db'],
          ranges: ['10.0.0.0/8'],
          port: 443,
          fromLabels: { a: 'b' },
          fromNamespace: 'web',
          entrances: ['shop/edge'],
        },
      ],
      destinations: [{ host: 'db.shop.svc.cluster.local', weight: 1 }],
    },
  ]);
});
