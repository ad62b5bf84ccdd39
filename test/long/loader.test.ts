import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readWhole } from '../cli/fuzz.ts';
import { changedSeeds, hostileTexts } from '../manifests/hostile.ts';

const MEBI = 1024 * 1024;
const child = join(import.meta.dirname, 'load-child.ts');

type Loaded = { readonly problems: number; readonly cpuMs: number };

/** In a process of its own, which ends where it needs more memory. */
async function load(name: string, size: number, heapMebi: number, manner: string): Promise<Loaded> {
  const args = [`--max-old-space-size=${heapMebi}`, child, name, `${size}`, manner];
  return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as Loaded;
}

test('ten thousand changed seeds: problems or a mesh, and never an exception', () => {
  fc.assert(fc.property(changedSeeds, readWhole), { numRuns: 10_000, seed: 20261123 });
});

test.each(Object.keys(hostileTexts))(
  '1 MiB of %s: 1 GiB of memory, and no more than linear time',
  async (name) => {
    const [less, all] = [
      await load(name, MEBI / 4, 1024, 'written'),
      await load(name, MEBI, 1024, 'written'),
    ];
    expect(all.problems).toBeLessThanOrEqual(100);
    // Four times as much in a square would be sixteen times the time; what takes none is only noise.
    expect(all.cpuMs).toBeLessThan(10 * Math.max(less.cpuMs, 50));
  },
);

test.each(['numbers', 'many keys', 'one key', 'lists beside each other', 'quotes'])(
  '10 MB of %s in a folder that nobody governs: 4 GiB of memory',
  async (name) => {
    const { problems } = await load(name, 10_000_000, 4096, 'exported');
    expect(problems).toBeLessThanOrEqual(100);
  },
);
