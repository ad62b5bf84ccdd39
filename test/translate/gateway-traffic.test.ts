import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { createServer } from 'node:http';
import { request } from 'node:https';
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcp,
  isIP,
  type Socket,
} from 'node:net';
import { connect, createServer as createTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { bound, istio, service, to, workload } from '../mesh/manifests.ts';
import { type Authority, createAuthority, type Identity } from './certificates.ts';
import { validate } from './envoy.ts';
import { type Running, run } from './running.ts';
import { staticBootstrap } from './static.ts';
import { namesOf, proxyAt, snapshotOf } from './world.ts';

/** What somebody outside experiences at a gateway, by a real Envoy. */

const www = 'www.acme.example';
let authority: Authority;
let strangers: Authority;
let [own, other, client, stranger]: readonly Identity[] = [];
let backendPort = 0;
const backend = createServer((request_, response) => response.end(`cart ${request_.headers.host}`));
let open = new AsyncDisposableStack();

beforeAll(async () => {
  [authority, strangers] = await Promise.all([createAuthority(), createAuthority()]);
  own = await authority.issue(www);
  other = await authority.issue('b.acme.example');
  client = await authority.issue('client.acme.example');
  stranger = await strangers.issue('client.acme.example');
  await authority.mount('edge', 'www-cert', own);
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  backendPort = (backend.address() as AddressInfo).port;
});

afterEach(async () => {
  const used = open;
  open = new AsyncDisposableStack();
  await used.disposeAsync();
});

afterAll(async () => {
  backend.close();
  await Promise.all([authority.remove(), strangers.remove()]);
});

/** A server of a gateway in flow style, on a port of the test. */
const server = (port: number, name: string, protocol: string, hosts: string, tls: string) =>
  `{port: {number: ${port}, name: ${name}, protocol: ${protocol}}, hosts: [${hosts}], tls: {${tls}}}`;
const simple = (identity: Identity | undefined) =>
  `mode: SIMPLE, serverCertificate: ${identity?.certFile}, privateKey: ${identity?.keyFile}`;
const edge = (...servers: readonly string[]) =>
  istio('Gateway', 'edge', 'edge', `{servers: [${servers.join(', ')}]}`);
const cart = () =>
  service('cart', 'shop') +
  workload('cart-1', 'shop', '127.0.0.1', 'app: cart', `, ports: {http: ${backendPort}}`);
const routed = (host: string, http = to('cart'), name = 'x') =>
  bound(name, 'shop', host, '[edge/edge]', http);

const snapshotAt = (files: string, fairlead: object = { credentials: `${authority.folder}/secrets` }) =>
  snapshotOf(proxyAt('127.0.0.1', 'edge', { FAIRLEAD: fairlead }, 'router'), { path: 'acme', files });

async function serve(files: string): Promise<Running> {
  const running = await run(snapshotAt(files), 0);
  open.defer(() => running.close());
  return running;
}

async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

type Caller = {
  readonly ca?: string;
  readonly identity?: Identity | undefined;
  readonly maxVersion?: 'TLSv1.2';
};

/** The body that a GET of `host` gets by https, or the code of the error. */
function ask(port: number, host: string, caller: Caller = {}): Promise<string> {
  const { ca = authority.ca, identity, maxVersion } = caller;
  const mine = identity === undefined ? {} : { cert: identity.cert, key: identity.key };
  const version = maxVersion === undefined ? {} : { maxVersion };
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, servername: host, ca, agent: false, ...mine, ...version };
    const sent = request({ ...options, headers: { host } }, (response) => {
      let body = `${response.statusCode} `;
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(body));
    });
    sent.on('error', (error: Error & { readonly code?: string }) => resolve(error.code ?? error.message));
    sent.end();
  });
}

/** What a client of TLS learns from the handshake. */
async function handshake(port: number, servername: string, options: object = {}): Promise<TLSSocket> {
  const name = isIP(servername) === 0 ? { servername } : {};
  const socket = connect({ host: '127.0.0.1', port, ca: authority.ca, ...name, ...options });
  await once(socket, 'secureConnect');
  open.defer(() => {
    socket.destroy();
  });
  return socket;
}

describe('HTTPS', () => {
  test('is ended with the certificate of the host that the client names', async () => {
    const port = await freePort();
    const files = edge(
      server(port, 'a', 'HTTPS', www, simple(own)),
      server(port, 'b', 'HTTPS', 'b.acme.example', simple(other)),
    );
    await serve(cart() + files + routed(www) + routed('b.acme.example', to('cart'), 'y'));
    expect(await ask(port, www)).toBe(`200 cart ${www}`);
    expect(await ask(port, 'b.acme.example')).toBe('200 cart b.acme.example');
    const socket = await handshake(port, www, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.getPeerCertificate().subject.CN).toBe(www);
    expect(socket.alpnProtocol).toBe('h2');
  });

  test('serves at one server no host of another, whatever the request says', async () => {
    const port = await freePort();
    const files = edge(
      server(port, 'a', 'HTTPS', www, simple(own)),
      server(port, 'b', 'HTTPS', 'b.acme.example', simple(other)),
    );
    await serve(cart() + files + routed(www));
    expect(await ask(port, www)).toBe(`200 cart ${www}`);
    expect(await ask(port, 'b.acme.example')).toMatch(/^404/);
    expect(await ask(port, 'c.acme.example')).toBe('ECONNRESET');
  });

  test('a wildcard gives way to the host itself, and serves the others', async () => {
    const port = await freePort();
    const files = edge(
      server(port, 'any', 'HTTPS', '"*.acme.example"', simple(own)),
      server(port, 'b', 'HTTPS', 'b.acme.example', simple(other)),
    );
    await serve(cart() + files + routed(www));
    expect((await handshake(port, www)).getPeerCertificate().subject.CN).toBe(www);
    expect((await handshake(port, 'b.acme.example')).getPeerCertificate().subject.CN).toBe('b.acme.example');
    expect(await ask(port, www)).toBe(`200 cart ${www}`);
  });

  test('for every host is ended for clients that name none', async () => {
    const port = await freePort();
    await serve(cart() + edge(server(port, 'a', 'HTTPS', '"*"', simple(own))));
    const socket = await handshake(port, '127.0.0.1', { checkServerIdentity: () => undefined });
    expect(socket.getPeerCertificate().subject.CN).toBe(www);
  });

  test('uses a secret of the namespace of the proxy, from the folder that it announces', async () => {
    const port = await freePort();
    const tls = 'mode: SIMPLE, credentialName: www-cert';
    await serve(cart() + edge(server(port, 'a', 'HTTPS', www, tls)) + routed(www));
    expect(await ask(port, www)).toBe(`200 cart ${www}`);
  });

  test('has a certificate for each kind of key, of secrets or of files', async () => {
    const [secrets = 0, files = 0] = await freePorts(2);
    const rsa = await authority.issue(www, 'rsa');
    await authority.mount('edge', 'rsa-cert', rsa);
    const pairs = [own, rsa].map(
      (one) => `{serverCertificate: ${one?.certFile}, privateKey: ${one?.keyFile}}`,
    );
    const servers = edge(
      server(secrets, 'a', 'HTTPS', www, 'mode: SIMPLE, credentialNames: [www-cert, rsa-cert]'),
      server(files, 'b', 'HTTPS', www, `mode: SIMPLE, tlsCertificates: [${pairs.join(', ')}]`),
    );
    await serve(servers);
    for (const port of [secrets, files]) {
      const kindOf = async (ciphers: string) => {
        const options = { ciphers, maxVersion: 'TLSv1.2' };
        const { asn1Curve = 'RSA' } = (await handshake(port, www, options)).getPeerCertificate();
        return asn1Curve;
      };
      expect(await kindOf('ECDHE-ECDSA-AES128-GCM-SHA256')).toBe('prime256v1');
      expect(await kindOf('ECDHE-RSA-AES128-GCM-SHA256')).toBe('RSA');
    }
  });

  test('is not opened where the proxy has no secrets, and the rest is', async () => {
    const files = edge(
      server(443, 'a', 'HTTPS', www, 'mode: SIMPLE, credentialName: www-cert'),
      server(443, 'b', 'HTTPS', 'b.acme.example', simple(other)),
      server(8443, 'c', 'HTTPS', www, 'mode: SIMPLE, credentialName: www-cert'),
    );
    const snapshot = snapshotAt(files, {});
    expect(namesOf(snapshot, 'listeners')).toEqual(['0.0.0.0_443']);
    expect(snapshot.skipped.map(({ address, reason }) => `${address} ${reason}`)).toEqual([
      '0.0.0.0_443 the proxy announces no folder of credentials, so that it has no www-cert',
      '0.0.0.0_8443 the proxy announces no folder of credentials, so that it has no www-cert',
    ]);
    expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  });

  test('speaks TLS 1.2 at least, or what the server says', async () => {
    const [port, modern] = await freePorts(2);
    const files = edge(
      server(port ?? 0, 'a', 'HTTPS', www, simple(own)),
      server(modern ?? 0, 'b', 'HTTPS', 'b.acme.example', `${simple(other)}, minProtocolVersion: TLSV1_3`),
    );
    await serve(cart() + files + routed(www) + routed('b.acme.example', to('cart'), 'y'));
    expect(await ask(port ?? 0, www, { maxVersion: 'TLSv1.2' })).toBe(`200 cart ${www}`);
    expect(await ask(modern ?? 0, 'b.acme.example')).toBe('200 cart b.acme.example');
    expect(await ask(modern ?? 0, 'b.acme.example', { maxVersion: 'TLSv1.2' })).toMatch(
      /^(ERR_SSL|ECONN|EPROTO)/,
    );
  });

  test('has the cipher suites and the highest version that the server says', async () => {
    const port = await freePort();
    const cipher = 'ECDHE-ECDSA-AES256-GCM-SHA384';
    const tls = `${simple(own)}, maxProtocolVersion: TLSV1_2, cipherSuites: [${cipher}]`;
    await serve(edge(server(port, 'a', 'HTTPS', www, tls)));
    const socket = await handshake(port, www);
    expect([socket.getProtocol(), socket.getCipher().name]).toEqual(['TLSv1.2', cipher]);
  });

  test('every cipher suite of the schema is one that Envoy has', async () => {
    const kinds = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'AES128-SHA', 'AES256-SHA'];
    const all = [
      ...['ECDHE-ECDSA-', 'ECDHE-RSA-', ''].flatMap((by) => kinds.map((kind) => `${by}${kind}`)),
      ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
    ];
    const files = edge(server(443, 'a', 'HTTPS', www, `${simple(own)}, cipherSuites: [${all.join(', ')}]`));
    expect(await validate(staticBootstrap(snapshotAt(files)))).toBe('OK');
  });
});

/** A service that greets, of one port, with its only workload. */
async function greeter(name: string, identity?: Identity): Promise<string> {
  const greet = (socket: Socket) => void socket.end(`hello of ${name}`);
  const listening =
    identity === undefined ? createTcp(greet) : createTls({ cert: identity.cert, key: identity.key }, greet);
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  open.defer(() => void listening.close());
  const { port } = listening.address() as AddressInfo;
  return (
    service(name, 'shop', '', '[{name: tcp, port: 9000}]') +
    workload(`${name}-1`, 'shop', '127.0.0.1', `app: ${name}`, `, ports: {tcp: ${port}}`)
  );
}

/** What the other end says first, or the code of the error. */
function greeting(port: number, servername: string | null = null): Promise<string> {
  return new Promise((resolve) => {
    const there = { host: '127.0.0.1', port };
    const socket =
      servername === null ? connectTcp(there) : connect({ ...there, servername, ca: authority.ca });
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

const stream = (list: string, host: string, match: string, target: string, name = 'x') =>
  istio(
    'VirtualService',
    name,
    'shop',
    `{hosts: [${host}], gateways: [edge/edge], ${list}: [{match: [${match}], route: [{destination: {host: ${target}}}]}]}`,
  );
const plain = (port: number, name: string, protocol: string) =>
  `{port: {number: ${port}, name: ${name}, protocol: ${protocol}}, hosts: ["*"]}`;

describe('connections', () => {
  test('PASSTHROUGH: TLS goes on to the destination of the name that it asks for', async () => {
    const port = await freePort();
    const files = [
      edge(
        server(port, 'a', 'TLS', '"*.acme.example"', 'mode: PASSTHROUGH'),
        server(port, 'b', 'HTTPS', 'b.acme.example', simple(other)),
      ),
      await greeter('one', own),
      await greeter('two', await authority.issue('c.acme.example')),
      stream('tls', www, `{port: ${port}, sniHosts: [${www}]}`, 'one'),
      stream('tls', '"*.acme.example"', '{sniHosts: ["*.acme.example"]}', 'two', 'y'),
      cart(),
      routed('b.acme.example', to('cart'), 'z'),
    ];
    await serve(files.join(''));
    expect(await greeting(port, www)).toBe('hello of one');
    expect(await greeting(port, 'c.acme.example')).toBe('hello of two');
    expect(await ask(port, 'b.acme.example')).toBe('200 cart b.acme.example');
    expect(await greeting(port, 'other.example')).toBe('');
  });

  test('TLS that is ended: its bytes go on as tcp says', async () => {
    const port = await freePort();
    const files = edge(server(port, 'a', 'TLS', www, simple(own))) + (await greeter('one'));
    await serve(files + stream('tcp', www, `{port: ${port}}`, 'one'));
    expect(await greeting(port, www)).toBe('hello of one');
    expect(await greeting(port, 'b.acme.example')).toBe('');
  });

  test('TCP goes on by its port, also where the server speaks first', async () => {
    const [first = 0, second = 0, third = 0] = await freePorts(3);
    const files = [
      edge(plain(first, 'a', 'TCP'), plain(second, 'b', 'TCP'), plain(third, 'c', 'MONGO')),
      await greeter('one'),
      await greeter('two'),
      stream('tcp', '"*"', `{port: ${first}}`, 'one'),
      stream('tcp', 'db.example', `{port: ${second}}`, 'two', 'y'),
    ];
    await serve(files.join(''));
    expect(await greeting(first)).toBe('hello of one');
    expect(await greeting(second)).toBe('hello of two');
    expect(namesOf(snapshotAt(files.join('')), 'listeners')).toEqual(
      [first, second].map((port) => `0.0.0.0_${port}`).sort(),
    );
  });
});

describe('certificates of clients', () => {
  const asked = (mode: string, more = '') =>
    `${simple(own).replace('SIMPLE', mode)}, caCertificates: ${authority.caFile}${more}`;
  const at = async (tls: string) => {
    const port = await freePort();
    await serve(cart() + edge(server(port, 'a', 'HTTPS', www, tls)) + routed(www));
    return (identity?: Identity) => ask(port, www, { identity });
  };
  const refused = /^(ERR_SSL|ECONN|EPROTO)/;

  test('MUTUAL: have to be there and good', async () => {
    const call = await at(asked('MUTUAL'));
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call()).toMatch(refused);
    expect(await call(stranger)).toMatch(refused);
  });

  test('insecureSkipVerify: have to be there, whoever signed them', async () => {
    const call = await at(asked('MUTUAL', ', insecureSkipVerify: true'));
    expect(await call(stranger)).toBe(`200 cart ${www}`);
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call()).toMatch(refused);
  });

  test('OPTIONAL_MUTUAL: may be missing, but not bad', async () => {
    const call = await at(asked('OPTIONAL_MUTUAL'));
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call()).toBe(`200 cart ${www}`);
    expect(await call(stranger)).toMatch(refused);
  });

  test('MUTUAL with a secret: its ca.crt says who signs them', async () => {
    const call = await at('mode: MUTUAL, credentialName: www-cert');
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call(stranger)).toMatch(refused);
  });

  test('MUTUAL with a secret for those who sign them', async () => {
    await strangers.mount('edge', 'strangers', stranger ?? (await strangers.issue('x.example')));
    await cp(`${strangers.folder}/secrets/edge/strangers`, `${authority.folder}/secrets/edge/strangers`, {
      recursive: true,
    });
    const call = await at('mode: MUTUAL, credentialName: www-cert, caCertCredentialName: strangers');
    expect(await call(stranger)).toBe(`200 cart ${www}`);
    expect(await call(client)).toMatch(refused);
  });

  test('subjectAltNames: have to have one of the names', async () => {
    const call = await at(asked('MUTUAL', ', subjectAltNames: [x.example, client.acme.example]'));
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call(other)).toMatch(refused);
  });

  test('verifyCertificateHash: have to be one of these', async () => {
    const call = await at(asked('MUTUAL', `, verifyCertificateHash: ["${hashOf(client)}"]`));
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call(other)).toMatch(refused);
  });

  test('verifyCertificateSpki: have to have one of these keys', async () => {
    const call = await at(asked('MUTUAL', `, verifyCertificateSpki: ["${keyHashOf(client)}"]`));
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call(other)).toMatch(refused);
  });

  test('caCrl: may not have been revoked', async () => {
    const revoked = await authority.issue('revoked.acme.example');
    const call = await at(asked('MUTUAL', `, caCrl: ${await authority.revoke(revoked)}`));
    expect(await call(client)).toBe(`200 cart ${www}`);
    expect(await call(revoked)).toMatch(refused);
  });
});

function hashOf(identity: Identity | undefined): string {
  return new X509Certificate(identity?.cert ?? '').fingerprint256;
}

function keyHashOf(identity: Identity | undefined): string {
  const key = new X509Certificate(identity?.cert ?? '').publicKey;
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
