import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { encodeMessage } from '../../src/translate/encode.ts';
import { createTranslator, translate } from '../../src/translate/index.ts';
import { ROUTES } from '../../src/translate/types.ts';
import { meshOf, type ScopeText } from '../mesh/world.ts';
import { proxyAt } from './world.ts';

const golden = join(import.meta.dirname, '../golden/translate');

type Case = {
  readonly proxies: Readonly<
    Record<string, { ip: string; namespace: string; metadata?: Record<string, unknown>; type?: 'router' }>
  >;
  readonly scopes: Readonly<Record<string, { readonly namespaces: string[]; readonly hosts: string[] }>>;
};

/** Addresses that no workload of the cases has, of both families, and the loopback. */
const elsewhere = ['10.99.0.1', '10.99.0.2', 'fd00:99::1', 'fd00:99::2', '127.0.0.1'];

describe.each(readdirSync(golden))('%s', (name) => {
  const folder = join(golden, name);
  const { proxies, scopes } = parse(readFileSync(join(folder, 'case.yaml'), 'utf8')) as Case;
  const texts = Object.entries(scopes).map(([path, owns]): ScopeText => {
    const files = readdirSync(join(folder, path)).map((file) => [
      file,
      readFileSync(join(folder, path, file), 'utf8'),
    ]);
    return { path, ...owns, files: Object.fromEntries(files) as Record<string, string> };
  });
  const clients = Object.values(proxies).flatMap(({ ip, namespace, metadata = {}, type }) =>
    [ip, ...elsewhere].flatMap((address) => {
      const { INSTANCE_IPS: _ips, ...others } = metadata;
      const given = address === ip ? metadata : others;
      return [given, { ...given, LABELS: { version: 'v9' } }].flatMap((about) => {
        const client = proxyAt(address, namespace, about, type);
        return [client, { ...client, id: `${client.id}.example`, name: 'other-7' }];
      });
    }),
  );

  test('each proxy hears what it would hear alone', () => {
    const { mesh, endpoints } = meshOf(...texts);
    const shared = createTranslator();
    for (const client of clients) {
      expect(shared(mesh, endpoints, client)).toEqual(translate(mesh, endpoints, client));
    }
  });

  test('a route table that is put together of its parts has the bytes of the whole', () => {
    const { mesh, endpoints } = meshOf(...texts);
    for (const client of clients) {
      for (const { any, json } of translate(mesh, endpoints, client).resources.get(ROUTES)?.values() ?? []) {
        expect(Buffer.from(any).equals(encodeMessage(ROUTES, json))).toBe(true);
      }
    }
  });
});

const shop: ScopeText = {
  path: 'acme',
  files: `apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: cart, namespace: shop, labels: { app: cart } }
spec: { address: 10.0.0.1 }
`,
};

test('proxies that differ in nothing that counts share one snapshot; a workload has its own', () => {
  const { mesh, endpoints } = meshOf(shop);
  const shared = createTranslator();
  const first = shared(mesh, endpoints, proxyAt('10.0.0.2', 'shop'));
  expect(shared(mesh, endpoints, proxyAt('10.0.0.3', 'shop'))).toBe(first);
  expect(shared(mesh, endpoints, proxyAt('10.0.0.1', 'shop'))).not.toBe(first);
  expect(shared(mesh, endpoints, proxyAt('10.0.0.3', 'other'))).not.toBe(first);
});

test('resources of a service that did not change are the same objects', () => {
  const { mesh, endpoints } = meshOf(shop);
  const clusters = (namespace: string) =>
    [...translate(mesh, endpoints, proxyAt('10.0.0.2', namespace)).resources.values()].flatMap((all) => [
      ...all.values(),
    ]);
  const again = new Set(clusters('other'));
  expect(clusters('shop').filter((resource) => again.has(resource)).length).toBe(2);
});
