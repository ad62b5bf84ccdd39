import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTelemetry } from '../../src/telemetry/index.ts';
import type { ProxyStatus } from '../../src/xds/index.ts';
import { createWorld } from '../governance/world.ts';
import { simulatedClock } from '../reconcile/clock.ts';
import { simulate } from '../reconcile/simulation.ts';
import { createFolder } from '../repository.ts';
import { quiet } from '../server.ts';
import { firesOnly } from './promtool.ts';
import { views } from './views.ts';

const SCOPES = 100;
const TYPE_URL = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const none = { sent: '1', acked: '', version: '', resources: 0 };
const unanswered = { ...none, typeUrl: TYPE_URL, state: 'STALE', unansweredSinceMs: 0 } as const;

const connected = (push: number, types: ProxyStatus['types']): ProxyStatus => ({
  ...{ id: 'p', proxy: 'p', protocol: 'delta', services: 'ads', streams: 1, connectedAtMs: 0, revision: '' },
  ...{ types, rejected: [], conditions: [], fullyAcked: { revision: '', push, atMs: 0 } },
});

test('one proxy that does not answer is one alert, and no event or line of any scope', async () => {
  const world = createWorld({ threshold: 1 });
  const [g, a] = [world.add('g', { S: '' }), world.add('a', { parents: ['g'], S: ' ', by: 'x' })];
  const clock = simulatedClock();
  const folder = await createFolder();
  const logged: unknown[] = [];
  let proxies: readonly ProxyStatus[] = [];
  const repositories = () => {
    const { scopes, ...status } = simulation.loop.status();
    const path = (n: number) => ({ uid: `${n}`, path: `acme.s${n}` });
    const many = scopes
      .slice(0, 1)
      .flatMap((one) => Array.from({ length: SCOPES }, (_, n) => ({ ...one, ...path(n) })));
    return [{ ...status, scopes: many }];
  };
  const telemetry = createTelemetry({
    ...{ clock, log: { ...quiet, info: (fields) => logged.push(fields) } },
    views: views({ repositories, proxies: () => proxies }),
  });
  const simulation = simulate({
    ...{ objects: world.objects, pin: await world.pin(), witness: join(folder.dir, 'witness.json'), clock },
    observer: telemetry.loop,
  });
  const at = async (push: number, types: ProxyStatus['types']) => {
    proxies = [connected(push, types)];
    simulation.setSessions(proxies);
    await simulation.run();
    await clock.advance(1_000);
    return telemetry.metrics();
  };
  const health = () => simulation.loop.status().scopes[0]?.health;
  try {
    simulation.offer(g);
    await at(0, []);
    await at(1, []);
    const { id } = telemetry.events.since('').items.at(-1) ?? expect.fail();
    const before = logged.length;
    simulation.offer(a);
    const late = await at(1, [unanswered]);
    expect(health()).toBe('Progressing');
    await at(2, []);
    expect(health()).toBe('Healthy');
    const { items } = telemetry.events.since(id);
    const accepted = items.filter(({ type }) => type === 'accepted');
    expect(accepted).toHaveLength(SCOPES);
    expect(items.filter((event) => !accepted.includes(event)).map(({ type }) => type)).toEqual(['followed']);
    expect(logged).toHaveLength(before + SCOPES);
    expect(await firesOnly('ProxyStale', late)).toContain('SUCCESS');
  } finally {
    await simulation.queue.close();
    await folder.close();
  }
});
