import { expect, test } from 'vitest';
import type { Objects, TreeDigests } from '../../src/git/index.ts';
import { createScopeTrees } from '../../src/policy/own.ts';
import { ruleset1 } from '../../src/policy/ruleset.ts';

const absent = (): never => {
  throw new Error('there is nothing but empty trees');
};
const objects: Objects = { commit: absent, blob: absent, tree: () => Promise.resolve([]) };

function counting() {
  const reads: string[] = [];
  const digests: TreeDigests = {
    digest(tree) {
      reads.push(tree);
      if (tree === 'unreadable') return Promise.reject(new Error('gone'));
      return Promise.resolve({ ok: true, digest: tree, files: [] });
    },
  };
  return { reads, trees: createScopeTrees(objects, digests, '.', ruleset1) };
}

test('an own tree that is used again and again is read once, however many others are read', async () => {
  const { reads, trees } = counting();
  for (let other = 0; other < 10_000; other += 1) {
    await trees.read(`other ${other}`);
    if (other % 1_000 === 0) expect(await trees.read('used')).toMatchObject({ digest: 'used' });
  }
  expect(reads.filter((tree) => tree === 'used')).toHaveLength(1);
});

test('what could not be read is read again', async () => {
  const { reads, trees } = counting();
  await expect(trees.read('unreadable')).rejects.toThrow('gone');
  await expect(trees.read('unreadable')).rejects.toThrow('gone');
  expect(reads).toEqual(['unreadable', 'unreadable']);
});

test('a list of delegations that cannot be read delegates nothing', async () => {
  const broken: Objects = {
    ...objects,
    tree: () => Promise.resolve([{ mode: '100644', name: 'delegations.yaml', id: 'b'.repeat(40) }]),
    blob: () => Promise.resolve(Buffer.from('no: list')),
  };
  const digests: TreeDigests = { digest: absent };
  const trees = createScopeTrees(broken, digests, '.', ruleset1);
  expect(await trees.delegations('t')).toEqual([]);
  expect(await trees.read('t')).toMatchObject({ ok: false, rule: 'G12' });
});
