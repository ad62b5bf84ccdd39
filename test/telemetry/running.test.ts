import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTelemetry } from '../../src/telemetry/index.ts';
import { createWorld } from '../governance/world.ts';
import { simulatedClock } from '../reconcile/clock.ts';
import { simulate } from '../reconcile/simulation.ts';
import { createFolder } from '../repository.ts';
import { quiet } from '../server.ts';
import { series, views } from './views.ts';

test('a run that hangs is told by how long it runs, until it is over; a year of another clock is none', async () => {
  const world = createWorld({ threshold: 1 });
  const tip = world.add('g', { S: '' });
  const clock = simulatedClock();
  const telemetry = createTelemetry({
    ...{ clock, log: quiet },
    views: views({ repositories: () => [simulation.loop.status()] }),
  });
  const hung = Promise.withResolvers<void>();
  const folder = await createFolder();
  const simulation = simulate({
    ...{ objects: world.objects, pin: await world.pin(), witness: join(folder.dir, 'witness.json'), clock },
    observer: telemetry.loop,
    derive: (line) => ({ ...line, scopes: (state) => hung.promise.then(() => line.scopes(state)) }),
  });
  const { queue, run } = simulation;
  const running = async () =>
    series(await telemetry.metrics(), 'fairlead_reconcile_running_seconds').map((line) => line.split(' ')[1]);
  try {
    expect(await running()).toEqual(['0']);
    simulation.offer(tip);
    await queue.add('mesh');
    await clock.advance(3 * 3_600_000);
    clock.set(-365 * 24 * 3_600_000);
    expect(await running()).toEqual(['10800']);
    hung.resolve();
    await queue.drain();
    expect(await running()).toEqual(['0']);
    simulation.unplug();
    await run();
    expect(await running()).toEqual(['0']);
  } finally {
    await queue.close();
    await folder.close();
  }
});
