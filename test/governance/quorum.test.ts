import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countVotes } from '../../src/governance/quorum.ts';
import { countQuorum } from '../../src/policy/tally.ts';
import type { Policy } from '../../src/policy/types.ts';

type Kind = 'human' | 'automation';

function policy(
  threshold: number,
  kinds: Readonly<Record<string, Kind>>,
  require: Policy['require'] = [],
): Policy {
  return {
    anchors: Object.entries(kinds).map(([name, type]) => ({ name, type, keys: [] })),
    threshold,
    byClass: {},
    require,
    statements: 'Optional',
    owns: { namespaces: [], hosts: [] },
    trustDomain: null,
    limits: { files: Infinity, bytes: Infinity },
    salt: '',
    recovery: null,
    digest: '',
  };
}

const people = { alice: 'human', bo: 'human', cy: 'human' } as const;
const withBots = { alice: 'human', bot: 'automation', bot2: 'automation' } as const;
const human: Policy['require'] = [{ type: 'human', atLeast: 1 }];

test.each([
  [policy(2, people), ['alice'], '1 of 2: alice signed; bo or cy missing'],
  [policy(2, people, human), [], '0 of 2: nobody signed; 2 of alice, bo, cy missing'],
  [policy(3, people), ['cy', 'alice'], '2 of 3: alice, cy signed; bo missing'],
  [policy(3, people), ['bo'], '1 of 3: bo signed; alice and cy missing'],
  [
    policy(2, withBots, human),
    ['bot', 'bot2'],
    '2 of 2: bot, bot2 signed; at least 1 of type human must sign',
  ],
  [
    policy(2, withBots, human),
    ['bot'],
    '1 of 2: bot signed; alice or bot2 missing; at least 1 of type human must sign',
  ],
  [policy(2, people), ['alice', 'bo'], '2 of 2: alice, bo signed'],
])('numbers and names: %#', (scope, voters, reason) => {
  expect(countQuorum(scope, 'update', new Set(voters)).reason).toBe(reason);
});

test('a machine alone is never a quorum where a human is required', () => {
  const quorum = countQuorum(policy(2, withBots, human), 'update', new Set(['bot', 'bot2']));
  expect(quorum).toMatchObject({ met: false, missing: ['alice'] });
});

test('a quorum is met exactly when enough distinct anchors of this policy signed; strangers never count', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const voters = fc.uniqueArray(fc.constantFrom(...names, 'stranger', 'mallory'));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), voters, (threshold, signed) => {
      const scope = policy(threshold, Object.fromEntries(names.map((name) => [name, 'human' as const])));
      const counted = signed.filter((name) => names.includes(name)).length;
      const quorum = countQuorum(scope, 'update', new Set(signed));
      expect(quorum.met).toBe(counted >= threshold);
      expect(quorum.signed.length).toBe(counted);
      if (!quorum.met) expect(quorum.missing.length).toBe(names.length - counted);
    }),
  );
});

test('without a policy nobody can vote, and what is mixed is counted as an update', () => {
  expect(countVotes(null, null, 'update', [])).toMatchObject({
    met: false,
    reason: 'nobody can vote',
    missing: [],
  });
  expect(countVotes(policy(2, people), null, 'mixed', [])).toMatchObject({ met: false, needed: 2 });
});
