import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { expect } from 'vitest';
import { envoy } from '../../src/generated/envoy.js';
import { createHome } from '../cli/fairlead.ts';
import { createSite, hint } from '../server.ts';
import { AdsClient } from '../xds/client.ts';
import { framed, messagesOf } from '../xds/framed.ts';
import { CLUSTER } from '../xds/resources.ts';
import { startMeasured } from './measured.ts';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse } = envoy.service.discovery.v3;

/** More responses than one that answers nothing is sent. */
const MANY = 15;

/**
 * One proxy that reads and never answers, one that refuses all, one that reads nothing, and one as it should be, while
 * `commits` come in. What the server holds then, and what it holds when those three have left.
 */
export async function serveSilent(
  commits: number,
): Promise<{ readonly beside: number; readonly without: number }> {
  await using cleanup = new AsyncDisposableStack();
  const site = await createSite();
  cleanup.defer(() => site.close());
  const server = await startMeasured(site);
  cleanup.defer(() => server.close());
  const well = new AdsClient(server.xdsPort);
  const never = new AdsClient(server.xdsPort);
  const refusing = new AdsClient(server.xdsPort);
  const slow = await openSlow(server.xdsPort);
  for (const client of [well, never, refusing, slow]) cleanup.defer(() => client.close());
  for (const [client, name] of [
    [well, 'well'],
    [never, 'never'],
    [refusing, 'refusing'],
  ] as const)
    client.send({ node: { id: nodeId(name) }, typeUrl: CLUSTER });
  const heard = takeAll(well, null);
  const refused = takeAll(refusing, 'never');
  let tip = '';
  const commit = async (at: number) => {
    tip = await site.change(serviceOf(at), 'alice');
    await hint(server.httpPort);
    await expect
      .poll(() => [...heard].some(isOf(serviceOf(at))), { timeout: 60_000, interval: 5 })
      .toBe(true);
  };
  for (let at = 0; at < commits; at += 1) await commit(at);
  await expect.poll(() => [...refused].some(isOf(serviceOf(commits - 1)))).toBe(true);
  await told(server, tip);
  const beside = (await server.measure()).bytes;
  expect(never.unread).toBeLessThan(MANY);
  expect(await slow.untilHeard(serviceOf(commits - 1))).toBeLessThan(5);
  for (const client of [never, refusing, slow]) client.close();
  await expect.poll(() => server.metric('fairlead_xds_connected_proxies')).toBe(1);
  return { beside, without: (await server.measure()).bytes };
}

const serviceOf = (at: number) => `service-${at}`;
const nodeId = (name: string) => `sidecar~10.0.0.1~${name}-1.shop~shop.svc.cluster.local`;
const isOf = (service: string) => (name: string) => name.includes(`|${service}.`);

/** Answers all responses, for as long as they come, with a refusal or (null) as a proxy should: the names that were in them. */
function takeAll(client: AdsClient, refusal: string | null): ReadonlySet<string> {
  const heard = new Set<string>();
  const take = async () => {
    for (;;) {
      const response = await client.next();
      if (refusal === null) client.ack(response);
      else client.nack(response, refusal);
      for (const { name } of response.resources) heard.add(name);
    }
  };
  take().catch(() => {}); // It ends with the stream.
  return heard;
}

type Proxies = {
  readonly items: readonly {
    readonly proxy: string;
    readonly connectedAtMs: number;
    readonly fullyAcked: object | null;
    readonly types: readonly {
      readonly state: string;
      readonly version: string;
      readonly unansweredSinceMs: number | null;
    }[];
  }[];
};

/** The status, the metrics and `proxy-status` name the two that owe answers, and no other. */
async function told(server: Awaited<ReturnType<typeof startMeasured>>, tip: string): Promise<void> {
  const of = ({ items }: Proxies, name: string) => items.find(({ proxy }) => proxy === nodeId(name));
  const all = await server.says<Proxies>('/api/v1/proxies', (body) => {
    const [clusters] = of(body, 'well')?.types ?? [];
    // What it refused last has been heard, too.
    const isRefused = of(body, 'refusing')?.types[0]?.state === 'ERROR';
    return clusters?.version === tip && clusters.state === 'SYNCED' && isRefused;
  });
  for (const name of ['never', 'slow']) {
    const { types = [], fullyAcked, connectedAtMs = 0 } = of(all, name) ?? {};
    expect(fullyAcked, name).toBeNull();
    expect(types[0]?.state, name).toBe('STALE');
    expect(types[0]?.unansweredSinceMs, name).toBeGreaterThanOrEqual(connectedAtMs);
  }
  expect(of(all, 'well')?.types[0]?.unansweredSinceMs).toBeNull();
  expect(of(all, 'refusing')?.types[0]?.state).toBe('ERROR');
  expect(await server.metric('fairlead_xds_stale_proxies', 'type="cds"')).toBe(2);
  expect(await server.metric('fairlead_xds_unanswered_seconds', 'type="cds"')).toBeGreaterThan(0);
  await using cleanup = new AsyncDisposableStack();
  const home = await createHome();
  cleanup.defer(() => home.close());
  const { out } = await home.fairlead('.', 'proxy-status', '--server', `http://127.0.0.1:${server.httpPort}`);
  const owing = [
    ...out.replace(/\s+/g, ' ').matchAll(/(\w+)-1\.shop~\S+ has not acknowledged since \S+Z: Cluster/g),
  ];
  expect(owing.map(([, name]) => name).toSorted()).toEqual(['never', 'slow']);
}

type Slow = { close(): void; untilHeard(service: string): Promise<number> };

/** A client that reads nothing: what it may be sent without reading is less than one response. */
async function openSlow(port: number): Promise<Slow> {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`, {
    settings: { initialWindowSize: 64 },
  });
  const stream = session.request({
    ...{ ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' },
    ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  });
  const first = DeltaDiscoveryRequest.encode({ node: { id: nodeId('slow') }, typeUrl: CLUSTER }).finish();
  stream.write(framed(first));
  await once(stream, 'response');
  return {
    close: () => session.destroy(),
    async untilHeard(service) {
      session.settings({ initialWindowSize: 1 << 20 });
      return responsesUntil(stream, service);
    },
  };
}

/** Reads, and answers, until a response has this service; how many there were. */
async function responsesUntil(stream: ClientHttp2Stream, service: string): Promise<number> {
  let count = 0;
  for await (const message of messagesOf(stream)) {
    const { typeUrl, nonce, resources } = DeltaDiscoveryResponse.decode(message);
    count += 1;
    stream.write(framed(DeltaDiscoveryRequest.encode({ typeUrl, responseNonce: nonce }).finish()));
    if (resources.map(({ name }) => name).some(isOf(service))) break;
  }
  return count;
}
