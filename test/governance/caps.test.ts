import { expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { createTreeDigests } from '../../src/git/index.ts';
import { makePin } from '../../src/governance/index.ts';
import { ruleset1 } from '../../src/policy/index.ts';
import { createWorld, scopeYaml } from './world.ts';

/** G17: the caps of ruleset 1 (formats.md), each at its last good and first bad value. */
test('the numbers are those of the formats', () => {
  const { refusedKeys, ...numbers } = ruleset1;
  expect(refusedKeys.size).toBeGreaterThan(0);
  expect(numbers).toEqual({
    number: 1,
    sideCommits: 10_000,
    messageBytes: 65_536,
    tokens: 256,
    signatureChecks: 1_000,
    pathDepth: 32,
    entriesPerTree: 100_000,
    ownFiles: 20_000,
    ownBytes: 268_435_456,
    fileBytes: 4_194_304,
    governanceFileBytes: 1_048_576,
    delegationDepth: 16,
  });
});

const deep = (levels: number) => `mesh/${'d/'.repeat(levels - 1)}v.yaml`;
const many = (count: number, prefix: string, text: string) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`mesh/${prefix}${at}${text}`, 'x']));

test.each([
  ['levels of directories', { [deep(32)]: 'x' }, { [deep(33)]: 'x' }, 'levels deep'],
  ['bytes of a file', { 'mesh/big': 'x'.repeat(4_194_304) }, { 'mesh/big': 'x'.repeat(4_194_305) }, 'bytes'],
  [
    'bytes of a governance file',
    { 'mesh/anchors/big': 'x'.repeat(1_048_576) },
    { 'mesh/anchors/big': 'x'.repeat(1_048_577) },
    'bytes',
  ],
  ['files', many(19_990, 'f', ''), many(20_001, 'f', ''), '20000 files'],
  ['entries of a directory', {}, many(100_001, 'f', ''), 'entries'],
])('more %s than the cap hold the scope, and nothing else', async (_name, good, bad, reason) => {
  const world = createWorld();
  world.add('g', {});
  world.add('good', { parents: ['g'], files: good });
  expect((await world.scope('good')).hold?.rule ?? 'none').not.toBe('G17');
  world.add('a', { parents: ['g'], C: '1', by: 'x' });
  world.add('b', { parents: ['a'], C: '1', by: 'y' });
  world.add('bad', { parents: ['g', 'b'], C: '1', files: bad });
  const { hold } = await world.scope('bad');
  expect(hold).toMatchObject({ rule: 'G17', candidate: null });
  expect(hold?.reason).toContain(reason);
  expect((await world.scope('bad', 'C')).seq).toBe(2);
});

test.each([
  ['sideCommits', 3, 'side commits'],
  ['messageBytes', 200, 'is over 200 bytes'],
] as const)('over %s nothing that comes in votes, at that commit or later', async (cap, value, reason) => {
  for (const excess of [0, 1]) {
    const world = createWorld({ ruleset: { ...ruleset1, [cap]: value } });
    world.add('g', {});
    world.add('a', {
      parents: ['g'],
      S: '1',
      by: 'x',
      message: cap === 'messageBytes' ? 'm'.repeat(200 + excess) : 'a',
    });
    world.add('b', { parents: ['a'], S: '1', by: 'y' });
    world.add('c', { parents: ['b'] });
    if (cap === 'sideCommits' && excess === 1) world.add('c', { parents: ['c'], message: 'once more' });
    world.add('m', { parents: ['g', 'c'], S: '1' });
    world.add('n', { parents: ['m'] });
    expect((await world.scope('n')).seq).toBe(2 - excess);
    if (excess === 1) expect((await world.scope('m')).hold?.reason).toContain(reason);
  }
});

/** Scopes within scopes, each delegated by the one above. */
function nested(depth: number): Record<string, string> {
  const files: Record<string, string> = {};
  let below = '';
  for (let level = depth; level >= 0; level -= 1) {
    const folder = `mesh/${'d/'.repeat(level)}`;
    const yaml = scopeYaml({
      name: level === 0 ? 's' : 'd',
      owns: '{}',
      salt: sha256(String(level)).slice(0, 32),
    });
    files[`${folder}scope.yaml`] = yaml;
    const head = 'apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: s }\nspec:';
    files[`${folder}delegations.yaml`] =
      below === '' ? `${head} []\n` : `${head}\n  - { name: d, uid: ${below}, path: d, grants: {} }\n`;
    below = sha256('fairlead-uid-1\0', yaml);
  }
  return files;
}

test.each([
  [16, true],
  [17, false],
])('a scope that is delegated %i levels deep', async (depth, ok) => {
  const world = createWorld({ files: nested(depth) });
  const id = world.add('g', {});
  const made = await makePin(world.objects, createTreeDigests(world.objects), id, 'mesh');
  expect(made.ok ? made.state.scopes.size : made.rule).toBe(ok ? depth + 1 : 'G17');
});
