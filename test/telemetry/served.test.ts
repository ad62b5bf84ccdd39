import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServer, type Server } from '../../src/main.ts';
import { createSite, hint, NODE_ID, type Site, world } from '../server.ts';
import { AdsClient } from '../xds/client.ts';
import { metricsIn, queries } from './queries.ts';
import { series } from './views.ts';

const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const LDS = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const RDS = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

let site: Site;
let server: Server;
beforeAll(async () => {
  site = await createSite();
  server = await createServer(site.config, world);
});
afterAll(async () => {
  await server.close();
  await site.close();
});

/** Scrapes until a series is there. */
async function until(found: string): Promise<string> {
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text();
    if (text.includes(`\n${found}`)) return text;
  }
}

/** Acknowledges everything but the clusters that it is told to refuse. */
function connect() {
  const client = new AdsClient(server.xdsPort);
  const proxy = { refuses: false, close: () => client.close() };
  client.send({ node: { id: NODE_ID }, typeUrl: CDS, resourceNamesSubscribe: ['*'] });
  client.send({ typeUrl: LDS, resourceNamesSubscribe: ['*'] });
  client.send({ typeUrl: RDS, resourceNamesSubscribe: ['15080'] });
  const answer = async () => {
    for (;;) {
      const response = await client.next();
      if (proxy.refuses && response.typeUrl === CDS) client.nack(response, 'no');
      else client.ack(response);
    }
  };
  answer().catch(() => {}); // The stream ends with the test.
  return proxy;
}

test('a run of a server is counted from the hint to the ACK, and a refusal by its scope', async () => {
  // A proxy that is there before the first run is over would be waited for by that one, and counted.
  await until('fairlead_reconcile_total{result="followed"} 1');
  const proxy = connect();
  await until('fairlead_xds_push_to_ack_seconds_count{type="lds"} 1');
  await site.change('signed', 'alice');
  await hint(server.httpPort);
  await until('fairlead_commit_to_ack_seconds_count 1');
  proxy.refuses = true;
  await site.change('refused', 'alice');
  await hint(server.httpPort);
  await until('fairlead_reconcile_total{result="followed"} 3');
  const text = await until('fairlead_xds_nacks_total{type="cds",scope="acme"}');
  for (const line of [
    'fairlead_verify_total{result="followed",reason=""} 3',
    'fairlead_git_requests_total{op="fetch",result="ok"} 3',
    'fairlead_webhook_total{forge="generic",result="accepted"} 2',
    'fairlead_xds_pushes_total{type="lds"} 1',
    'fairlead_xds_connected_proxies{protocol="delta"} 1',
    'fairlead_queue_depth 0',
    'fairlead_queue_retries_total 0',
    'fairlead_xds_rejecting_proxies{type="cds"} 1',
  ])
    expect(text.split('\n')).toContain(line);
  expect(series(text, 'fairlead_build_info')).toHaveLength(1);
  // What dashboards and alerts ask for has a series in this run.
  const asked = new Set(queries.flatMap(metricsIn));
  expect([...asked].filter((name) => series(text, name).length === 0)).toEqual([]);
  // Nothing that grows with the history or the fleet is a label.
  expect(text).not.toMatch(/[0-9a-f]{40}/);
  expect(text).not.toContain(NODE_ID);
  const told = async (type: string) => {
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${server.httpPort}/api/v1/events`);
      const { items } = (await answer.json()) as { items: readonly { readonly type: string }[] };
      const found = items.find((event) => event.type === type);
      if (found !== undefined) return found;
    }
  };
  expect(await told('nack')).toMatchObject({ proxy: NODE_ID, message: expect.stringContaining('no') });
  expect(await told('health')).toMatchObject({
    scope: 'acme',
    trace: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  proxy.close();
  await until('fairlead_xds_connected_proxies{protocol="delta"} 0');
});
