import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { formatVerification, type LineState, openLine } from '../../src/governance/index.ts';
import { createWorld, type World } from './world.ts';

/** Random histories: every commit has one or two parents, a value for each scope, and perhaps a signer. */
const step = fc.record({
  first: fc.nat(),
  second: fc.option(fc.nat(), { nil: null }),
  S: fc.constantFrom('0', '1', '2'),
  C: fc.constantFrom('0', '1'),
  by: fc.option(fc.constantFrom('x', 'y', 'z'), { nil: null }),
});

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function build(steps: readonly Step[]): { world: World; main: readonly string[] } {
  const world = createWorld();
  world.add('g', {});
  const names = ['g'];
  const parentOf = new Map<string, string>();
  for (const [index, { first, second, S, C, by }] of steps.entries()) {
    const name = `c${index}`;
    const one = names[first % names.length] ?? 'g';
    const two = second === null ? one : (names[second % names.length] ?? one);
    const parents = two === one ? [one] : [one, two];
    world.add(name, by === null ? { parents, S, C } : { parents, S, C, by });
    parentOf.set(name, one);
    names.push(name);
  }
  const main: string[] = [];
  for (let at = names.at(-1); at !== undefined && at !== 'g'; at = parentOf.get(at)) main.unshift(at);
  return { world, main };
}

async function stateOf(world: World, tips: readonly string[]): Promise<LineState> {
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  let last: LineState | null = null;
  for (const tip of tips) {
    const verdict = await line.state(world.ids.get(tip) ?? tip);
    if (!verdict.ok) throw new Error(verdict.reason);
    last = verdict.state;
  }
  if (last === null) throw new Error('no tip');
  return last;
}

test('commit by commit, all at once, or after a look at an older tip: the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 9 }), async (steps) => {
      const { world, main } = build(steps);
      const tip = main.at(-1) ?? 'g';
      const whole = formatVerification(await stateOf(world, [tip]));
      expect(formatVerification(await stateOf(world, main))).toBe(whole);
      expect(formatVerification(await stateOf(world, [tip, main[0] ?? 'g', tip]))).toBe(whole);
    }),
    { numRuns: 150 },
  );
});

test('no accepted state without its votes: each acceptance names a quorum of distinct anchors', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      const { world, main } = build(steps);
      const state = await stateOf(world, [main.at(-1) ?? 'g']);
      for (const scope of state.scopes.values()) {
        for (const entry of scope.lineage.filter(({ event }) => event === 'accepted')) {
          expect(new Set(entry.votes.map(({ anchor }) => anchor)).size).toBeGreaterThanOrEqual(2);
        }
        expect(scope.hold === null).toBe(scope.landed === scope.accepted.digest);
      }
    }),
    { numRuns: 150 },
  );
});
