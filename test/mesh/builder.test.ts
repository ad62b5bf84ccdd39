import { isDeepStrictEqual } from 'node:util';
import {
  array,
  assert,
  constant,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  subarray,
} from 'fast-check';
import { expect, test } from 'vitest';
import type { ScopeResources } from '../../src/manifests/index.ts';
import { apiStatuses, build, createBuilder } from '../../src/mesh/index.ts';
import { document, type Path, paths, scopes } from './documents.ts';
import { type ScopeText, scope } from './world.ts';

/** One scope gets other files, now and then another authority; or it comes or goes. */
const edit = record({
  path: constantFrom(...paths),
  documents: array(document, { maxLength: 6 }),
  owns: oneof({ weight: 5, arbitrary: constant(null) }, { weight: 1, arbitrary: subarray(['shop', 'pay']) }),
  present: integer({ min: 0, max: 5 }).map((chance) => chance > 0),
});

// Each of them 100, so that none takes long on whatever else the machine does.
test.each([1, 2, 3, 4, 5])(
  'building again after any edits gives what building anew gives, whatever the order of the scopes: %i',
  () => {
    const edits = array(edit, { minLength: 1, maxLength: 12 });
    const run = property(edits, (sequence) => {
      const builder = createBuilder();
      const read = new Map<string, ScopeResources>();
      const readAnew = new Map<string, ScopeResources>();
      for (const { path, documents, owns, present } of sequence) {
        const files = documents.map((text) => text(scopes[path]));
        const text = textOf(path, files, owns ?? [scopes[path]]);
        if (present) {
          read.set(path, scope(text, read.get(path)));
          readAnew.set(path, scope(text));
        } else {
          read.delete(path);
          readAnew.delete(path);
        }
        const built = builder([...read.values()]);
        const anew = build([...readAnew.values()].reverse());
        expectEqual(built, anew);
        expectEqual(apiStatuses(built), apiStatuses(anew));
        // Same order, too: what is sent depends on it.
        expectEqual([...built.endpoints.keys()], [...anew.endpoints.keys()]);
      }
    });
    assert(run, { numRuns: 100 });
  },
);

/** Node compares what is equal in a fraction of the time; what is not, vitest shows. */
function expectEqual(built: unknown, anew: unknown): void {
  if (!isDeepStrictEqual(built, anew)) expect(built).toEqual(anew);
}

function textOf(path: Path, documents: readonly string[], namespaces: readonly string[]): ScopeText {
  const files = Object.fromEntries(documents.map((text, index) => [`${index}.yaml`, text]));
  return { path, namespaces, hosts: path === 'acme' ? ['*'] : [], files };
}

test('what does not change is the same object, and is not read again', () => {
  const builder = createBuilder();
  const texts = (above: number) => [
    scope({ path: 'a', namespaces: ['shop'], files: shop }),
    scope({ path: 'b', namespaces: ['pay'], files: `${'#\n'.repeat(above)}${pay}` }),
  ];
  const [first, old] = texts(1);
  const [, changed] = texts(2);
  if (first === undefined || old === undefined || changed === undefined) throw new Error('two scopes');
  const before = builder([first, old]);
  const after = builder([first, changed]);
  const [cart, ledger] = after.mesh.services;
  expect(cart).toBe(before.mesh.services[0]);
  expect(ledger).not.toBe(before.mesh.services[1]);
  expect(ledger?.origin.line).toBe(3);
  expect(after.mesh.owners).toBe(before.mesh.owners);
  expect(after.mesh.routings[0]).toBe(before.mesh.routings[0]);
  expect(after.endpoints.get('shop/cart.shop.svc.cluster.local')).toBe(
    before.endpoints.get('shop/cart.shop.svc.cluster.local'),
  );
});

test('an edit ends where it changes nothing: files that say the same leave the same objects', () => {
  const builder = createBuilder();
  const other = scope({ path: 'b', namespaces: ['pay'], files: pay });
  const [service = '', routes = ''] = shop.split('---\n');
  const files = { 'service.yaml': service, 'routes.yaml': routes };
  const first = scope({ path: 'a', namespaces: ['shop'], files });
  const before = builder([first, other]);
  const edited = { ...files, 'routes.yaml': routes.replace('ledger', 'absent') };
  const after = builder([scope({ path: 'a', namespaces: ['shop'], files: edited }, first), other]);
  expect(after.mesh.services).toBe(before.mesh.services);
  expect(after.endpoints).toBe(before.endpoints);
  expect(after.mesh.routings).not.toEqual(before.mesh.routings);
  expect(after.problems.map(({ file }) => file)).toEqual(['a/routes.yaml']);
});

const shop = `apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart, namespace: shop }
spec: { hosts: [cart], http: [{ route: [{ destination: { host: ledger.pay.svc.cluster.local } }] }] }
`;
const pay = `apiVersion: v1
kind: Service
metadata: { name: ledger, namespace: pay }
spec: { ports: [{ name: http, port: 80 }] }
`;
