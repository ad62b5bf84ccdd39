import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createServer, type Server } from '../../src/main.ts';
import type { Served } from '../../src/reconcile/index.ts';
import { createHome, type Home } from '../cli/fairlead.ts';
import { ask, createSite, NODE_ID, type Site, world } from '../server.ts';
import { series } from '../telemetry/views.ts';
import { AdsClient } from './client.ts';

/** What a whole server still says, and still holds, of a proxy that went away. */

/** What the server under test keeps for its proxies: nothing that it answers tells that it keeps too much. */
const kept: Served[] = [];
vi.mock(import('../../src/reconcile/serve.ts'), async (original) => {
  const { createServed, ...rest } = await original();
  const watched: typeof createServed = (...parts) => {
    const served = createServed(...parts);
    kept.push(served);
    return served;
  };
  return { ...rest, createServed: watched };
});

const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const LDS = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const RDS = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';
const OTHER_ID = 'sidecar~10.0.0.2~db-1.shop~shop.svc.cluster.local';

let site: Site;
let server: Server;
let home: Home;
beforeAll(async () => {
  home = await createHome();
  site = await createSite();
  server = await createServer(site.config, world);
});
afterAll(async () => {
  await server?.close();
  await site?.close();
  await home?.close();
});

type Proxies = { readonly items: readonly { readonly proxy: string; readonly fullyAcked: object | null }[] };
const connected = (count: number) =>
  ask<Proxies>(
    server.httpPort,
    '/api/v1/proxies',
    ({ items }) => items.length === count && items.every(({ fullyAcked }) => fullyAcked !== null),
  );
const url = (path: string) => `http://127.0.0.1:${server.httpPort}${path}`;
const configOf = async (id: string) => {
  const answer = await fetch(url(`/api/v1/proxies/${id}/config`));
  const { total = null } = (await answer.json()) as { total?: number };
  return [answer.status, total];
};
const gauge = async () =>
  series(await (await fetch(url('/metrics'))).text(), 'fairlead_xds_connected_proxies{protocol="delta"}');
const listed = async () => (await home.fairlead('.', 'proxy-status', '--server', url(''))).out;

/** A proxy that acknowledges whatever it hears. */
function connect(id: string): AdsClient {
  const client = new AdsClient(server.xdsPort);
  onTestFinished(() => client.close());
  client.send({ node: { id }, typeUrl: CDS, resourceNamesSubscribe: ['*'] });
  client.send({ typeUrl: LDS, resourceNamesSubscribe: ['*'] });
  client.send({ typeUrl: RDS, resourceNamesSubscribe: ['15080'] });
  const answer = async () => {
    for (;;) client.ack(await client.next());
  };
  answer().catch(() => {}); // The stream ends with the test.
  return client;
}

test('as long as one connection of its id is there it is known, and after the last nothing of it', async () => {
  const [first, second, other] = [connect(NODE_ID), connect(NODE_ID), connect(OTHER_ID)];
  await connected(3);
  const [status, total] = await configOf(NODE_ID);
  expect([status, Number(total) > 0]).toEqual([200, true]);

  first.close();
  await connected(2);
  expect(await configOf(NODE_ID)).toEqual([200, total]);
  expect(await gauge()).toEqual(['fairlead_xds_connected_proxies{protocol="delta"} 2']);

  second.close();
  const { items } = await connected(1);
  expect(items.map(({ proxy }) => proxy)).toEqual([OTHER_ID]);
  expect(await configOf(NODE_ID)).toEqual([404, null]);
  expect(await gauge()).toEqual(['fairlead_xds_connected_proxies{protocol="delta"} 1']);
  expect(await listed()).toContain('db-1');
  expect(await listed()).not.toContain('web-1');
  const [served] = kept;
  expect(served?.lastSnapshot(NODE_ID)).toBeNull();
  expect(served?.lastSnapshot(OTHER_ID)).not.toBeNull();

  // It comes back to all that it had.
  connect(NODE_ID);
  await connected(2);
  expect(await configOf(NODE_ID)).toEqual([200, total]);
  other.close();
  await connected(1);
});
