import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { service, telemetry, workload } from '../mesh/manifests.ts';
import { Stand } from './stand.ts';

/** Lines that real Envoys write of what passes through them, as Telemetry and the MeshConfig say it. */

const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string, namespace = 'shop') => `${name}.${namespace}.svc.cluster.local`;
const meshConfig = (spec: string) =>
  `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {${spec}}\n---\n`;
const serving = (name: string, port: number) =>
  service(name, 'shop') + workload(name, 'shop', '127.0.0.1', `app: ${name}`, `, ports: {http: ${port}}`);
const file = (name: string, path: string, format: string) =>
  `{name: ${name}, envoyFileAccessLog: {path: ${path}, logFormat: ${format}}}`;

/** A folder for one test, and the lines that are in a file of it once there are as many. */
async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-logs-'));
  const lines = async (name: string) =>
    (await readFile(join(path, name), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  return {
    at: (name: string) => join(path, name),
    lines,
    until: (name: string, count: number) => expect.poll(() => lines(name)).toHaveLength(count),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

/** Answers with the status that is asked for. */
const asking = (stand: Stand) =>
  stand.backend('cart', '127.0.0.1', ({ headers }, response) => {
    response.statusCode = Number(headers['x-status'] ?? 200);
    response.end();
  });

const filtered = `accessLogging: [{providers: [{name: lines}], filter: {expression: "response.code >= 400 || request.headers['x-debug'] == 'yes'"}}]`;

test('the lines that a filter lets through are written, the others are not', async () => {
  await using stand = new Stand();
  await using dir = await folder();
  const files =
    serving('cart', await asking(stand)) +
    meshConfig(
      `extensionProviders: [${file('lines', dir.at('a'), '{text: "%RESPONSE_CODE% %REQ(:PATH)% 100%%"}')}]`,
    ) +
    telemetry('web', 'web', filtered);
  const client = await stand.client('web', [acme(files)]);
  await client.ask(host('cart'), { path: '/fine' });
  await client.ask(host('cart'), { path: '/debug', headers: { 'x-debug': 'yes' } });
  await client.ask(host('cart'), { path: '/bad', headers: { 'x-status': '404' } });
  await dir.until('a', 2);
  expect(await dir.lines('a')).toEqual(['200 /debug 100%', '404 /bad 100%']);
});

test('lines of JSON, with the fields that are said or the default ones', async () => {
  await using stand = new Stand();
  await using dir = await folder();
  const labels = '{labels: {status: "%RESPONSE_CODE%", of: {path: "%REQ(:PATH)%"}}}';
  const providers = `${file('own', dir.at('own'), labels)}, ${file('all', dir.at('all'), '{labels: {}}')}`;
  const files =
    serving('cart', await asking(stand)) +
    meshConfig(`extensionProviders: [${providers}], defaultProviders: {accessLogging: [own, all]}`);
  const client = await stand.client('web', [acme(files)]);
  await client.ask(host('cart'), { path: '/a', headers: { 'user-agent': 'me' } });
  await dir.until('own', 1);
  await dir.until('all', 1);
  const parsed = async (name: string) => JSON.parse((await dir.lines(name))[0] ?? '') as unknown;
  expect(await parsed('own')).toEqual({ status: 200, of: { path: '/a' } });
  expect(await parsed('all')).toMatchObject({
    ...{ method: 'GET', path: '/a', response_code: 200, user_agent: 'me' },
    ...{ authority: host('cart'), upstream_cluster: `outbound|80||${host('cart')}` },
  });
});

test('accessLogFile, its format and its encoding, where no Telemetry says anything', async () => {
  await using stand = new Stand();
  await using dir = await folder();
  const cart = serving('cart', await asking(stand));
  const lineOf = async (name: string, more: string, path: string) => {
    const files = cart + meshConfig(`accessLogFile: ${dir.at(name)}${more}`);
    const client = await stand.client('web', [acme(files)]);
    await client.ask(host('cart'), { path });
    await dir.until(name, 1);
    return (await dir.lines(name))[0] ?? '';
  };
  expect(await lineOf('text', '', '/a')).toMatch(
    /^\[20\S+Z\] "GET \/a HTTP\/1.1" 200 - via_upstream - "-" 0 0 \d+ .* default$/,
  );
  expect(await lineOf('own', ', accessLogFormat: "%REQ(:METHOD)% it\\n"', '/a')).toBe('GET it');
  const json = ', accessLogEncoding: JSON, accessLogFormat: "{\\"a\\": \\"%REQ(:PATH)%\\"}"';
  expect(await lineOf('json', json, '/b')).toBe('{"a":"/b"}');
});

test('CLIENT and SERVER, each as it is said; disabled, nothing', async () => {
  await using stand = new Stand();
  await using dir = await folder();
  const [inbound = 0] = await freePorts(1);
  const application = await asking(stand);
  const said = (mode: string, name: string) => `{match: {mode: ${mode}}, providers: [{name: ${name}}]}`;
  const format = '{text: "%REQ(:PATH)%"}';
  const files =
    service('cart', 'shop') +
    workload('cart', 'shop', '127.0.0.2', 'app: cart', `, ports: {http: ${inbound}}`) +
    meshConfig(
      `rootNamespace: root, extensionProviders: [${file('out', dir.at('out'), format)}, ${file('in', dir.at('in'), format)}]`,
    ) +
    telemetry('all', 'root', `accessLogging: [${said('CLIENT', 'out')}, ${said('SERVER', 'in')}]`) +
    telemetry('off', 'ops', 'accessLogging: [{disabled: true}]') +
    `apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: s, namespace: shop}\nspec: {ingress: [{port: {number: ${inbound}, protocol: HTTP}, defaultEndpoint: "127.0.0.1:${application}"}]}\n---\n`;
  await stand.client('shop', [acme(files)], { ip: '127.0.0.2', labels: { app: 'cart' } });
  const [web, ops] = [await stand.client('web', [acme(files)]), await stand.client('ops', [acme(files)])];
  expect((await ops.ask(host('cart'), { path: '/ops' })).status).toBe(200);
  expect((await web.ask(host('cart'), { path: '/web' })).status).toBe(200);
  await dir.until('in', 2);
  await dir.until('out', 1);
  expect([await dir.lines('in'), await dir.lines('out')]).toEqual([['/ops', '/web'], ['/web']]);
});
