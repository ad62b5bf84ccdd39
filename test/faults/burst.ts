import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { expect } from 'vitest';
import { HOOK_LIMITS } from '../../src/api/hooks/index.ts';
import { startRedis } from '../redis.ts';
import { createSite } from '../server.ts';
import { type MeasuredServer, startMeasured } from './measured.ts';

const SECRET = 'known to the forge';
/** So many that what is remembered of deliveries is there before anything is measured. */
const FIRST = 1_000;
const AT_ONCE = 50;

type Burst = {
  readonly server: MeasuredServer;
  readonly agent: Agent;
  readonly count: number;
  readonly secret?: string;
  /** What is done before the n-th. */
  readonly before?: (index: number) => Promise<unknown>;
};

/** Deliveries as GitHub sends them, each with an id of its own; how many were answered with which status. */
async function deliver(burst: Burst): Promise<ReadonlyMap<number, number>> {
  const { server, agent, count, secret = SECRET, before = async () => {} } = burst;
  const statuses = new Map<number, number>();
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) {
      await before(index);
      const status = await post(agent, server.httpPort, secret);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return statuses;
}

let ids = 0;

function post(agent: Agent, port: number, secret: string): Promise<number> {
  ids += 1;
  const body = JSON.stringify({ ref: 'refs/heads/main', after: 'f'.repeat(40), number: ids });
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'push',
    'x-github-delivery': `delivery-${ids}`,
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
  return new Promise((resolve, reject) => {
    const to = { agent, host: '127.0.0.1', port, path: '/hooks/v1/github/mesh', method: 'POST', headers };
    const sent = request(to, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

type Counted = {
  /** What the server held after the first thousand, and after all. */
  readonly before: number;
  readonly after: number;
  readonly runs: number;
};

/** Webhooks in a burst, and some commits meanwhile, to a whole server; what follows of it for memory, fetches and answers. */
export async function burst(queue: 'memory' | 'bullmq', deliveries: number): Promise<Counted> {
  await using cleanup = new AsyncDisposableStack();
  const site = await createSite();
  cleanup.defer(() => site.close());
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  cleanup.defer(() => agent.destroy());
  const secretFile = join(site.folder, 'secret');
  await writeFile(secretFile, `${SECRET}\n`, { mode: 0o600 });
  const flags = ['--webhook-secret-file', secretFile, ...(await queueFlags(queue, cleanup))];
  const server = await startMeasured(site, flags);
  cleanup.defer(() => server.close());
  const common = { server, agent };
  await deliver({ ...common, count: FIRST });
  const [before, ranBefore] = [await server.measure(), await runsOf(server)];
  const startMs = performance.now();

  const commits = new Set([0.2, 0.5, 0.8].map((share) => share * deliveries));
  let tip = '';
  const commit = async (index: number) => {
    if (commits.has(index)) tip = await site.change(`at-${index}`, 'alice');
  };
  const statuses = await deliver({ ...common, count: deliveries, before: commit });
  expect(statuses).toEqual(new Map([[202, deliveries]]));
  await server.serves(tip);
  const runs = (await runsOf(server)) - ranBefore;
  // However long this machine takes for all of them, and what was due before they began. Clocks of a busy machine move by a few
  // milliseconds beside each other; without a pace of their own there are twice as many at least.
  const wanted = (performance.now() - startMs) / HOOK_LIMITS.coalesceMs;
  expect(runs).toBeLessThanOrEqual(Math.ceil(1.5 * wanted) + 2);
  const after = await server.measure();
  expect(after.bytes / before.bytes).toBeLessThan(1.3);
  expect(after.files).toBeLessThan(before.files + AT_ONCE);

  // Who does not know the secret is a flood soon.
  const guessMs = performance.now();
  const forged = await deliver({ ...common, count: FIRST, secret: 'a guess' });
  const [heard = 0, stopped = 0] = [forged.get(404), forged.get(429)];
  expect(heard + stopped).toBe(FIRST);
  const givenBack = ((performance.now() - guessMs) / 1_000) * HOOK_LIMITS.perSecond;
  expect(heard).toBeLessThanOrEqual(HOOK_LIMITS.burst + givenBack + 1);
  return { before: before.bytes, after: after.bytes, runs };
}

async function queueFlags(
  queue: 'memory' | 'bullmq',
  cleanup: AsyncDisposableStack,
): Promise<readonly string[]> {
  if (queue === 'memory') return [];
  const redis = await startRedis();
  cleanup.defer(() => redis.close());
  return ['--redis', `redis://127.0.0.1:${redis.port}`];
}

async function runsOf(server: MeasuredServer): Promise<number> {
  type Repositories = { readonly items: readonly { readonly runs: { readonly finished: number } }[] };
  const { items } = await server.says<Repositories>('/api/v1/repositories');
  return items[0]?.runs.finished ?? 0;
}
