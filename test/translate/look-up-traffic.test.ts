import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/translate/index.ts';
import { istio } from '../mesh/manifests.ts';
import { createAuthority } from './certificates.ts';
import { validate } from './envoy.ts';
import { Stand } from './stand.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, namesOf, proxyAt, snapshotOf } from './world.ts';

/** Names that nobody lists: they are looked up when a request, or a TLS connection, asks for them. */

const acme = (files: string) => ({ path: 'acme', namespaces: ['web', 'istio-system'], files });
const asAsked = (ports: string, more = '') =>
  istio(
    'ServiceEntry',
    'any',
    'web',
    `{hosts: ["*.localhost"], resolution: DYNAMIC_DNS, ports: ${ports}${more}}`,
  );
const onlyKnown = istio('Sidecar', 'limits', 'web', '{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}');
const mesh = (mode: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh, namespace: web}\nspec: {outboundTrafficPolicy: {mode: ${mode}}}\n---\n`;
const captured = { FAIRLEAD: { capture: 'redirect' } };

/** A server of TLS that says the name by which it was asked for. */
async function secured(open: AsyncDisposableStack, name: string) {
  const authority = await createAuthority();
  open.defer(() => authority.remove());
  const server = createHttpsServer(await authority.issue(name), ({ socket }, response) => {
    response.end(String((socket as TLSSocket & { servername?: string }).servername));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { authority, port: (server.address() as AddressInfo).port };
}

describe('DYNAMIC_DNS', () => {
  test('requests go to the host that they ask for', async () => {
    await using stand = new Stand();
    const port = await stand.backend('', '127.0.0.1', ({ headers }, response) => response.end(headers.host));
    const files = asAsked(`[{number: ${port}, name: http, protocol: HTTP}]`) + onlyKnown;
    const client = await stand.client('web', [acme(files)]);
    for (const name of ['a', 'b.c']) {
      expect((await client.ask(`${name}.localhost:${port}`)).body).toBe(`${name}.localhost:${port}`);
    }
    expect((await client.ask(`localhost:${port}`)).status).toBe(502);
    expect((await client.ask(`a.example:${port}`)).status).toBe(502);
  });

  test('encrypted as a DestinationRule says: the name is asked for, and has to be shown', async () => {
    await using stand = new Stand();
    await using open = new AsyncDisposableStack();
    const { authority, port } = await secured(open, 'a.localhost');
    const tls = `{mode: SIMPLE, caCertificates: ${authority.caFile}}`;
    const files =
      asAsked(`[{number: ${port}, name: http, protocol: HTTP}]`) +
      istio('DestinationRule', 'any', 'web', `{host: "*.localhost", trafficPolicy: {tls: ${tls}}}`);
    const client = await stand.client('web', [acme(files)]);
    expect((await client.ask(`a.localhost:${port}`)).body).toBe('a.localhost');
    expect((await client.ask(`b.localhost:${port}`)).status).toBe(503);
  });

  test('subjectAltNames: what a certificate has to show, where a DestinationRule says nothing', async () => {
    await using stand = new Stand();
    await using open = new AsyncDisposableStack();
    const { authority, port } = await secured(open, 'a.localhost');
    const rule = (more: string) =>
      istio(
        'DestinationRule',
        'any',
        'web',
        `{host: "*.localhost", trafficPolicy: {tls: {mode: SIMPLE, caCertificates: ${authority.caFile}${more}}}}`,
      );
    const status = async (more: string, names: string) => {
      const ports = `[{number: ${port}, name: http, protocol: HTTP}]`;
      const files = asAsked(ports, `, subjectAltNames: [${names}]`) + rule(more);
      const client = await stand.client('web', [acme(files)]);
      return (await client.ask(`b.localhost:${port}`)).status;
    };
    expect(await status('', 'a.localhost')).toBe(200);
    expect(await status('', 'c.localhost')).toBe(503);
    expect(await status(', subjectAltNames: [a.localhost]', 'c.localhost')).toBe(200);
  });

  test('TLS goes to the name that it asks for', async () => {
    await using stand = new Stand();
    await using open = new AsyncDisposableStack();
    const { authority, port } = await secured(open, 'a.localhost');
    const files = asAsked(`[{number: ${port}, name: tls, protocol: TLS}]`);
    // The server has the port on 127.0.0.1, so that the proxy listens at another address.
    const bootstrapOf = (snapshot: Snapshot): object =>
      JSON.parse(JSON.stringify(staticBootstrap(snapshot)).replaceAll('127.0.0.1', '127.0.0.9')) as object;
    await stand.client('web', [acme(files)], { bootstrapOf });
    const socket = connect({ host: '127.0.0.9', port, servername: 'a.localhost', ca: authority.ca });
    open.defer(() => void socket.destroy());
    await once(socket, 'secureConnect');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/\na\.localhost\r?\n?/);
  });

  test('captured: by host, and by the name of TLS', async () => {
    const ports = '[{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: TLS}]';
    const snapshot = snapshotOf(proxyAt('10.0.0.1', 'web', captured), acme(asAsked(ports)));
    expect(JSON.stringify(jsonOf(snapshot, 'listeners', '0.0.0.0_443'))).toContain(
      'envoy.filters.network.sni_dynamic_forward_proxy',
    );
    expect(JSON.stringify(jsonOf(snapshot, 'listeners', '0.0.0.0_80'))).toContain(
      'envoy.filters.http.dynamic_forward_proxy',
    );
    expect(await validate(staticBootstrap(snapshot))).toBe('OK');
    const placed = snapshotOf(
      proxyAt('10.0.0.1', 'web', captured),
      acme(asAsked(ports, ', addresses: [10.9.0.1, 10.8.0.0/16]')),
    );
    const { listener_filters: inspectors, filter_chains: chains } = jsonOf(
      placed,
      'listeners',
      '10.9.0.1_443',
    );
    expect(JSON.stringify(inspectors)).toContain('tls_inspector');
    expect(chains?.map((chain) => chain.filter_chain_match)).toEqual([
      { transport_protocol: 'tls', server_names: ['*.localhost'] },
    ]);
    expect(await validate(staticBootstrap(placed))).toBe('OK');
  });
});

describe('ALLOW_ANY_DYNAMIC_DNS', () => {
  test('requests to unknown hosts go by name', async () => {
    await using stand = new Stand();
    const port = await stand.backend('found');
    const ask = async (mode: string) => {
      const client = await stand.client('web', [acme(mesh(mode))]);
      return (await client.ask(`a.localhost:${port}`)).status;
    };
    expect([await ask('ALLOW_ANY_DYNAMIC_DNS'), await ask('ALLOW_ANY')]).toEqual([200, 503]);
  });

  test('captured: requests alone, all else passes', async () => {
    const snapshot = snapshotOf(proxyAt('10.0.0.1', 'web', captured), acme(mesh('ALLOW_ANY_DYNAMIC_DNS')));
    expect(namesOf(snapshot, 'clusters')).toContain('AllowAnyDynamicDNSCluster');
    const { filter_chains: chains } = jsonOf(snapshot, 'listeners', 'virtualOutbound');
    const clusters = chains?.map((chain) => /"cluster":"(\w+)"/.exec(JSON.stringify(chain))?.[1]);
    expect(clusters).toEqual(['BlackHoleCluster', 'AllowAnyDynamicDNSCluster', 'PassthroughCluster']);
    expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  });
});
