import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServer } from '../../src/main.ts';
import { ask, followed, hint, world } from '../server.ts';
import { createLossyStage, type LossyStage, lose, lost, mend, type Proxies } from './lossy.ts';

type Repositories = {
  readonly items: readonly {
    readonly appliedRevision: string | null;
    readonly failure: { readonly code: string } | null;
  }[];
};

let stage: LossyStage;
beforeAll(async () => {
  stage = await createLossyStage({ fetchTimeoutMs: 3_000, keepaliveMs: 3_000 });
});
afterAll(() => stage.close());

const counted = async () => {
  const text = await (await fetch(`http://127.0.0.1:${stage.server.httpPort}/metrics`)).text();
  return /^fairlead_xds_connected_proxies\{protocol="delta"\} (\d+)$/m.exec(text)?.[1];
};

/** These have acknowledged the newest commit, and no other is connected. */
const arrivedAt = async (...envoys: readonly { readonly nodeId: string }[]) => {
  const tip = await stage.site.repository.id();
  const wanted = envoys.map(({ nodeId }) => [nodeId, tip]).toSorted();
  await ask<Proxies>(stage.server.httpPort, '/api/v1/proxies', ({ items }) => {
    const found = items.map(({ proxy, fullyAcked }) => [proxy, fullyAcked?.revision]).toSorted();
    return JSON.stringify(found) === JSON.stringify(wanted);
  });
};

test('a commit arrives at every Envoy while every fifth packet is lost, of the remote and of the proxies', async () => {
  const all = [stage.forge, ...stage.hosts];
  for (const host of all) await lose(host, 0.2);
  const losses = () => Promise.all(all.map(lost));
  for (let count = 1; count === 1 || Math.min(...(await losses())) === 0; count += 1) {
    await stage.commit(`lost-${count}`);
    await arrivedAt(...stage.envoys);
  }
  for (const host of all) await mend(host);
});

test('a proxy whose connection is half open is gone, and has the newest state once it is back', async () => {
  const { envoys, hosts } = stage;
  const [, other] = envoys;
  await lose(hosts[0], 1);
  // Done when all that are connected have it: the one that cannot answer has to be gone first.
  await stage.commit('unheard');
  await arrivedAt(other);
  await expect.poll(counted).toBe('1');
  expect(await lost(hosts[0])).toBeGreaterThan(0);
  await mend(hosts[0]);
  await arrivedAt(...envoys);
  await expect.poll(counted).toBe('2');
});

test.each(['isomorphic', 'native'] as const)(
  '%s: a fetch over a connection that is half open ends in time, and the next one works',
  async (gitBackend) => {
    const { config, forge, site } = stage;
    const dataDir = join(site.folder, gitBackend);
    await mkdir(dataDir);
    const repositories = [{ ...followed(config), gitBackend }];
    await using closing = new AsyncDisposableStack();
    const following = await createServer({ ...config, dataDir, repositories }, world);
    closing.defer(() => following.close());
    const says = (accept: (repository: Repositories['items'][number] | undefined) => boolean) =>
      ask<Repositories>(following.httpPort, '/api/v1/repositories', ({ items }) => accept(items[0]));
    const before = await site.repository.id();
    await says((repository) => repository?.appliedRevision === before);
    await lose(forge, 1);
    await hint(following.httpPort);
    await says((repository) => repository?.failure?.code === 'remote-timeout');
    await mend(forge);
    const tip = await site.change(`after-${gitBackend}`, 'alice');
    await hint(following.httpPort);
    await says((repository) => repository?.appliedRevision === tip && repository.failure === null);
  },
);
