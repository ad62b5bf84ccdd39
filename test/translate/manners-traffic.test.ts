import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { request as requestTls } from 'node:https';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { bound, istio, service, to, workload } from '../mesh/manifests.ts';
import { createAuthority } from './certificates.ts';
import { type Running, run } from './running.ts';
import { Stand } from './stand.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** How proxies treat requests that come in, as the defaultConfig of a MeshConfig says it, through real Envoys. */

const acme = (files: string) => ({ path: 'acme', files });
const host = 'cart.shop.svc.cluster.local';
const defaults = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {defaultConfig: {${spec}}}\n---\n`;
const headers = (spec: string) => defaults(`proxyHeaders: {${spec}}`);
const settings = (spec: string) => defaults(`connectionSettings: {${spec}}`);
const cartAt = (port: number) =>
  service('cart', 'shop') + workload('cart', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${port}}`);

/** Says what it heard. */
function echo(stand: Stand): Promise<number> {
  return stand.backend('', '127.0.0.1', ({ url, headers: heard, rawHeaders }, response) => {
    response.setHeader('server', 'cart').setHeader('X-Own-Case', 'a');
    response.end(JSON.stringify({ url, heard, names: rawHeaders.filter((_, index) => index % 2 === 0) }));
  });
}

type Heard = {
  readonly url: string;
  readonly heard: Readonly<Record<string, string>>;
  readonly names: readonly string[];
};

/** A gateway in plain text before the cart; `own`: more of its server. */
async function gateway(stand: Stand, files: string, own = '', protocol = 'HTTP'): Promise<[Running, number]> {
  const [port = 0] = await freePorts(1);
  const server = `{port: {number: ${port}, name: in, protocol: ${protocol}}, hosts: ["*"]${own}}`;
  const all =
    istio('Gateway', 'edge', 'edge', `{servers: [${server}]}`) +
    bound('x', 'shop', 'a.example', '[edge/edge]', to('cart'));
  const snapshot = snapshotOf(proxyAt('127.0.0.1', 'edge', {}, 'router'), acme(all + files));
  const envoy = await run(snapshot, port);
  stand.defer(() => envoy.close());
  return [envoy, port];
}

const heardBy = async (envoy: Running, name: string, sent: Readonly<Record<string, string>> = {}) =>
  JSON.parse((await envoy.ask(name, { headers: sent })).body) as Heard;

describe('proxyHeaders', () => {
  test('server: what the proxy calls itself, or what the application does', async () => {
    await using stand = new Stand();
    const cart = cartAt(await echo(stand));
    const serverOf = async (said: string) => {
      const client = await stand.client('web', [acme(cart + said)]);
      return (await client.ask(host)).headers.server;
    };
    expect(await serverOf('')).toBe('envoy');
    expect(await serverOf(headers('server: {value: acme}'))).toBe('acme');
    expect(await serverOf(headers('server: {disabled: true}'))).toBe('cart');
  });

  test('requestId, envoyDebugHeaders and xForwardedPort', async () => {
    await using stand = new Stand();
    const cart = cartAt(await echo(stand));
    const told = async (said: string) => {
      const client = await stand.client('web', [acme(cart + said)]);
      const answer = await client.ask(host);
      const { heard } = JSON.parse(answer.body) as Heard;
      const names = ['x-request-id', 'x-forwarded-port', 'x-envoy-expected-rq-timeout-ms'];
      return [
        ...names.filter((name) => heard[name] !== undefined),
        'x-envoy-upstream-service-time' in answer.headers,
      ];
    };
    expect(await told('')).toEqual(['x-request-id', true]);
    expect(await told(headers('requestId: {disabled: true}'))).toEqual([true]);
    expect(await told(headers('envoyDebugHeaders: {disabled: true}'))).toEqual(['x-request-id', false]);
    expect(await told(headers('xForwardedPort: {enabled: true}'))).toEqual([
      'x-request-id',
      'x-forwarded-port',
      true,
    ]);
  });

  test('preserveHttp1HeaderCase: names of headers keep their letters, both ways', async () => {
    await using stand = new Stand();
    const cart = cartAt(await echo(stand));
    const tellBack = async (said: string) => {
      const [port = 0] = await freePorts(1);
      const snapshot = snapshotOf(
        proxyAt('10.0.0.1', 'web', { FAIRLEAD: { httpProxyPort: port } }),
        acme(cart + said),
      );
      const envoy = await run(snapshot, port);
      stand.defer(() => envoy.close());
      const text = await raw(
        port,
        `GET / HTTP/1.1\r\nHost: ${host}\r\nX-My-Case: a\r\nConnection: close\r\n\r\n`,
      );
      return [/"names":.*(x-my-case)/i.exec(text)?.[1], /x-own-case/i.exec(text)?.[0]];
    };
    expect(await tellBack('')).toEqual(['x-my-case', 'x-own-case']);
    expect(await tellBack(headers('preserveHttp1HeaderCase: true'))).toEqual(['X-My-Case', 'X-Own-Case']);
  });

  test('forwardedClientCert: of what comes in to workloads', () => {
    const files =
      service('cart', 'shop') + workload('cart', 'shop', '10.0.0.1', 'app: cart', ', ports: {http: 8080}');
    const said = headers(
      'forwardedClientCert: SANITIZE_SET, setCurrentClientCertDetails: {cert: true, uri: false}',
    );
    const heard = snapshotOf(proxyAt('10.0.0.1', 'shop'), acme(files + said));
    const inbound = JSON.stringify(jsonOf(heard, 'listeners', '10.0.0.1_8080'));
    expect(inbound).toContain('"forward_client_cert_details":"SANITIZE_SET"');
    expect(inbound).toContain('{"subject":true,"cert":true,"chain":false,"dns":true,"uri":false}');
    expect(JSON.stringify(jsonOf(heard, 'listeners', '127.0.0.1_15080'))).not.toContain('client_cert');
  });
});

describe('gatewayTopology', () => {
  test('numTrustedProxies: whom the proxies before a gateway forward', async () => {
    await using stand = new Stand();
    const cart = cartAt(await echo(stand));
    const sent = { 'x-forwarded-for': '1.1.1.1, 2.2.2.2' };
    const callerOf = async (said: string) => {
      const [envoy] = await gateway(stand, cart + said);
      return (await heardBy(envoy, 'a.example', sent)).heard['x-envoy-external-address'];
    };
    expect(await callerOf('')).toBe('127.0.0.1');
    expect(await callerOf(defaults('gatewayTopology: {numTrustedProxies: 1}'))).toBe('2.2.2.2');
    expect(await callerOf(defaults('gatewayTopology: {numTrustedProxies: 2}'))).toBe('1.1.1.1');
  });

  test('proxyProtocol: connections begin with the address of the client', async () => {
    await using stand = new Stand();
    const cart = cartAt(await echo(stand));
    const [, port] = await gateway(stand, cart + defaults('gatewayTopology: {proxyProtocol: {}}'));
    const asked = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
    const text = await raw(port, `PROXY TCP4 9.8.7.6 10.0.0.1 1234 80\r\n${asked}`);
    expect(text).toContain('"x-forwarded-for":"9.8.7.6"');
    expect(await raw(port, asked)).toBe('');
  });

  test('forwardClientCertDetails: what of the certificate of a client is told', async () => {
    await using stand = new Stand();
    const authority = await createAuthority();
    stand.defer(() => authority.remove());
    const [own, client] = [await authority.issue('a.example'), await authority.issue('client.example')];
    const cart = cartAt(await echo(stand));
    const tls = `, tls: {mode: MUTUAL, serverCertificate: ${own.certFile}, privateKey: ${own.keyFile}, caCertificates: ${authority.caFile}}`;
    const toldBy = async (said: string) => {
      const [, port] = await gateway(stand, cart + said, tls, 'HTTPS');
      const mine = { key: client.key, cert: client.cert, ca: authority.ca, servername: 'a.example' };
      const sent = requestTls({
        host: '127.0.0.1',
        port,
        ...mine,
        agent: false,
        headers: { host: 'a.example', 'x-forwarded-client-cert': 'By=me' },
      });
      sent.end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      const { heard } = JSON.parse((await response.toArray()).join('')) as Heard;
      return heard['x-forwarded-client-cert'];
    };
    const of = (details: string) =>
      toldBy(defaults(`gatewayTopology: {forwardClientCertDetails: ${details}}`));
    expect(await toldBy('')).toBe(undefined);
    expect(await of('FORWARD_ONLY')).toBe('By=me');
    expect(await of('SANITIZE_SET')).toMatch(
      /^Hash=\w+;Subject="CN=client.example";URI=;DNS=client.example$/,
    );
    expect(await of('APPEND_FORWARD')).toMatch(/^By=me,Hash=/);
  });
});

describe('connectionSettings', () => {
  test('slashes and underscores, and what the profile EDGE says of them', async () => {
    await using stand = new Stand();
    const cart = cartAt(await echo(stand));
    const told = async (said: string, path: string) => {
      const client = await stand.client('web', [acme(cart + said)]);
      const {
        status,
        body,
        headers: answered,
      } = await client.ask(host, { path, headers: { under_score: 'a' } });
      if (status !== 200) return [status, answered.location];
      const { url, heard } = JSON.parse(body) as Heard;
      return [url, heard.under_score];
    };
    expect(await told('', '/a//b%2Fc')).toEqual(['/a//b%2Fc', 'a']);
    const own =
      'httpMergeSlashes: true, httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_DROP_HEADER';
    expect(await told(settings(own), '/a//b')).toEqual(['/a/b', undefined]);
    expect(await told(settings('httpPathWithEscapedSlashesAction: UNESCAPE_AND_FORWARD'), '/a%2Fb')).toEqual([
      '/a/b',
      'a',
    ]);
    expect(await told(settings('httpPathWithEscapedSlashesAction: REJECT_REQUEST'), '/a%2Fb')).toEqual([
      400,
      undefined,
    ]);
    expect(await told(settings('profile: EDGE'), '/a')).toEqual([400, undefined]);
    const allowing = 'httpHeadersWithUnderscoresAction: HEADERS_WITH_UNDERSCORES_ALLOW';
    expect(await told(settings(`profile: EDGE, ${allowing}`), '/a%2Fb')).toEqual([307, '/a/b']);
  });

  test('times: a request, its headers, a stream and a connection end when they take too long', async () => {
    await using stand = new Stand();
    const never = await stand.backend('', '127.0.0.1', () => undefined);
    // Of a gateway for each: of two that are due at the same time, either may be the first.
    const rawBy = async (spec: string, bytes: string) => {
      const [, at] = await gateway(stand, cartAt(never) + settings(spec));
      return raw(at, bytes);
    };
    expect(await rawBy('httpRequestHeadersTimeout: 0.2s', 'GET / HTTP/1.1\r\nHost: a')).toContain(' 408 ');
    expect(await rawBy('httpIdleTimeout: 0.2s', '')).toBe('');
    const answerOf = (spec: string, sent: string) =>
      rawBy(spec, `${sent} / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\n`);
    expect(await answerOf('httpRequestTimeout: 0.2s', 'POST')).toContain(' 408 ');
    expect(await answerOf('httpStreamIdleTimeout: 0.2s', 'POST')).toMatch(/ 40[48] /);
    expect(await answerOf('httpMaxStreamDuration: 0.2s', 'POST')).toMatch(/ 408 |^$/);
  });

  test('httpMaxConcurrentStreams and the windows of HTTP/2 are told to clients', async () => {
    await using stand = new Stand();
    const cart = cartAt(await echo(stand));
    const spec =
      'httpMaxConcurrentStreams: 7, http2InitialStreamWindowSize: 70000, http2InitialConnectionWindowSize: 80000';
    const [, port] = await gateway(stand, cart + settings(spec));
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const told = await settingsOf(session);
    session.close();
    expect([told.maxConcurrentStreams, told.initialWindowSize]).toEqual([7, 70_000]);
  });

  test('buffers and what else stands in listeners and clusters', () => {
    const spec =
      'listenerPerConnectionBufferLimitBytes: 1000, clusterPerConnectionBufferLimitBytes: 2000, httpMaxConnectionDuration: 9s, httpDrainTimeout: 3s, http2InitialConnectionWindowSize: 80000';
    const heard = snapshotOf(proxyAt('10.0.0.1', 'web'), acme(service('cart', 'shop') + settings(spec)));
    const listener = jsonOf(heard, 'listeners', '127.0.0.1_15080');
    expect(listener.per_connection_buffer_limit_bytes).toBe(1000);
    expect(JSON.stringify(listener)).toContain('"max_connection_duration":"9s"');
    expect(JSON.stringify(listener)).toContain('"drain_timeout":"3s"');
    expect(JSON.stringify(listener)).toContain('"initial_connection_window_size":80000');
    for (const name of [`outbound|80||${host}`, 'PassthroughCluster'])
      expect(jsonOf(heard, 'clusters', name).per_connection_buffer_limit_bytes).toBe(2000);
  });
});

type Told = { readonly maxConcurrentStreams?: number; readonly initialWindowSize?: number };

async function settingsOf(session: ClientHttp2Session): Promise<Told> {
  const [told] = (await once(session, 'remoteSettings')) as [Told];
  return told;
}

/** What comes back for these bytes until the connection is closed. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => void socket.write(bytes));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(text));
  });
}
