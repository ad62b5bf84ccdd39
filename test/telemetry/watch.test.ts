import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTelemetry } from '../../src/telemetry/index.ts';
import type { ProxyStatus } from '../../src/xds/index.ts';
import { createWorld } from '../governance/world.ts';
import { simulate } from '../reconcile/simulation.ts';
import { createFolder } from '../repository.ts';
import { quiet } from '../server.ts';
import { series, views } from './views.ts';

const service = (name: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: s }\nspec: { ports: [{ name: http, port: 80 }] }\n`;
const world = createWorld({ threshold: 1 });
world.add('g', { S: service('one') });
const a = world.add('a', { parents: ['g'], S: service('two'), by: 'x' });
const stranger = world.add('stranger', { S: service('other') });
const pin = await world.pin();

let folder: Awaited<ReturnType<typeof createFolder>>;
beforeEach(async () => {
  folder = await createFolder();
});
afterEach(() => folder.close());

test('runs are counted by how they end, and a commit from the hint to the last ACK', async () => {
  let nowMs = 0;
  let setByMs = 0;
  const telemetry = createTelemetry({
    clock: { now: () => nowMs + setByMs, steadyMs: () => nowMs, after: () => () => {} },
    log: quiet,
    views: views(),
  });
  const witness = join(folder.dir, 'witness.json');
  const simulation = simulate({ objects: world.objects, pin, witness, observer: telemetry.loop });
  simulation.setSessions([{ ...connected, fullyAcked: null }]);
  simulation.offer(a);
  telemetry.hinted('mesh');
  nowMs = 2_000;
  await simulation.run();
  await simulation.run();
  simulation.offer(stranger);
  await simulation.run();
  simulation.unplug();
  await simulation.run();
  const text = await telemetry.metrics();
  expect(series(text, 'fairlead_reconcile_total')).toEqual(
    ['followed', 'unchanged', 'refused', 'failed'].map(
      (result) => `fairlead_reconcile_total{result="${result}"} 1`,
    ),
  );
  expect(series(text, 'fairlead_git_requests_total')).toEqual([
    'fairlead_git_requests_total{op="fetch",result="ok"} 3',
    'fairlead_git_requests_total{op="fetch",result="remote-unreachable"} 1',
  ]);
  expect(series(text, 'fairlead_verify_total').at(-1)).toMatch(/\{result="refused",reason="G9"\} 1$/);

  expect(series(text, 'fairlead_commit_to_ack_seconds_count')).toEqual([
    'fairlead_commit_to_ack_seconds_count 0',
  ]);
  nowMs = 3_000;
  setByMs = -365 * 24 * 3_600_000; // Somebody sets the machine's clock.
  const fullyAcked = { revision: a, push: 1, atMs: 3_000 };
  simulation.setSessions([{ ...connected, fullyAcked }]);
  const later = await telemetry.metrics();
  expect(series(later, 'fairlead_commit_to_ack_seconds_sum')).toEqual([
    'fairlead_commit_to_ack_seconds_sum 3',
  ]);
});

const connected: Omit<ProxyStatus, 'fullyAcked'> = {
  id: '1',
  proxy: 'web',
  protocol: 'delta',
  services: 'ads',
  streams: 1,
  connectedAtMs: 0,
  revision: a,
  types: [],
  rejected: [],
  conditions: [],
};
