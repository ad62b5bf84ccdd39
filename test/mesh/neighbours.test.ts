import { expect, test } from 'vitest';
import { createNeighbours } from '../../src/mesh/neighbours.ts';
import { mayMeet } from '../../src/mesh/workloads.ts';

type Labels = Readonly<Record<string, string>>;

const labels: readonly (Labels | null)[] = [
  null,
  ...['a', 'b', 'c'].flatMap((app) => [{ app }, { app, zone: 'x' }, { app, zone: 'y' }]),
  ...['x', 'y', 'z'].map((zone) => ({ zone })),
  { toString: 'a' },
];

test('they are all that may meet', () => {
  const all = ['shop', 'web'].flatMap((namespace) => labels.map((selector) => ({ namespace, selector })));
  const neighbours = createNeighbours(all);
  for (const one of all) {
    const expected = all.filter((other) => mayMeet(one, other));
    expect(new Set(neighbours(one))).toEqual(new Set(expected));
    expect([...neighbours(one)]).toHaveLength(expected.length);
  }
});

test.each<readonly [string, (index: number) => Labels]>([
  ['one label', (index) => ({ app: `a${index}` })],
  ['the second of two labels', (index) => ({ app: 'a', version: `v${index}` })],
  ['one label, some of another', (index) => (index < 10 ? { zone: 'x' } : { app: `a${index}` })],
])('those of many that are told apart by %s are looked at in proportion', (_, selectorOf) => {
  const looksAt = (count: number) => {
    let looks = 0;
    const all = Array.from({ length: count }, (_, index) => {
      const selector = selectorOf(index);
      const look = () => {
        looks += 1;
        return selector;
      };
      return Object.defineProperty({ namespace: 'shop', selector }, 'selector', { get: look });
    });
    const neighbours = createNeighbours(all);
    for (const one of all) expect([...neighbours(one)]).toContain(one);
    return looks;
  };
  expect(looksAt(2000)).toBeLessThan(looksAt(1000) * 2.5);
});
