import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { gatewayApi, istio, service, workload } from '../mesh/manifests.ts';
import { meshOf } from '../mesh/world.ts';
import { createAuthority } from './certificates.ts';
import { httpCollector } from './collector.ts';
import { type Running, run } from './running.ts';
import { Stand } from './stand.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What clients experience of the manifests of two articles, word for word, in a real Envoy. */

const seeds = join(import.meta.dirname, '../golden/seeds');
const seed = (file: string) => `${readFileSync(join(seeds, `${file}.yaml`), 'utf8')}---\n`;
const acme = (files: string) => ({ path: 'acme', files });
const host = (name: string, namespace = 'production') => `${name}.${namespace}.svc.cluster.local`;

/** A workload of an application, in one of its versions. */
const pod = (app: string, version: string, port: number, namespace = 'production', name = version) =>
  workload(
    `${app}-${name}`,
    namespace,
    '127.0.0.1',
    `app: ${app}, version: ${version}`,
    `, ports: {http: ${port}}`,
  );

/** Answers with its name, but for who asks it to fail once. */
const failing =
  (name: string, seen = new Set<string>()): RequestListener =>
  ({ url = '', headers }, response) => {
    const status = Number(headers['x-fail'] ?? 0);
    if (status > 0 && !seen.has(url)) response.statusCode = status;
    seen.add(url);
    response.end(name);
  };

const production = [
  '01-virtual-service-reviews-vs',
  '02-destination-rule-reviews-dr',
  '03-gateway-my-gateway',
  '04-service-entry-stripe-api',
  '05-istio-operator-registry-only',
  '09-virtual-service-ratings-fault',
]
  .map(seed)
  .join('');

const reviews = async (stand: Stand, answer = failing) =>
  service('reviews', 'production') +
  pod('reviews', 'v1', await stand.backend('v1', '127.0.0.1', failing('v1'))) +
  pod('reviews', 'v2', await stand.backend('v2', '127.0.0.1', answer('v2'))) +
  pod('reviews', 'v2', await stand.backend('v2', '127.0.0.1', failing('v2')), 'production', 'v2-b');

/** How often each body came back, of requests in groups of 20. */
async function shares(
  client: Running,
  name: string,
  count = 1000,
): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {};
  for (let asked = 0; asked < count; asked += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.ask(name)));
    for (const { status, body } of answers) {
      const key = status === 200 ? body : `${status}`;
      found[key] = (found[key] ?? 0) + 1;
    }
  }
  return found;
}

function expectNineInTen(found: Readonly<Record<string, number>>, most: string, few: string): void {
  expect(Object.keys(found).sort()).toEqual([most, few].sort());
  expect(found[few]).toBeGreaterThan(50);
  expect(found[few]).toBeLessThan(150);
}

test('reviews: the canary by its header, else nine in ten to v1', async () => {
  await using stand = new Stand();
  const files = production + service('ratings', 'production') + (await reviews(stand));
  expect(meshOf(acme(files)).problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  const client = await stand.client('production', [acme(files)]);
  for (let asked = 0; asked < 10; asked++)
    expect((await client.ask('reviews', { headers: { 'x-canary': 'true' } })).body).toBe('v2');
  expectNineInTen(await shares(client, host('reviews')), 'v1', 'v2');
  // Its retryOn: gateway-error, connect-failure, retriable-4xx.
  const once = async (path: string, status: string) =>
    (await client.ask(host('reviews'), { path, headers: { 'x-fail': status } })).status;
  expect([await once('/a', '503'), await once('/b', '409')]).toEqual([200, 200]);
  expect([await once('/c', '500'), await once('/d', '404')]).toEqual([500, 404]);
});

test('reviews: a host that fails five times in a row is ejected', async () => {
  await using stand = new Stand();
  const broken = (): RequestListener => (_, response) => {
    response.statusCode = 503;
    response.end();
  };
  const client = await stand.client('web', [acme(production + (await reviews(stand, broken)))]);
  const canary = async () => (await client.ask(host('reviews'), { headers: { 'x-canary': 'true' } })).status;
  const ejected = () =>
    client.stat(`cluster.outbound|80|v2|${host('reviews')}.outlier_detection.ejections_active`);
  let failed = 0;
  for (let asked = 0; asked < 300 && (await ejected()) === 0; asked++) if ((await canary()) === 503) failed++;
  expect([failed >= 5, await ejected()]).toEqual([true, 1]);
  for (let asked = 0; asked < 20; asked++) expect(await canary()).toBe(200);
});

/** A gateway proxy, which finds the certificate of a host where its machine has it. */
async function gatewayOf(
  files: string,
  port: number,
  at: {
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly credentials: string;
  },
): Promise<Running> {
  const metadata = { LABELS: at.labels, FAIRLEAD: { credentials: at.credentials } };
  return run(snapshotOf(proxyAt('127.0.0.1', at.namespace, metadata, 'router'), acme(files)), port);
}

function askTls(port: number, name: string, ca: string, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      servername: name,
      ca,
      agent: false,
      headers: { host: name },
    };
    const sent = request(options, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    });
    sent.on('error', reject);
    sent.end();
  });
}

test('reviews: at the gateway by https, where http is sent', async () => {
  await using stand = new Stand();
  const authority = await createAuthority();
  const name = 'reviews.example.com';
  await authority.mount('istio-system', 'my-tls-cert', await authority.issue(name));
  const [https = 0, http = 0] = await freePorts(2);
  // Ports of the test, which may not be root.
  const files = production.replace('number: 443\n        name', `number: ${https}\n        name`);
  const all = files.replace('number: 80\n', `number: ${http}\n`) + (await reviews(stand));
  const at = { namespace: 'istio-system', labels: { istio: 'ingressgateway' } };
  const gateway = await gatewayOf(all, http, { ...at, credentials: `${authority.folder}/secrets` });
  try {
    expect(await askTls(https, name, authority.ca)).toMatch(/^200 v[12]$/);
    const { status, headers } = await gateway.ask(name, { path: '/a' });
    expect([status, headers.location]).toEqual([301, `https://${name}/a`]);
  } finally {
    await gateway.close();
    await authority.remove();
  }
});

test('reviews, by Linkerd: what may be asked again is, within five seconds', async () => {
  await using stand = new Stand();
  const seen = new Map<string, number>();
  const answer: RequestListener = ({ method = '', url = '', headers }, response) => {
    const count = (seen.get(`${method} ${url}`) ?? 0) + 1;
    seen.set(`${method} ${url}`, count);
    if (headers['x-silent'] !== undefined) return;
    response.statusCode = count < 3 ? 503 : 200;
    response.end('reviews');
  };
  const files =
    seed('11-service-profile-reviews') +
    service('reviews', 'production') +
    pod('reviews', 'v1', await stand.backend('v1', '127.0.0.1', answer));
  expect(meshOf(acme(files)).problems).toEqual([]);
  const client = await stand.client('web', [acme(files)]);
  const ask = async (method: string, path: string, headers = {}) =>
    (await client.ask(host('reviews'), { method, path, headers })).status;
  expect(await ask('GET', '/api/reviews/1')).toBe(200);
  expect(await ask('POST', '/api/reviews')).toBe(503);
  expect(await ask('GET', '/other')).toBe(503);
  expect([...seen.values()]).toEqual([3, 1, 1]);
  expect(await ask('GET', '/api/reviews/2', { 'x-silent': 'true' })).toBe(504);
});

test('unknown hosts are refused, api.stripe.com is not', async () => {
  await using stand = new Stand();
  const files = production + (await reviews(stand));
  const client = await stand.client('web', [acme(files)]);
  expect((await client.ask('unknown.example')).status).toBe(502);
  expect((await client.ask(host('reviews'))).status).toBe(200);
  const redirected = snapshotOf(
    proxyAt('10.0.0.1', 'web', { FAIRLEAD: { capture: 'redirect' } }),
    acme(files),
  );
  expect(jsonOf(redirected, 'clusters', 'outbound|443||api.stripe.com')).toMatchObject({
    type: 'STRICT_DNS',
  });
  const { filter_chains: chains } = jsonOf(redirected, 'listeners', '0.0.0.0_443');
  expect(JSON.stringify(chains)).toContain('"server_names":["api.stripe.com"]');
});

test('ratings: faults for who asks for them', async () => {
  await using stand = new Stand();
  const ratings = service('ratings', 'production') + pod('ratings', 'v1', await stand.backend('ratings'));
  const [port = 0] = await freePorts(1);
  const proxy = proxyAt('10.0.0.1', 'web', { FAIRLEAD: { httpProxyPort: port } });
  const client = await run(snapshotOf(proxy, acme(production + ratings)), port);
  await using open = new AsyncDisposableStack();
  open.defer(() => client.close());
  expect((await client.ask(host('ratings'))).status).toBe(404);
  const headers = { 'x-test-user': 'chaos' };
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => client.ask(host('ratings'), { headers })),
  );
  const aborted = answers.filter(({ status }) => status === 503).length;
  expect(aborted).toBeGreaterThan(8);
  expect(aborted).toBeLessThan(70);
  const delayed = await client.stat(`http.outbound_127.0.0.1_${port}.fault.delays_injected`);
  expect(delayed).toBeGreaterThan(100);
  expect(delayed).toBeLessThan(200);
});

test.each(['12-http-route-reviews-split', '14-http-route-reviews-mesh-route'])(
  '%s: nine in ten to reviews-v1',
  async (route) => {
    await using stand = new Stand();
    const versions = ['reviews-v1', 'reviews-v2'].map(
      async (app) => service(app, 'production') + pod(app, 'v', await stand.backend(app)),
    );
    const files = seed(route) + service('reviews', 'production') + (await Promise.all(versions)).join('');
    expect(meshOf(acme(files)).problems).toEqual([]);
    const client = await stand.client('web', [acme(files)]);
    expectNineInTen(await shares(client, host('reviews')), 'reviews-v1', 'reviews-v2');
  },
);

test('production: errors are logged, one in a hundred requests is traced', async () => {
  await using stand = new Stand();
  const collector = await httpCollector(stand);
  const zipkin = `{service: ${host('jaeger', 'observability')}, port: 9411}`;
  const files =
    seed('10-telemetry-custom-metrics') +
    `apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {extensionProviders: [{name: jaeger, zipkin: ${zipkin}}]}\n---\n` +
    service('jaeger', 'observability', '', '[{name: http, port: 9411}]') +
    pod('jaeger', 'v1', collector.port, 'observability') +
    service('reviews', 'production') +
    pod('reviews', 'v1', await stand.backend('v1', '127.0.0.1', failing('v1')));
  expect(meshOf(acme(files)).problems.filter(({ code }) => code !== 'FL3104')).toEqual([]);
  const client = await stand.client('production', [acme(files)]);
  // So many that chance leaves none of them out once in 500 million runs.
  await shares(client, host('reviews'), 2000);
  for (const [path, status] of Object.entries({ '/bad': '503', '/worse': '404' }))
    await client.ask(host('reviews'), { path, headers: { 'x-fail': status } });
  const lines = async () => (await client.output()).split('\n').filter((line) => line.includes('HTTP/1.1"'));
  await expect.poll(lines).toHaveLength(2);
  expect((await lines()).map((line) => /"GET (\S+) HTTP\/1.1" (\d+)/.exec(line)?.slice(1))).toEqual([
    ['/bad', '503'],
    ['/worse', '404'],
  ]);
  await expect.poll(() => collector.spans.length).toBeGreaterThan(0);
  expect(collector.spans.length).toBeLessThan(80);
});

const payments = async (stand: Stand) => {
  const ports = '[{name: http, port: 8080}]';
  const two = ['v1', 'v2'].map(async (version) =>
    pod('payments-api', version, await stand.backend(version, '127.0.0.1', failing(version)), 'payments'),
  );
  const documents = [
    '15-destination-rule-payments-api',
    '16-virtual-service-payments-api',
    '23-gateway-payments-gateway',
    '24-http-route-payments-api',
    '25-istio-operator-cluster-1',
  ];
  const ours = gatewayApi(
    'GatewayClass',
    'istio',
    'none',
    '{controllerName: fairlead.dev/gateway-controller}',
  );
  return (
    ours.replace(', namespace: none', '') +
    documents.map(seed).join('') +
    service('payments-api', 'payments', '', ports) +
    (await Promise.all(two)).join('')
  );
};

test('payments-api: the canary by its header, else nine in ten to v1', async () => {
  await using stand = new Stand();
  const files = await payments(stand);
  expect(meshOf(acme(files)).problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  const client = await stand.client('web', [acme(files)]);
  const name = `${host('payments-api', 'payments')}:8080`;
  for (let asked = 0; asked < 10; asked++)
    expect((await client.ask(name, { headers: { 'x-test-cohort': 'canary' } })).body).toBe('v2');
  expectNineInTen(await shares(client, name), 'v1', 'v2');
  expect((await client.ask(name, { path: '/a', headers: { 'x-fail': '500' } })).status).toBe(200);
});

test('payments-api: at the gateway by https', async () => {
  await using stand = new Stand();
  const authority = await createAuthority();
  const name = 'api.payments.corp.com';
  await authority.mount('payments', 'payments-tls', await authority.issue(name));
  const [port = 0] = await freePorts(1);
  const files = (await payments(stand)).replace('port: 443', `port: ${port}`);
  const labels = { 'gateway.networking.k8s.io/gateway-name': 'payments-gateway' };
  const credentials = `${authority.folder}/secrets`;
  const gateway = await gatewayOf(files, 0, { namespace: 'payments', labels, credentials });
  try {
    expect(await askTls(port, name, authority.ca, '/v1/charge')).toMatch(/^200 v[12]$/);
    expect(await askTls(port, name, authority.ca, '/v2')).toBe('404 ');
  } finally {
    await gateway.close();
    await authority.remove();
  }
});

test('product-service: v2 gets a copy of every request', async () => {
  await using stand = new Stand();
  const copies: string[] = [];
  const two = await stand.backend('v2', '127.0.0.1', ({ url = '' }, response) => {
    copies.push(url);
    response.end('v2');
  });
  const name = 'product-service';
  const files =
    seed('fragments/virtual-service-mirror') +
    seed('fragments/destination-rule-outlier-detection') +
    service(name, 'production') +
    pod(name, 'v1', await stand.backend('v1')) +
    pod(name, 'v2', two);
  const client = await stand.client('web', [acme(files)]);
  for (const path of ['/a', '/b', '/c']) expect((await client.ask(host(name), { path })).body).toBe('v1');
  await expect.poll(() => copies.toSorted()).toEqual(['/a', '/b', '/c']);
});

test('reviews: the listener of Cilium as it stands, and with filters in it', async () => {
  const written = seed('13-cilium-envoy-config-http-policy');
  const typed = (type: string, fields = '') =>
    `{"@type": type.googleapis.com/envoy.extensions.${type}${fields}}`;
  const router = `{name: router, typed_config: ${typed('filters.http.router.v3.Router')}}`;
  const manager = typed(
    'filters.network.http_connection_manager.v3.HttpConnectionManager',
    `, stat_prefix: policy, http_filters: [${router}], route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /admin}, direct_response: {status: 403}}, {match: {prefix: /}, route: {cluster: production/reviews}, response_headers_to_add: [{header: {key: x-policy, value: "yes"}}]}]}]}`,
  );
  const whole = written.replace(
    '# ... full Envoy xDS config',
    `filter_chains: [{filters: [{name: http, typed_config: ${manager}}]}]`,
  );
  const answers = async (config: string) => {
    await using stand = new Stand();
    const [port = 0] = await freePorts(1);
    const place = `127.0.0.1:${await stand.backend('application')}`;
    const ingress = `{ingress: [{port: {number: ${port}, protocol: HTTP}, defaultEndpoint: "${place}"}]}`;
    const files = acme(
      service('reviews', 'production') +
        workload('reviews-1', 'production', '127.0.0.2', 'app: reviews', `, ports: {http: ${port}}`) +
        istio('Sidecar', 'reviews', 'production', ingress) +
        config,
    );
    await stand.client('production', [files], { ip: '127.0.0.2' });
    const client = await stand.client('other', [files]);
    const ask = async (path: string) => {
      const { status, headers, body } = await client.ask(host('reviews'), { path });
      return [status, headers['x-policy'], status === 200 ? body : ''];
    };
    return [await ask('/'), await ask('/admin')];
  };
  expect(await answers(written)).toEqual([
    [200, undefined, 'application'],
    [200, undefined, 'application'],
  ]);
  expect(await answers(whole)).toEqual([
    [200, 'yes', 'application'],
    [403, undefined, ''],
  ]);
});
