import { expect, test } from 'vitest';
import { unblock } from '../../src/cli/unblock.ts';
import { createWorld, scopeYaml } from '../governance/world.ts';

test('G21: nobody is told to take back what only a newer version can judge', async () => {
  const world = createWorld();
  world.add('g', {});
  const files = { 'mesh/scope.yaml': scopeYaml().replace('ruleset: 1', 'ruleset: 2') };
  world.add('m', { parents: ['g'], files, S: '1', by: 'x' });
  const advice = unblock(await world.scope('m'));
  expect(advice).toMatchObject({ command: 'fairlead --version', who: ['whoever runs Fairlead'] });
  expect(advice?.command).not.toContain('revert');
});
