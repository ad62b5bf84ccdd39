import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureArrive } from './bench/arrive.ts';
import { measureRepositories } from './bench/many-repositories.ts';
import { measureScopes } from './bench/many-scopes.ts';
import { createFolder } from './repository.ts';

/** The benches that start servers still run, and measure something; how much is nobody's claim here. */

/** Ten processes, one after the other, on whatever else the machine does. */
const SLOW = { timeout: 400_000 };

let folder: Awaited<ReturnType<typeof createFolder>>;

beforeAll(async () => {
  folder = await createFolder();
});

afterAll(() => folder.close());

function expectMeasured(measured: Readonly<Record<string, number>>): void {
  const all = Object.entries(measured);
  expect(all.filter(([, value]) => !Number.isFinite(value))).toEqual([]);
  expect(all.some(([, value]) => value > 0)).toBe(true);
}

test('arrive: both queues, by webhook and by poll, and two replicas', SLOW, async () => {
  const size = { scopes: 2, clients: 3, warm: 1, rounds: { webhook: 2, poll: 1, replicas: 1 } };
  const { figures, ratio } = await measureArrive(size, folder.dir);
  expectMeasured({ ratio, ...Object.fromEntries(figures.map(({ what, value }) => [what, value])) });
});

const small = { clients: 2, warm: 1, rounds: 1 };

test('many-scopes', SLOW, async () => {
  const { answers, ...measured } = await measureScopes(3, small, folder.dir);
  expectMeasured({ ...measured, ...answers });
});

test('many-repositories', SLOW, async () => {
  expectMeasured(await measureRepositories(2, { ...small, scopes: 1 }, folder.dir));
});
