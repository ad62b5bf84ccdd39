import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { istio, service } from '../mesh/manifests.ts';
import type { HostEnvoy } from '../network/envoy.ts';
import type { Host } from '../network/namespaces.ts';
import { createNetworkStage, type NetworkStage } from '../network/stage.ts';

/**
 * Two hosts with a sidecar each, behind the rules of `deploy/redirect`, and applications that know nothing of a mesh.
 * The client serves nothing: no service selects it, and no gateway is anywhere.
 */
let stage: NetworkStage;
let client: Host;
let server: Host;
let outsider: Host;
let sidecars: { readonly client: HostEnvoy; readonly server: HostEnvoy };

const ECHO = 'echo.demo.svc.cluster.local';
const VIP = '10.96.0.10';
const DB = '10.96.0.20';
const VIP6 = 'fd96::10';

/** Of a sidecar on a host with both families. */
const about = ({ address, address6 }: Host) => {
  return { FAIRLEAD: { capture: 'redirect' }, INSTANCE_IPS: `${address},${address6}` };
};

function manifests({ address, address6 }: Host): string {
  const entry = (name: string, labels: string, ports: string) =>
    istio('WorkloadEntry', name, 'demo', `{address: ${address}, labels: {${labels}}, ports: ${ports}}`);
  return [
    service('echo', 'demo', `, clusterIP: ${VIP}`),
    entry('echo-v1', 'app: echo, version: v1', '{http: 8081}'),
    entry('echo-v2', 'app: echo, version: v2', '{http: 8082}'),
    istio(
      'DestinationRule',
      'echo',
      'demo',
      '{host: echo, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}',
    ),
    istio(
      'VirtualService',
      'echo',
      'demo',
      `{hosts: [echo], http: [
        {match: [{headers: {x-canary: {exact: "yes"}}}], route: [{destination: {host: echo, subset: v2}}]},
        {route: [{destination: {host: echo, subset: v1}}]}]}`,
    ),
    service('db', 'demo', `, clusterIP: ${DB}`, '[{name: tcp-db, port: 5432}]'),
    entry('db-1', 'app: db', '{}'),
    service('six', 'demo', `, clusterIP: "${VIP6}"`, '[{name: http, port: 80}, {name: tcp, port: 5432}]'),
    istio(
      'WorkloadEntry',
      'six',
      'demo',
      `{address: "${address6}", labels: {app: six}, ports: {http: 8081}}`,
    ),
  ].join('');
}

beforeAll(async () => {
  stage = await createNetworkStage();
  server = await stage.network.host('server', { [ECHO]: VIP });
  client = await stage.network.host('client', { [ECHO]: VIP, 'www.elsewhere.example': server.address });
  outsider = await stage.network.host('outsider');
  const control = await stage.serve(manifests(server));
  await server.serve('http', 8081, 'v1');
  await server.serve('http', 8082, 'v2');
  await server.serve('tcp', 5432, 'db');
  await server.serve('http', 80, 'elsewhere');
  await server.serve('tcp', 9999, 'unknown');
  await server.redirect();
  await client.redirect();
  sidecars = {
    server: await stage.envoy(control, server, {
      name: 'server-1',
      namespace: 'demo',
      metadata: about(server),
    }),
    client: await stage.envoy(control, client, {
      name: 'client-1',
      namespace: 'web',
      metadata: about(client),
    }),
  };
});
afterAll(() => stage?.close());

/** Where an application sees its callers come from: its own sidecar. */
const from = '127.0.0.6';

describe('an unmodified client', () => {
  test.each([
    ['name', `http://${ECHO}/`],
    ['name and port', `http://${ECHO}:80/`],
    ['virtual address', `http://${VIP}/`],
  ])('is routed by the %s of a service', async (_what, url) => {
    expect(await client.get(url, 3)).toEqual(Array.from({ length: 3 }, () => `200 v1 ${from}`));
    expect(await client.get(url, 1, 'x-canary=yes')).toEqual([`200 v2 ${from}`]);
  });

  test('reaches a TCP service at its address, whose server speaks first', async () => {
    expect(await client.talk(DB, 5432)).toBe(`db ${from}`);
    expect(
      await sidecars.client.stat('cluster.outbound|5432||db.demo.svc.cluster.local.upstream_cx_total'),
    ).toBe(1);
  });

  test('reaches what the mesh does not know, by HTTP and otherwise', async () => {
    expect(await client.get('http://www.elsewhere.example/')).toEqual([`200 elsewhere ${from}`]);
    expect(await client.talk(server.address, 9999)).toBe(`unknown ${from}`);
    expect(await sidecars.client.stat('cluster.PassthroughCluster.upstream_cx_total')).toBeGreaterThan(1);
  });
});

test('all of this is so for IPv6, too', async () => {
  expect(await client.get(`http://[${VIP6}]/`)).toEqual(['200 v1 ::6']);
  expect(await client.talk(VIP6, 5432)).toBe('db ::6');
  expect(await client.talk(server.address6, 9999)).toBe('unknown ::6');
  expect(await outsider.talk(server.address6, 15006)).toBe('');
  expect(await server.get(`http://[${VIP6}]/`)).toEqual(['200 v1 ::6']);
});

test('who has no sidecar reaches the application through its own', async () => {
  const seen = await sidecars.server.stat('http.inbound_0.0.0.0_8081.downstream_rq_total');
  expect(await outsider.get(`http://${server.address}:8081/`)).toEqual([`200 v1 ${from}`]);
  expect(await sidecars.server.stat('http.inbound_0.0.0.0_8081.downstream_rq_total')).toBe(seen + 1);
});

test('what comes in goes through the sidecar, by its service or as it is', async () => {
  const before = await sidecars.server.stat('cluster.inbound|8081||.upstream_rq_total');
  await client.get(`http://${ECHO}/`, 2);
  expect(await sidecars.server.stat('cluster.inbound|8081||.upstream_rq_total')).toBe(before + 2);
  await client.talk(server.address, 9999);
  expect(await sidecars.server.stat('cluster.InboundPassthroughCluster.upstream_cx_total')).toBeGreaterThan(
    0,
  );
});

test('an application that calls itself through its service goes in as everything does', async () => {
  expect(await server.get(`http://${ECHO}/`)).toEqual([`200 v1 ${from}`]);
});

test('the ports of the sidecar itself lead nowhere, least of all back to them', async () => {
  const blackholed = await sidecars.server.stat('tcp.BlackHoleCluster.downstream_cx_total');
  const passed = await sidecars.server.stat('cluster.InboundPassthroughCluster.upstream_cx_total');
  expect(await client.talk('127.0.0.1', 15001)).toBe('');
  expect(await outsider.talk(server.address, 15006)).toBe('');
  expect(await sidecars.client.stat('tcp.BlackHoleCluster.downstream_cx_total')).toBe(1);
  expect(await sidecars.server.stat('tcp.BlackHoleCluster.downstream_cx_total')).toBe(blackholed + 1);
  expect(await sidecars.server.stat('cluster.InboundPassthroughCluster.upstream_cx_total')).toBe(passed);
});

test('the rules can be set again', async () => {
  const nat = () => client.run('iptables-save', '-t', 'nat');
  const rules = async () => (await nat()).split('\n').filter((line) => line.startsWith('-A'));
  const before = await rules();
  await client.redirect();
  expect(await rules()).toEqual(before);
  expect(await client.get(`http://${ECHO}/`)).toEqual([`200 v1 ${from}`]);
});
