import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { istio, service, workload } from '../mesh/manifests.ts';
import { createAuthority } from './certificates.ts';
import { run } from './running.ts';
import { boundBootstrap, staticBootstrap } from './static.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** Where a connection ends up that `tcp` and `tls` of a VirtualService are about, by real Envoys in both capture modes. */

const open = new AsyncDisposableStack();
const ports: Record<string, number> = {};
afterAll(() => open.disposeAsync());

async function listen(name: string, server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.defer(() => void server.close());
  ports[name] = (server.address() as AddressInfo).port;
}

/** What the server at the other end says first; empty: nobody is there. */
function greeting(port: number, { address = '127.0.0.1', serverName = '' } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket =
      serverName === ''
        ? connect(port, address)
        : connectTls({ port, host: address, servername: serverName, rejectUnauthorized: false });
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** Virtual addresses: they are called where traffic is captured. */
const addresses = { db: '127.9.0.1', web: '127.9.0.2' };
const cases = ['match', 'share', 'label', 'subnet', 'gone', 'rest'] as const;

/** A service of one port of its own, with its only workload. */
const target = (name: string, protocol: string) =>
  service(name, 'shop', '', `[{name: ${protocol}, port: 9000}]`) +
  workload(name, 'shop', '127.0.0.1', `app: ${name}`, `, ports: {${protocol}: ${ports[name]}}`);
const to = (host: string, more = '') => `route: [{destination: {host: ${host}}${more}}]`;

/** `db` speaks TCP, at one port for each case; `web` speaks TLS. */
function filesAt(at: Readonly<Record<string, number>>): string {
  const listed = cases.map((name) => `{name: tcp-${name}, port: ${at[name]}}`);
  const served = cases.map((name) => `tcp-${name}: ${ports.own}`);
  const tcp = `{hosts: [db], gateways: [mesh, edge], tcp: [
    {match: [{port: ${at.match}, sourceNamespace: other}, {port: ${at.match}, gateways: [edge]}], ${to('a')}},
    {match: [{port: ${at.match}}], ${to('b')}},
    {match: [{port: ${at.share}}], route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 3}]},
    {match: [{port: ${at.label}, sourceLabels: {app: other}}], ${to('a')}},
    {match: [{port: ${at.label}, sourceLabels: {app: client}}], ${to('b')}},
    {match: [{port: ${at.subnet}, destinationSubnets: [10.0.0.0/8, 127.0.0.0/24, ${addresses.db}]}], ${to('b')}},
    {match: [{port: ${at.gone}}], ${to('nobody.example')}}]}`;
  const tls = `{hosts: ["*.example.com", web, plain.example.org], tls: [
    {match: [{sniHosts: [a.example.com]}], ${to('sa')}},
    {match: [{sniHosts: ["*.example.com"]}], ${to('sb')}},
    {match: [{sniHosts: [plain.example.org], sourceLabels: {app: other}}], ${to('sb')}}]}`;
  return (
    service('db', 'shop', `, clusterIP: ${addresses.db}`, `[${listed.join(', ')}]`) +
    workload('db', 'shop', '127.0.0.1', 'app: db', `, ports: {${served.join(', ')}}`) +
    istio('VirtualService', 'db', 'shop', tcp) +
    service('web', 'shop', `, clusterIP: ${addresses.web}`, `[{name: tls, port: ${at.tls}}]`) +
    istio('VirtualService', 'web', 'shop', tls) +
    target('a', 'tcp') +
    target('b', 'tcp') +
    target('sa', 'tls') +
    target('sb', 'tls')
  );
}

beforeAll(async () => {
  for (const name of ['own', 'a', 'b'])
    await listen(
      name,
      createServer((socket) => socket.end(name)),
    );
  const authority = await createAuthority();
  open.defer(() => authority.remove());
  const certificate = await authority.issue('a.example.com');
  for (const name of ['sa', 'sb']) {
    await listen(
      name,
      createTlsServer(certificate, (socket) => socket.end(name)),
    );
  }
});

describe.each(['ports', 'redirect'] as const)('%s', (capture) => {
  let at: Readonly<Record<string, number>> = {};
  beforeAll(async () => {
    const free = await freePorts(cases.length + 2);
    at = Object.fromEntries([...cases, 'tls', 'proxy'].map((name, index) => [name, free[index] ?? 0]));
    const fairlead = { capture, ...(capture === 'ports' ? { httpProxyPort: at.proxy } : {}) };
    const proxy = proxyAt('10.0.0.1', 'shop', { FAIRLEAD: fairlead, LABELS: { app: 'client' } });
    const snapshot = snapshotOf(proxy, { path: 'acme', files: filesAt(at) });
    const running = await run(
      snapshot,
      at.proxy ?? 0,
      capture === 'ports' ? staticBootstrap : boundBootstrap,
    );
    open.defer(() => running.close());
  });
  const reach = (name: (typeof cases)[number]) => {
    return greeting(at[name] ?? 0, { address: capture === 'ports' ? '127.0.0.1' : addresses.db });
  };
  const reachBy = (serverName: string) => {
    return greeting(at.tls ?? 0, { address: capture === 'ports' ? '127.0.0.1' : addresses.web, serverName });
  };

  test('tcp: the first route with a match for the port, the client’s namespace and its gateway', async () => {
    expect(await reach('match')).toBe('b');
  });

  test('tcp: shares', async () => {
    const all = await Promise.all(Array.from({ length: 200 }, () => reach('share')));
    const count = all.filter((name) => name === 'b').length;
    expect(new Set(all)).toEqual(new Set(['a', 'b']));
    expect(count).toBeGreaterThan(110);
    expect(count).toBeLessThan(190);
  });

  test('tcp: labels of the client', async () => {
    expect(await reach('label')).toBe('b');
  });

  test('tcp: addresses that the client wanted', async () => {
    expect(await reach('subnet')).toBe('b');
  });

  test('tcp: a destination that is not there closes the connection', async () => {
    expect(await reach('gone')).toBe('');
  });

  test('tcp: what no route is for goes to the service itself', async () => {
    expect(await reach('rest')).toBe('own');
  });

  test('tls: by the name that is asked for, the most telling one first', async () => {
    expect(await reachBy('a.example.com')).toBe('sa');
    expect(await reachBy('b.example.com')).toBe('sb');
  });

  test('tls: a name that no route is for is nobody’s', async () => {
    expect(await reachBy('plain.example.org')).toBe('');
  });
});
