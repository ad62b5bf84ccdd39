import { describe, expect, test } from 'vitest';
import { createTranslator, translate } from '../../src/translate/index.ts';
import { good } from '../manifests/cel-expressions.ts';
import { istio, service, telemetry, workload } from '../mesh/manifests.ts';
import { meshOf } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { jsonOf, proxyAt, snapshotOf } from './world.ts';

/** What is made of metrics, and that a real Envoy takes it; what it counts is in `metrics-traffic.test.ts`. */

const acme = (files: string) => ({ path: 'acme', files });
const counting =
  'apiVersion: mesh.istio.io/v1alpha1\nkind: MeshConfig\nmetadata: {name: mesh}\nspec: {defaultProviders: {metrics: [prometheus]}}\n---\n';
const shop =
  service('cart', 'shop') +
  workload('cart', 'shop', '10.0.0.1', 'app: cart') +
  service('db', 'shop', '', '[{name: tcp, port: 9000}]') +
  workload('db', 'shop', '10.0.0.1', 'app: db') +
  service('any', 'shop', '', '[{name: any, port: 9001}]') +
  workload('any', 'shop', '10.0.0.1', 'app: any');
const gateway =
  istio(
    'Gateway',
    'edge',
    'shop',
    '{selector: {app: edge}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["cart.example"]}]}',
  ) +
  istio(
    'VirtualService',
    'cart',
    'shop',
    '{hosts: [cart.example], gateways: [edge], http: [{route: [{destination: {host: cart}}]}]}',
  );
const odd = ['(1 + response.code)%100', '(response.code):2%3'.replace(':', ' + '), 'true\n? "a\\"b" : "c"'];
const tags = [...Object.values(good), ...odd].map(
  (value, index) => `t${index}: {value: ${JSON.stringify(value)}}`,
);
const tagged = telemetry('t', 'shop', `metrics: [{overrides: [{tagOverrides: {${tags.join(', ')}}}]}]`);

const json = (value: unknown) => JSON.stringify(value);
const all = ({ resources }: ReturnType<typeof snapshotOf>) =>
  [...resources.values()].flatMap((byName) => [...byName.values()]);

describe('Envoy takes metrics with every expression that the manifests take', () => {
  test.each([
    ['bound listeners', proxyAt('10.0.0.1', 'shop')],
    ['captured traffic', proxyAt('10.0.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' } })],
    ['a gateway', proxyAt('10.0.0.2', 'shop', { LABELS: { app: 'edge' } }, 'router')],
  ])('%s', async (_what, proxy) => {
    const snapshot = snapshotOf(proxy, acme(shop + gateway + counting + tagged));
    const text = json(all(snapshot).map((resource) => resource.json));
    expect(text.split('istio_requests_total').length).toBeGreaterThan(1);
    expect(text).toContain(`t${tags.length - 1}`);
    expect(await validate(staticBootstrap(snapshot))).toBe('OK');
  });
});

test('a listener that an EnvoyFilter changes counts, too', async () => {
  const patch =
    '{configPatches: [{applyTo: LISTENER, match: {context: SIDECAR_OUTBOUND}, patch: {operation: MERGE, value: {stat_prefix: own}}}]}';
  const files = shop + counting + istio('EnvoyFilter', 'e', 'shop', patch).replace('/v1\n', '/v1alpha3\n');
  const snapshot = snapshotOf(proxyAt('10.0.0.1', 'shop'), acme(files));
  const listener = json(jsonOf(snapshot, 'listeners', '127.0.0.1_15080'));
  expect(listener).toContain('"stat_prefix":"own"');
  expect(listener).toContain('istio_requests_total');
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});

test('a proxy that cannot count hears nothing of it; one that cannot run a plugin counts with the prefix of Envoy', async () => {
  const heard = (...extensions: readonly string[]) => {
    const proxy = { ...proxyAt('10.0.0.2', 'shop'), extensions: new Set(extensions) };
    return snapshotOf(proxy, acme(shop + counting));
  };
  expect(json(all(heard('envoy.filters.http.router')))).not.toMatch(
    /access_log|fairlead\.(service|workload)/,
  );
  const snapshot = heard('envoy.filters.http.router', 'envoy.access_loggers.stats');
  expect(json(all(snapshot))).toContain('istio_requests_total');
  expect(json(all(snapshot))).not.toContain('wasm');
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});

test('replicas of a workload hear one snapshot, and so do workloads of equal labels', () => {
  const { mesh, endpoints } = meshOf(acme(shop + counting));
  const made = createTranslator();
  const said = (name: string) => ({
    ...proxyAt('10.0.0.9', 'shop', { WORKLOAD_NAME: name, LABELS: { app: 'web' } }),
    name,
  });
  expect(made(mesh, endpoints, said('one'))).toBe(made(mesh, endpoints, said('two')));
});

test('nothing is another where no metrics are asked for', () => {
  const { mesh, endpoints } = meshOf(acme(shop));
  const text = json(all(translate(mesh, endpoints, proxyAt('10.0.0.1', 'shop'))));
  expect(text).not.toMatch(/access_log|fairlead\.(service|workload)/);
});

test('workloads have the name of what made them, as far as their Pods tell', () => {
  const pod = (name: string, ip: string, labels: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: web, labels: {app: a, ${labels}}}\nspec: {containers: []}\nstatus: {podIP: ${ip}, phase: Running, conditions: [{type: Ready, status: "True"}]}\n---\n`;
  const files =
    counting +
    service('a', 'web') +
    pod('a-v1-7f9c-x2x4z', '10.1.0.1', 'pod-template-hash: 7f9c, version: v1') +
    pod('b-0', '10.1.0.2', 'controller-revision-hash: b-77') +
    pod('c', '10.1.0.3', 'service.istio.io/canonical-name: see') +
    workload('d', 'web', '10.1.0.4', 'app: a');
  const assignment = jsonOf(
    snapshotOf(proxyAt('10.0.0.9', 'web'), acme(files)),
    'endpoints',
    'outbound|80||a.web.svc.cluster.local',
  );
  const said = json(assignment).match(/"fairlead\.workload":\{[^}]*\}/g) ?? [];
  expect(said.map((text) => /"name":"([^"]*)".*"canonical":"([^"]*)"/.exec(text)?.slice(1))).toEqual([
    ['a-v1', 'a'],
    ['b', 'a'],
    ['c', 'see'],
    ['d', 'a'],
  ]);
});
