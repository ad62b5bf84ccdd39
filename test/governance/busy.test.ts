import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectAgreement } from './naive/agreement.ts';
import { commitOf, introOf, isWithin, lineOf, mainAt, upTo } from './naive/history.ts';
import { join, own } from './naive/own.ts';
import { createForge, type Forge } from './naive/world.ts';

/**
 * C14: pull requests of several scopes are open at once, begin at whatever main was then, take main in while they
 * wait, and land in whatever order. Nobody does anything wrong, so nothing may be held.
 */
const SCOPES = ['', 'a', 'b', 'c'] as const;
const step = fc.record({
  scope: fc.nat(SCOPES.length - 1),
  does: fc.constantFrom('open', 'work', 'update', 'land'),
});

function play(steps: readonly { readonly scope: number; readonly does: string }[]): {
  forge: Forge;
  landed: number;
} {
  const forge = createForge({ children: { a: {}, b: {}, c: {} } });
  const open = new Map<number, { tip: string }>();
  let landed = 0;
  for (const [index, { scope, does }] of steps.entries()) {
    const path = join('mesh', join(SCOPES[scope] ?? '', 'v.yaml'));
    const files = (tip: string, text: string) => new Map(forge.filesOf(tip)).set(path, text);
    const request = open.get(scope);
    if (request === undefined) {
      const tip = forge.commit({ parents: [forge.main], files: files(forge.main, `begun ${index}`) });
      open.set(scope, { tip });
    } else if (does === 'work') {
      request.tip = forge.commit({
        parents: [request.tip],
        files: files(request.tip, `half ${index}`),
        by: 'x',
      });
    } else if (does === 'update') {
      const merged = forge.mergeFiles(request.tip, forge.main);
      request.tip = forge.commit({ parents: [request.tip, forge.main], files: merged });
    } else if (does === 'land') {
      const author = forge.commit({
        parents: [request.tip],
        files: files(request.tip, `done ${index}`),
        by: 'y',
      });
      const review = forge.commit({ parents: [author], files: forge.filesOf(author), by: 'z' });
      const merged = forge.mergeFiles(forge.main, review);
      forge.main = forge.commit({ parents: [forge.main, review], files: merged });
      open.delete(scope);
      landed += 1;
    }
  }
  return { forge, landed };
}

test('C14: every honest pull request of a busy repository is accepted where it lands', async () => {
  let [landings, strict] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 12, maxLength: 40, size: 'max' }), async (steps) => {
      const { forge, landed } = play(steps);
      const real = await expectAgreement(forge);
      const scopes = [...(real.at(-1)?.scopes.values() ?? [])];
      expect(scopes.filter(({ hold }) => hold !== null)).toEqual([]);
      expect(scopes.reduce((sum, { seq }) => sum + seq - 1, 0)).toBe(landed);
      landings += landed;
      strict += scopes.reduce(
        (sum, { lineage, directory }) => sum + heldIfStrict(forge, lineage, directory),
        0,
      );
    }),
    { numRuns: 25, seed: 14 },
  );
  // The histories are busy enough: with clean views asked of every shared commit, many of them would be held.
  expect(strict).toBeGreaterThan(landings / 10);
});

type Lineage = readonly {
  readonly event: string;
  readonly commit: string;
  readonly base: string | null;
  readonly votes: readonly { readonly commit: string }[];
}[];

/** Acceptances below which a shared commit, whether a diff can have started from it or not, was not clean. */
function heldIfStrict({ repository, genesis, main }: Forge, lineage: Lineage, place: string): number {
  const line = lineOf({ ...repository, genesis }, main);
  let [held, epoch] = [0, 0];
  for (const { event, commit, base, votes } of lineage) {
    if (event !== 'accepted') continue;
    const isUnclean = votes.some((vote) => {
      const before = upTo(line, introOf(line, vote.commit) - 1).filter(({ id }) =>
        isWithin(line, id, vote.commit),
      );
      const shared = before.filter(({ id }) => !isWithin(line, id, mainAt(line, epoch).id));
      return shared.some(({ id }) => own(commitOf(line.commits, id).files, place)?.digest !== base);
    });
    if (isUnclean) held += 1;
    epoch = introOf(line, commit);
  }
  return held;
}
