import { expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';
import { parseProxy } from '../../src/translate/index.ts';
import { translate } from '../../src/translate/translate.ts';
import { ROUTES } from '../../src/translate/types.ts';
import { service } from '../mesh/manifests.ts';
import { meshOf } from '../mesh/world.ts';

test('tables of several namespaces share the bytes of the hosts that they share', () => {
  const names = Array.from({ length: 200 }, (_, index) => `s${String(index).padStart(3, '0')}`);
  const files = names.map((name, index) => service(name, `n${index % 4}`));
  const { mesh, endpoints } = meshOf({ path: 'acme', files: files.join('') });
  const piecesFor = (namespace: string) => {
    const parsed = parseProxy(`sidecar~10.200.0.1~c-1.${namespace}~${namespace}.svc.cluster.local`, {});
    if (!parsed.ok) throw new Error(parsed.reason);
    const { resources } = translate(mesh, endpoints, parsed.proxy);
    const [table] = must(resources.get(ROUTES)).values();
    return must(must(table).pieces);
  };
  const one = piecesFor('elsewhere');
  const other = piecesFor('nowhere');
  const hosts = one.filter(({ length }) => length > 1_000);
  expect(hosts.length).toBeGreaterThan(5);
  // All but the one with the host for all else, which each table has for itself.
  expect(other.filter((piece) => hosts.includes(piece))).toHaveLength(hosts.length - 1);
  expect(Buffer.concat(piecesFor('n1'))).not.toEqual(Buffer.concat(one));
  expect(Buffer.concat(piecesFor('elsewhere'))).toEqual(Buffer.concat(one));
});
