import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bound, gateway, istio, routes, service, to } from '../mesh/manifests.ts';
import type { Host } from '../network/namespaces.ts';
import { createNetworkStage, type NetworkStage } from '../network/stage.ts';

/**
 * A gateway between somebody outside and the mesh, and a client inside, whose sidecar needs no gateway. Neither the
 * servers nor the outsider have a sidecar.
 */
let stage: NetworkStage;
let outsider: Host;
let client: Host;

const ECHO = 'echo.demo.svc.cluster.local';
const WWW = 'www.acme.example';
const VIP = '10.96.0.10';

function manifests(address: string): string {
  const entry = (version: string, port: number) =>
    istio(
      'WorkloadEntry',
      `echo-${version}`,
      'demo',
      `{address: ${address}, labels: {app: echo, version: ${version}}, ports: {http: ${port}}}`,
    );
  const canary = `[
    {match: [{gateways: [mesh], uri: {prefix: /canary}}], route: [{destination: {host: echo, subset: v1}}]},
    {match: [{gateways: [edge/public], uri: {prefix: /canary}}], route: [{destination: {host: echo, subset: v2, port: {number: 80}}}]},
    {route: [{destination: {host: echo, subset: v1, port: {number: 80}}}]}]`;
  return [
    service('echo', 'demo', `, clusterIP: ${VIP}`),
    entry('v1', 8081),
    entry('v2', 8082),
    istio(
      'DestinationRule',
      'echo',
      'demo',
      '{host: echo, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}',
    ),
    gateway('public', 'edge', `["demo/*"]`),
    gateway('old', 'edge', '[old.acme.example]', ', tls: {httpsRedirect: true}'),
    gateway('other', 'edge', `[demo/${WWW}]`, '', 8080),
    bound('www', 'demo', WWW, '[mesh, edge/public]', canary),
    // For those outside only: inside, the service itself answers.
    bound('outside', 'demo', ECHO, '[edge/public]', to('echo', ', subset: v2')),
    routes('inside', 'demo', ECHO, to('echo', ', subset: v1')),
  ].join('');
}

beforeAll(async () => {
  stage = await createNetworkStage();
  const server = await stage.network.host('server');
  const edge = await stage.network.host('edge');
  const names = { [ECHO]: edge.address, [WWW]: edge.address, 'old.acme.example': edge.address };
  outsider = await stage.network.host('outsider', { ...names, 'nobody.example': edge.address });
  client = await stage.network.host('client', { [ECHO]: VIP, [WWW]: VIP });
  const control = await stage.serve(manifests(server.address));
  await server.serve('http', 8081, 'v1');
  await server.serve('http', 8082, 'v2');
  // The port of the outside is below 1024, and the gateway is no root.
  await edge.run('sh', '-c', 'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start');
  const metadata = { LABELS: { app: 'edge' } };
  const asks = { services: 'per-type', protocol: 'sotw' } as const;
  await stage.envoy(control, edge, { type: 'router', name: 'edge-1', namespace: 'edge', metadata, asks });
  await client.redirect();
  const redirect = { FAIRLEAD: { capture: 'redirect' } };
  await stage.envoy(control, client, { name: 'client-1', namespace: 'web', metadata: redirect });
});
afterAll(() => stage?.close());

const versions = async (answers: Promise<readonly string[]>) =>
  (await answers).map((answer) => answer.split(' ').slice(0, 2).join(' '));

describe('from outside', () => {
  test('a host that is offered and bound is served, by the rules for the gateway', async () => {
    expect(await versions(outsider.get(`http://${WWW}/`, 3))).toEqual(['200 v1', '200 v1', '200 v1']);
    expect(await versions(outsider.get(`http://${WWW}/canary`))).toEqual(['200 v2']);
    expect(await versions(outsider.get(`http://${ECHO}/`))).toEqual(['200 v2']);
  });

  test('a host to which nothing is bound is not there, nor one at another port than it is bound to', async () => {
    expect(await outsider.get('http://nobody.example/')).toEqual(['404']);
    expect(await outsider.get(`http://${WWW}:8080/`)).toEqual(['404']);
  });

  test('a host whose server insists on https is sent there, whatever the client says that it came by', async () => {
    expect(await outsider.get('http://old.acme.example/')).toEqual(['301']);
    expect(await outsider.get('http://old.acme.example/', 1, 'x-forwarded-proto=https')).toEqual(['301']);
  });
});

test('inside no gateway is needed, and what is for gateways alone does not count', async () => {
  expect(await versions(client.get(`http://${ECHO}/`))).toEqual(['200 v1']);
  expect(await versions(client.get(`http://${WWW}/canary`))).toEqual(['200 v1']);
});
