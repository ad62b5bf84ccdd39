import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { makePin } from '../../src/governance/index.ts';
import { createWorld, scopeYaml, sshKey } from './world.ts';

/** What a `scope.yaml` may say, by the pin of a genesis that has it. */
async function pinOf(yaml: string, files: Readonly<Record<string, string>> = {}) {
  const world = createWorld();
  const id = world.add('g', { files: { 'mesh/scope.yaml': yaml, ...files } });
  return makePin(world.objects, createTreeDigests(world.objects), id, 'mesh');
}

test.each([
  ['', Number.POSITIVE_INFINITY],
  ['limits: { bytes: 100 }', 100],
  ['limits: { bytes: 2Ki }', 2048],
  ['limits: { bytes: 3Mi }', 3 * 1024 ** 2],
])('limits: %s is %d bytes', async (more, bytes) => {
  const made = await pinOf(scopeYaml({ more }));
  expect(made.ok && made.state.scopes.get(made.pin.uid)?.policy.limits.bytes).toBe(bytes);
});

test.each<readonly [string, string, string]>([
  ['G21: a ruleset of the future', scopeYaml().replace('ruleset: 1', 'ruleset: 2'), 'G21'],
  ['a ruleset that never was', scopeYaml().replace('ruleset: 1', 'ruleset: 0'), 'G12'],
  ['a ruleset that is no number', scopeYaml().replace('ruleset: 1', 'ruleset: next'), 'G12'],
  ['a host with a wildcard inside', scopeYaml({ owns: '{ hosts: ["a.*.example"] }' }), 'G12'],
  ['a host with a wildcard in a label', scopeYaml({ owns: '{ hosts: ["a*.example"] }' }), 'G12'],
  [
    'a certificate that is not there',
    scopeYaml({
      anchors: [
        'x',
        {
          name: 'y',
          keys: [`{ openpgp: ${'A'.repeat(40)}, file: anchors/y.asc, sha256: ${'a'.repeat(64)} }`],
        },
      ],
    }),
    'G6',
  ],
  ['one key of two people', scopeYaml({ anchors: ['x', { name: 'y', keys: ['x'] }] }), 'G4'],
  ['a threshold that nobody reaches', scopeYaml({ quorum: '{ threshold: 4 }' }), 'G6'],
  [
    'a recovery anchor who is an anchor',
    scopeYaml({
      more: `recovery: { threshold: 1, anchors: [{ name: x, keys: [{ ssh: "${sshKey('r')}" }] }] }`,
    }),
    'G6',
  ],
])('refused: %s', async (_, yaml, rule) => {
  const made = await pinOf(yaml);
  expect({ ok: made.ok, rule: made.ok ? null : made.rule }).toEqual({ ok: false, rule });
});

test('an update over the bytes that the scope allows itself is held (G17)', async () => {
  const world = createWorld({ threshold: 1, more: 'limits: { bytes: 5000 }' });
  world.add('g', {});
  world.add('a', { parents: ['g'], S: 'x'.repeat(5000), by: 'x' });
  expect((await world.scope('a')).hold).toMatchObject({ rule: 'G17' });
});
