import { expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';
import { encode } from '../../src/translate/encode.ts';
import { ROUTES } from '../../src/translate/types.ts';

test('what is encoded is in memory of its own: kept by itself, it keeps no slab of 64 kB that it shares', () => {
  const host = (name: string) => ({ name, domains: [name] });
  const routes = { name: 'http.80', virtual_hosts: ['a', 'b'].map(host) };
  const cluster = { name: 'outbound|80||a', type: 'EDS' };
  const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
  const drafts = [
    { typeUrl: ROUTES, name: 'http.80', json: routes },
    { typeUrl, name: cluster.name, json: cluster },
  ] as const;
  for (const draft of drafts) {
    const { pieces } = encode({ ...draft, origins: [], references: [] });
    for (const piece of must(pieces)) expect(piece.buffer.byteLength).toBe(piece.byteLength);
  }
});
