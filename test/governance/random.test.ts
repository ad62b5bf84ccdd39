import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CLASSES } from '../../src/policy/index.ts';
import { expectAgreement, expectPollInvariance, realStates } from './naive/agreement.ts';
import { realFacts } from './naive/facts.ts';
import { type Command, play, scripts } from './naive/script.ts';
import { retold } from './naive/world.ts';

/** The same histories for everybody; `npm run test:long` draws others. */
const SEED = 5;

test('random histories: both implementations agree at every main-line commit, and no invariant is broken', async () => {
  const accepted = new Set<string>();
  await fc.assert(
    fc.asyncProperty(scripts(20), async (script) => {
      const real = await expectAgreement(play(script));
      for (const { lineage } of real.at(-1)?.scopes.values() ?? [])
        for (const { event, class: mutation, votes } of lineage)
          if (event === 'accepted') for (const { form } of votes) accepted.add(`${mutation}`).add(form);
    }),
    { numRuns: 100, seed: SEED },
  );
  // Agreement says nothing where nothing is ever accepted.
  const classes = [...CLASSES, 'renew', 'recover'];
  for (const each of [...classes, 'implicit', 'explicit', 'detached']) expect(accepted).toContain(each);
});

const plan = { scope: 0, other: 0, signed: 0, how: 'merge' } as const;
const told: Readonly<Record<string, readonly Command[]>> = {
  'a new path below the same parent is a move': [{ do: 'restructure', what: 'annex', ...plan }],
  'a bogus tombstone in a held parent does not hold what its child creates': [
    { do: 'restructure', what: 'bury the living', ...plan },
    { do: 'restructure', what: 'delegate', ...plan, scope: 7 },
  ],
  'the floors above a parent bind what it creates': [
    { do: 'restructure', what: 'edit', ...plan, signed: 3 },
    { do: 'restructure', what: 'delegate', ...plan, scope: 3 },
  ],
  'files that stay in the parent make a merge, never a dissolve': [
    { do: 'restructure', what: 'merge', ...plan, how: 'one by one' },
    { do: 'restructure', what: 'delegate and dissolve', ...plan },
  ],
  'a forward leads to where the scope is': [
    { do: 'restructure', what: 'annex and forward', ...plan },
    { do: 'restructure', what: 'annex', ...plan },
  ],
  'who is withdrawn can be renamed': [
    { do: 'restructure', what: 'undelegate', ...plan },
    { do: 'restructure', what: 'rename', ...plan },
  ],
  'a hold of the same words in another group is another hold': [
    { do: 'restructure', what: 'merge', ...plan, how: 'one by one' },
    { do: 'restructure', what: 'undelegate', ...plan },
    { do: 'reconfigure', scope: 0, to: 0, signed: 0 },
  ],
  'who creates a child at a place to which nobody lets it move is held': [
    { do: 'restructure', what: 'delegate', ...plan, scope: 7 },
    { do: 'work', from: 8, scope: 0, edit: '0', by: 0 },
    { do: 'restructure', what: 'rename', ...plan },
    { do: 'update branch', branch: 0, by: 0 },
    { do: 'land', branch: 0, how: 'forward' },
    { do: 'reconfigure', scope: 0, to: 0, signed: 0 },
  ],
  'G19: a uid in a record that nobody could accept is not introduced': [
    { do: 'restructure', what: 'delegate', ...plan, signed: 16 },
    { do: 'restructure', what: 'bury the living', ...plan, scope: 1 },
    { do: 'restructure', what: 'delegate the dead', ...plan },
    { do: 'restructure', what: 'delegate the dead', ...plan, scope: 1 },
  ],
};

for (const [name, script] of Object.entries(told))
  test(`a history that told the two implementations apart: ${name}`, async () => {
    await expectAgreement(play(script));
  });

test('poll invariance: any split of a history into looks gives the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(scripts(20), fc.array(fc.nat(40), { maxLength: 6 }), async (script, looks) =>
      expectPollInvariance(play(script), looks),
    ),
    { numRuns: 25, seed: SEED },
  );
});

test('independence: whatever a child says and whoever its anchors are, its parent is judged the same', async () => {
  await fc.assert(
    fc.asyncProperty(scripts(20), async (script) => {
      // A group, and so every structural mutation, is what makes verdicts depend on one another.
      const forge = play(script.filter((each) => each.do !== 'restructure' && each.do !== 'group'));
      const other = retold(forge, (path, text) => {
        if (path === 'mesh/c/scope.yaml') return text.replace('threshold: 2', 'threshold: 3');
        return path.startsWith('mesh/c/') ? `other ${text}` : text;
      });
      const views = [];
      for (const { repository, genesis, main } of [forge, other]) {
        const states = await realStates(repository, genesis, main);
        views.push(states.map((state) => ({ ...realFacts(state)[state.pin.uid], epoch: epochOf(state) })));
      }
      expect(views[1]).toEqual(views[0]);
    }),
    { numRuns: 25, seed: SEED },
  );
});

/** As an index: the ids are others. */
function epochOf({ scopes, pin }: Awaited<ReturnType<typeof realStates>>[number]): number | undefined {
  return scopes.get(pin.uid)?.epoch.index;
}
