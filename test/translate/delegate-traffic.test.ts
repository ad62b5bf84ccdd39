import { expect, test } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { bound, gateway, istio, routes, service, to, workload } from '../mesh/manifests.ts';
import { meshOf, type ScopeText } from '../mesh/world.ts';
import { run } from './running.ts';
import { Stand } from './stand.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** Steps that are handed on to a VirtualService of another scope, in a real Envoy. */

const app = async (stand: Stand, name: string, namespace: string) =>
  service(name, namespace) +
  workload(name, namespace, '127.0.0.1', `app: ${name}`, `, ports: {http: ${await stand.backend(name)}}`);
const scopeOf = (
  path: string,
  namespaces: readonly string[],
  files: string,
  hosts: readonly string[] = [],
): ScopeText => ({
  path,
  namespaces,
  hosts,
  files,
});
const step = (match: string) => `{match: [${match}], delegate: {name: inner, namespace: team}}`;
const inner = (http: string, exportTo = '"*"') =>
  istio('VirtualService', 'inner', 'team', `{exportTo: [${exportTo}], http: ${http}}`);
const rest = to('cart').slice(1, -1);

test('in the mesh: its requests are the delegate’s, and no others', async () => {
  await using stand = new Stand();
  const root = routes('cart', 'shop', 'cart', `[${step('{uri: {prefix: /a}}')}, ${rest}]`);
  const shop = scopeOf('acme.shop', ['shop'], (await app(stand, 'cart', 'shop')) + root);
  const says = `[{match: [{uri: {prefix: /a/b}}], rewrite: {uri: /}, route: [{destination: {host: own}}]}, {match: [{uri: {prefix: /c}}], directResponse: {status: 418}}]`;
  const team = scopeOf('acme.team', ['team'], (await app(stand, 'own', 'team')) + inner(says, 'shop'));
  const client = await stand.client('web', [shop, team, scopeOf('acme.web', ['web'], '')]);
  const ask = async (path: string) => (await client.ask('cart.shop', { path })).body;
  expect([await ask('/a/b'), await ask('/a'), await ask('/c')]).toEqual(['own', 'cart', 'cart']);
});

test('at a gateway of a third scope, and 503 once the delegate is exported to nobody', async () => {
  await using stand = new Stand();
  const [port = 0] = await freePorts(1);
  const host = 'shop.acme.example';
  const edge = scopeOf('acme.edge', ['edge'], gateway('edge', 'edge', `[${host}]`, '', port));
  const root = bound('cart', 'shop', host, '[edge/edge]', `[${step('{uri: {prefix: /a}}')}, ${rest}]`);
  const shop = scopeOf('acme.shop', ['shop'], (await app(stand, 'cart', 'shop')) + root, [host]);
  const own = await app(stand, 'own', 'team');
  const answers = async (exportTo: string) => {
    const team = scopeOf('acme.team', ['team'], own + inner(to('own'), exportTo));
    const scopes = [edge, shop, team];
    const proxy = proxyAt('127.0.0.1', 'edge', { LABELS: { app: 'edge' } }, 'router');
    const running = await run(snapshotOf(proxy, ...scopes), port);
    const asked = await Promise.all(['/a', '/b'].map((path) => running.ask(host, { path })));
    await running.close();
    const errors = meshOf(...scopes).problems.filter(({ severity }) => severity === 'error');
    return [...asked.map(({ status, body }) => (status === 200 ? body : status)), errors.length];
  };
  expect(await answers('"*"')).toEqual(['own', 'cart', 0]);
  expect(await answers('"~"')).toEqual([503, 'cart', 0]);
});
