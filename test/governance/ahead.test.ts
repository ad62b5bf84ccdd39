import { expect, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import { createTreeDigests, type Objects } from '../../src/git/index.ts';
import { formatVerification, openLine } from '../../src/governance/index.ts';
import { createWorld, type World } from './world.ts';

/** Twenty accepted changes, each from a branch of two signed commits. */
function build(): { world: World; tip: string } {
  const world = createWorld();
  world.add('g', {});
  let last = 'g';
  for (let at = 1; at <= 20; at += 1) {
    world.add(`a${at}`, { parents: [last], S: String(at), by: 'x' });
    world.add(`b${at}`, { parents: [`a${at}`], S: String(at), by: 'y' });
    world.add(`m${at}`, { parents: [last, `b${at}`], S: String(at) });
    last = `m${at}`;
  }
  return { world, tip: world.ids.get(last) ?? '' };
}

async function verify(world: World, objects: Objects, tip: string): Promise<string> {
  const verdict = await openLine(objects, createTreeDigests(objects), await world.pin()).state(tip);
  if (!verdict.ok) throw new Error(verdict.reason);
  return formatVerification(verdict.state);
}

/** `objects` through `pass`, which is asked before each answer. */
function through({ commit, tree, blob }: Objects, pass: (id: string) => Promise<void>): Objects {
  return {
    commit: async (id) => pass(id).then(() => commit(id)),
    tree: async (id) => pass(id).then(() => tree(id)),
    blob: async (id) => pass(id).then(() => blob(id)),
  };
}

test('a fold has many objects under way at once', async () => {
  const { world, tip } = build();
  let [underWay, most] = [0, 0];
  const counting = through(world.objects, async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise(setImmediate);
    underWay -= 1;
  });
  expect(await verify(world, counting, tip)).toBe(await verify(world, world.objects, tip));
  expect(most).toBeGreaterThan(10);
});

test('what fails when it is looked at ahead is read again where it is needed', async () => {
  const { world, tip } = build();
  // Side commits: those of the main line are read before anything is looked at ahead.
  const stubborn = new Set(Array.from({ length: 20 }, (_, at) => world.ids.get(`b${at + 1}`) ?? ''));
  const failed = new Set<string>();
  const flaky = through(world.objects, async (id) => {
    if (!stubborn.has(id) || failed.has(id)) return;
    failed.add(id);
    throw new Failure('object-missing', id, '');
  });
  expect(await verify(world, flaky, tip)).toBe(await verify(world, world.objects, tip));
  expect(failed).toEqual(stubborn);
});

test('what is missing where it is needed is no verdict', async () => {
  const { world, tip } = build();
  const lost = world.ids.get('a7');
  const holed = through(world.objects, async (id) => {
    if (id === lost) throw new Failure('object-missing', id, '');
  });
  await expect(verify(world, holed, tip)).rejects.toMatchObject({ code: 'object-missing' });
});
