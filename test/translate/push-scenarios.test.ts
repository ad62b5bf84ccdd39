import { expect, test } from 'vitest';
import { createStages } from '../../src/pipeline.ts';
import { createServed } from '../../src/reconcile/index.ts';
import { parseProxy } from '../../src/translate/index.ts';
import { createClients } from '../bench/clients.ts';
import { createCounted } from '../bench/counted.ts';
import { scopeName } from '../bench/history.ts';
import { scenarios } from '../bench/scenarios.ts';
import { openShop } from '../bench/shop.ts';

/** The scenarios of the push bench by what they send and make, which no machine can make other. */

const SERVICES = 12;
/** Two views, of three proxies each. */
const namespaces = [0, 1, 0, 1, 0, 1].map(scopeName);
const VIEWS = 2;

function openServer() {
  const shop = openShop(SERVICES);
  const counted = createCounted();
  const served = createServed(counted.stages, () => 0);
  const clients = createClients(served, namespaces);
  let revision = 0;
  const publish = () => {
    revision += 1;
    served.replace('mesh', [...shop.scopes]);
    clients.publish(String(revision));
  };
  publish();
  clients.take();
  return { shop, publish, clients, first: counted.made(), made: counted.made };
}

/** Resources that are made anew: a route table for each view, all else once for all of them. */
function encodedFor(sends: readonly string[]): number {
  const tables = sends.filter((name) => name.startsWith('routes')).length;
  return sends.length - tables + VIEWS * tables;
}

test('at first each view is translated once, and each resource encoded once', () => {
  const { first, shop } = openServer();
  const clusters = 3 * shop.scopes.length;
  expect(first.translations).toBe(VIEWS);
  // Clusters and endpoints are the same for all; a view has two fixed clusters, a listener and a table.
  expect(first.encodings).toBe(2 * clusters + VIEWS * 4);
});

test.each(scenarios)('$name: exactly what changed is sent, once translated and once encoded', (scenario) => {
  const { shop, publish, clients, made } = openServer();
  for (const round of [0, 1]) {
    scenario.edit(shop, round);
    const sends = scenario.sends(shop, round);
    publish();
    for (const sent of clients.take()) expect(sent.names.toSorted()).toEqual(sends.toSorted());
    const { translations, encodings } = made();
    expect(translations).toBe(sends.length === 0 ? 0 : VIEWS);
    // Endpoints come again after their cluster, and are what they were.
    const resent = scenario.name === 'policy changed' ? 3 : 0;
    expect(encodings).toBe(encodedFor(sends) - resent);
  }
});

test('a label that nobody reads sends 0 bytes, and so does the same mesh again', () => {
  const { shop, publish, clients, made } = openServer();
  const label = scenarios.find(({ name }) => name === 'no-op label change');
  label?.edit(shop, 0);
  publish();
  publish();
  expect(clients.take().map(({ bytes }) => bytes)).toEqual(namespaces.map(() => 0));
  expect(made()).toEqual({ translations: 0, encodings: 0 });
});

test('a response is encoded once for all streams that hear the same', () => {
  const { shop, publish, clients } = openServer();
  scenarios[0]?.edit(shop, 0);
  publish();
  const responses = clients.take().flatMap(({ responses }) => responses);
  expect(responses).toHaveLength(namespaces.length);
  expect(new Set(responses).size).toBe(VIEWS);
});

test('a one-scope commit builds and translates one scope; endpoint churn leaves routes, services and clusters', () => {
  const shop = openShop(SERVICES);
  const stages = createStages();
  const parsed = parseProxy(`sidecar~10.9.9.9~a.${scopeName(0)}~${scopeName(0)}.svc.cluster.local`, {});
  if (!parsed.ok) throw new Error(parsed.reason);
  const hear = () => {
    const { mesh, endpoints } = stages.build([...shop.scopes]);
    return { mesh, endpoints, snapshot: stages.translate(mesh, endpoints, parsed.proxy) };
  };
  const before = hear();
  shop.edit(2, ({ workloads }) => ({ workloads: [...workloads, 4] }));
  const after = hear();
  expect(after.mesh).toBe(before.mesh);
  const others = [...after.endpoints].filter(([id, list]) => before.endpoints.get(id) !== list);
  expect(others.map(([id]) => id.split('/')[0])).toEqual([scopeName(2)]);
  const same = [...after.snapshot.resources].filter(
    ([type, all]) => before.snapshot.resources.get(type) === all,
  );
  expect(same.map(([type]) => type.split('.').at(-1))).toEqual(['Cluster', 'Listener', 'RouteConfiguration']);
  shop.edit(3, ({ maxConnections }) => ({ maxConnections: maxConnections + 1 }));
  const last = hear();
  expect(last.mesh.services.filter((service, at) => service !== after.mesh.services[at])).toHaveLength(1);
  expect(last.mesh.routings).toBe(after.mesh.routings);
  expect(hear()).toEqual(last);
  expect(hear().snapshot).toBe(last.snapshot);
});
