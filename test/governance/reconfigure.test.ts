import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { formatWithdrawal } from '../../src/votes/index.ts';
import { createRealm } from './realm.ts';
import { childSpec, createWorld, type ScopeSpec, scopeYaml, sshKey, type World } from './world.ts';

/** Reconfigure: old quorum, new quorum and every added key, by statements alone (G3, G5, G6). `#n` is a row of the attack list. */
type Which = 'S' | 'C';

function genesis(options?: Parameters<typeof createWorld>[0]): World {
  const world = createWorld(options);
  world.add('g', {});
  return world;
}

const path = { S: 'mesh/scope.yaml', C: 'mesh/c/scope.yaml' } as const;

/** Proposes a `scope.yaml` on a branch, has it approved there by these keys, and merges it: main is then `m`. */
async function propose(
  world: World,
  yaml: string,
  keys: readonly string[],
  which: Which = 'S',
): Promise<void> {
  await branch(world, { [path[which]]: yaml }, keys, which);
}

async function branch(
  world: World,
  files: Readonly<Record<string, string>>,
  keys: readonly string[],
  which: Which = 'S',
): Promise<void> {
  world.add('p', { parents: ['g'], files });
  const tip = await approve(world, 'p', 'p', keys, which);
  world.add('m', { parents: ['g', tip], files });
}

/** Commits on top of `parent` in which these keys approve `g → next`; the last one. */
async function approve(
  world: World,
  parent: string,
  next: string,
  keys: readonly string[],
  which: Which = 'S',
): Promise<string> {
  const message = await world.approve('words', { seq: 2, base: 'g', next }, which);
  let last = parent;
  for (const by of keys) {
    world.add(`${next}-${parent}-${by}`, { parents: [last], by, message });
    last = `${next}-${parent}-${by}`;
  }
  return last;
}

async function verdict(world: World, which: Which = 'S', tip = 'm') {
  const { seq, hold } = await world.scope(tip, which);
  return { seq, rule: hold?.rule ?? null, reason: hold?.reason ?? null };
}

const accepted = { seq: 2, rule: null, reason: null };
const grown: ScopeSpec = { anchors: ['x', 'y', 'z', 'gus'] };

test('an anchor is added by the old quorum, the new quorum and the new key', async () => {
  const world = genesis();
  await propose(world, scopeYaml(grown), ['x', 'y', 'gus']);
  const scope = await world.scope('m');
  expect(scope).toMatchObject({ seq: 2, hold: null, unproven: ['z'] });
  expect(scope.policy.anchors.map(({ name }) => name)).toEqual(['x', 'y', 'z', 'gus']);
  const [first, entry] = scope.lineage;
  expect(entry).toMatchObject({ event: 'accepted', class: 'reconfigure', policy: scope.policy.digest });
  expect(entry?.policy).not.toBe(first?.policy);
  expect(entry?.previousAnchors?.map(({ name }) => name)).toEqual(['x', 'y', 'z']);
  expect(entry?.votes.map(({ anchor, policy }) => `${policy} ${anchor}`)).toEqual([
    'old x',
    'new x',
    'old y',
    'new y',
    'new gus',
  ]);
});

test('every subset of the signers: accepted if and only if both quorums and every added key are in it', async () => {
  const signers = ['x', 'y', 'z', 'gus', 'hal'];
  const next = scopeYaml({ anchors: ['x', 'y', 'gus', 'hal'], quorum: '{ threshold: 3 }' });
  for (let mask = 0; mask < 2 ** signers.length; mask += 1) {
    const signed = signers.filter((_, bit) => (mask >> bit) % 2 === 1);
    const count = (names: readonly string[]) => names.filter((name) => signed.includes(name)).length;
    const world = genesis();
    await propose(world, next, signed);
    const { seq, hold } = await world.scope('m');
    const old = count(['x', 'y', 'z']) >= 2;
    const fresh = count(['x', 'y', 'gus', 'hal']) >= 3;
    const proven = count(['gus', 'hal']) === 2;
    expect([signed, seq]).toEqual([signed, old && fresh && proven ? 2 : 1]);
    if (hold === null) continue;
    for (const name of ['gus', 'hal'].filter((each) => !signed.includes(each))) {
      expect(hold.reason).toMatch(
        new RegExp(`possession: the new key SHA256:\\S+ of ${name} has not signed`),
      );
      expect(hold.missing).toContain(name);
    }
    if (!old) expect(hold.reason).toContain(`old policy ${count(['x', 'y', 'z'])} of 2: `);
    if (!fresh) expect(hold.reason).toContain(`new policy ${count(['x', 'y', 'gus', 'hal'])} of 3: `);
    for (const name of signed) expect(hold.missing).not.toContain(name);
  }
});

test('any policies, any signers: the three conditions and nothing else decide', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const policy = fc
    .uniqueArray(fc.constantFrom(...names), { minLength: 1 })
    .chain((anchors) =>
      fc.record({ anchors: fc.constant(anchors), threshold: fc.integer({ min: 1, max: anchors.length }) }),
    );
  await fc.assert(
    fc.asyncProperty(policy, policy, fc.uniqueArray(fc.constantFrom(...names)), async (old, next, signed) => {
      const world = genesis(old);
      const more = 'limits: { files: 100 }';
      await propose(
        world,
        scopeYaml({ anchors: next.anchors, quorum: `{ threshold: ${next.threshold} }`, more }),
        signed,
      );
      const count = (anchors: readonly string[]) => anchors.filter((name) => signed.includes(name)).length;
      const added = next.anchors.filter((name) => !old.anchors.includes(name));
      const good =
        count(old.anchors) >= old.threshold &&
        count(next.anchors) >= next.threshold &&
        count(added) === added.length;
      expect((await world.scope('m')).seq).toBe(good ? 2 : 1);
    }),
    { numRuns: 80 },
  );
});

test('who is missing on which side is said in numbers and names', async () => {
  const world = genesis();
  await propose(world, scopeYaml(grown), ['x']);
  const { rule, reason } = await verdict(world);
  expect(rule).toBe('Quorum');
  expect(reason).toMatch(
    /^old policy 1 of 2: x signed; y or z missing; new policy 1 of 2: x signed; y or z or gus missing; possession: the new key SHA256:\S+ of gus has not signed$/,
  );
});

test('where both policies have the same anchors, one count is said', async () => {
  const world = genesis();
  await propose(world, scopeYaml({ more: 'limits: { files: 100 }' }), ['x']);
  expect(await verdict(world)).toMatchObject({ rule: 'Quorum', reason: '1 of 2: x signed; y or z missing' });
});

test('G3: plain signed commits are no votes for a reconfigure, and the hold says what to do', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml({ quorum: '{ threshold: 1, byClass: { reconfigure: 2 } }' }) };
  world.add('a', { parents: ['g'], files, by: 'x' });
  world.add('b', { parents: ['a'], files, by: 'y' });
  world.add('m', { parents: ['g', 'b'], files });
  const { hold } = await world.scope('m');
  expect(hold).toMatchObject({ rule: 'G3', votes: [], candidate: { class: 'reconfigure' } });
  expect(hold?.reason).toContain('a reconfigure needs statements: run `fairlead approve`');
});

test('#21: a key that is only in the proposal does not decide about the proposal', async () => {
  const world = genesis();
  await propose(world, scopeYaml({ anchors: ['eve'], quorum: '{ threshold: 1 }' }), ['eve']);
  expect(await verdict(world)).toMatchObject({ seq: 1, rule: 'Quorum' });
});

test('#22: a threshold is lowered by the old threshold, not by the new one', async () => {
  const world = genesis();
  await propose(world, scopeYaml({ quorum: '{ threshold: 1 }' }), ['x']);
  expect((await verdict(world)).reason).toBe(
    'old policy 1 of 2: x signed; y or z missing; new policy 1 of 1: x signed',
  );
});

test('#23: a removed anchor has no vote, with whatever was signed before', async () => {
  const world = genesis();
  // z signed an update before; two others remove z; the update then lands.
  world.add('u', { parents: ['g'], S: '1', by: 'z' });
  world.add('u2', { parents: ['u'], S: '1', by: 'x' });
  await propose(world, scopeYaml({ anchors: ['x', 'y'] }), ['x', 'y']);
  expect(await verdict(world)).toEqual(accepted);
  world.add('n', { parents: ['m', 'u2'], S: '1' });
  expect(await verdict(world, 'S', 'n')).toMatchObject({ seq: 2, rule: 'Quorum' });
  const late = await world.approve('late', { seq: 3, base: 'm', next: 'n' });
  world.add('o', { parents: ['n'], by: 'z', message: late });
  world.add('q', { parents: ['o'], by: 'x', message: late });
  expect((await world.scope('q')).hold).toMatchObject({ signed: ['x'], missing: ['y'] });
  world.add('r', { parents: ['q'], by: 'y', message: late });
  expect((await world.scope('r')).seq).toBe(3);
});

test('the epoch moves: plain votes from before a reconfigure are void', async () => {
  const world = genesis();
  world.add('u', { parents: ['g'], S: '1', by: 'x' });
  world.add('u2', { parents: ['u'], S: '1', by: 'y' });
  await propose(world, scopeYaml({ more: 'limits: { files: 100 }' }), ['x', 'y']);
  world.add('n', { parents: ['m', 'u2'], S: '1' });
  expect((await world.scope('n')).hold).toMatchObject({ rule: 'Quorum', votes: [] });
});

test('#27, #121: a key is rotated in only if it signs', async () => {
  const rotated = scopeYaml({ anchors: [{ name: 'x', keys: ['x2'] }, 'y', 'z'] });
  const without = genesis();
  await propose(without, rotated, ['x', 'y', 'z']);
  const { seq, reason } = await verdict(without);
  expect(seq).toBe(1);
  expect(reason).toMatch(/possession: the new key SHA256:\S+ of x has not signed$/);
  const world = genesis();
  await propose(world, rotated, ['x', 'y', 'x2']);
  expect(await verdict(world)).toEqual(accepted);
  // The old key is nobody's now.
  world.add('n', { parents: ['m'], S: '1', by: 'x' });
  world.add('o', { parents: ['n'], S: '1', by: 'x2' });
  world.add('m2', { parents: ['m', 'o'], S: '1' });
  expect((await world.scope('m2')).hold).toMatchObject({ signed: ['x'], missing: ['y', 'z'] });
});

test('possession: each of two new keys of one anchor signs, and the hold names the one that did not', async () => {
  const world = genesis();
  await propose(world, scopeYaml({ anchors: ['x', 'y', { name: 'z', keys: ['z', 'z2', 'z3'] }] }), [
    'x',
    'z',
    'z3',
  ]);
  const { hold } = await world.scope('m');
  expect(hold?.missing).toEqual(['z']);
  expect(hold?.reason.match(/possession/g)).toHaveLength(1);
});

test('possession: the keys of a recovery set sign too, and vote for nothing', async () => {
  const more = 'recovery: { threshold: 1, anchors: [{ name: safe, keys: [{ ssh: "KEY" }] }] }';
  const yaml = scopeYaml({ more: more.replace('KEY', sshKey('safe')) });
  const without = genesis();
  await propose(without, yaml, ['x', 'y']);
  expect((await without.scope('m')).hold).toMatchObject({ missing: ['safe'] });
  const instead = genesis();
  await propose(instead, yaml, ['x', 'safe']);
  expect((await instead.scope('m')).hold?.reason).toBe('1 of 2: x signed; y or z missing');
  const world = genesis();
  await propose(world, yaml, ['x', 'y', 'safe']);
  expect(await verdict(world)).toEqual(accepted);
});

test('one signature by a key in both policies is both, under either name', async () => {
  const world = genesis();
  const anchors = [{ name: 'xavier', keys: ['x'] }, 'y', 'z'];
  await propose(world, scopeYaml({ anchors }), ['x', 'y']);
  expect(await verdict(world)).toEqual(accepted);
  expect((await world.scope('m')).unproven).toEqual(['z']);
});

/** G6: what no quorum can accept, whoever signs. */
const everybody = ['x', 'y', 'z', 'gus'];

test.each([
  [
    '#28: a threshold above the anchors',
    scopeYaml({ quorum: '{ threshold: 4 }' }),
    'G6',
    'can never be reached',
  ],
  ['#28: a threshold of zero', scopeYaml({ quorum: '{ threshold: 0 }' }), 'G12', 'quorum/threshold'],
  ['#28: a threshold in quotes', scopeYaml({ quorum: '{ threshold: "2" }' }), 'G12', 'quorum/threshold'],
  ['#28: a fraction', scopeYaml({ quorum: '{ threshold: 1.5 }' }), 'G12', 'quorum/threshold'],
  ['#28: no threshold', scopeYaml({ quorum: '{}' }), 'G12', 'threshold'],
  ['#29: nobody', scopeYaml({ anchors: [] }), 'G12', 'anchors'],
  ['#29: one name twice', scopeYaml({ anchors: ['x', 'y', { name: 'x', keys: ['gus'] }] }), 'G6', 'x twice'],
  [
    '#29: a name in other letters',
    scopeYaml({ anchors: ['x', 'y', { name: 'х', keys: ['gus'] }] }),
    'G12',
    'name',
  ],
  [
    'G4: one key of two anchors',
    scopeYaml({ anchors: ['x', 'y', { name: 'gus', keys: ['x'] }] }),
    'G4',
    'same key',
  ],
  ['#92: more than the anchors that remain', scopeYaml({ anchors: ['x'] }), 'G6', 'can never be reached'],
  [
    '#93: a human is required, and there is none',
    scopeYaml({
      anchors: ['x', 'y'].map((name) => ({ name, keys: [name], type: 'automation' })),
      quorum: '{ threshold: 2, require: [{ type: human, atLeast: 1 }] }',
    }),
    'G6',
    'type human',
  ],
  [
    '#111: reconfigure weaker than update',
    scopeYaml({ quorum: '{ threshold: 2, byClass: { update: 3, reconfigure: 2 } }' }),
    'G6',
    'weaker than update',
  ],
  [
    '#111: dissolve weaker than reconfigure',
    scopeYaml({ quorum: '{ threshold: 2, byClass: { dissolve: 1 } }' }),
    'G6',
    'weaker than reconfigure',
  ],
  ['#107: another salt', scopeYaml({ salt: 'f'.repeat(32) }), 'G6', 'salt is fixed'],
  ['#120: another ruleset', scopeYaml().replace('ruleset: 1', 'ruleset: 2'), 'G21', 'names ruleset 2'],
  [
    'another ruleset, beside a word that it alone knows',
    scopeYaml({ more: 'future: true' }).replace('ruleset: 1', 'ruleset: 2'),
    'G21',
    'use a newer one',
  ],
  [
    'a recovery set that cannot be reached',
    scopeYaml({ more: 'recovery: { threshold: 2, anchors: [{ name: safe, keys: [{ ssh: "KEY" }] }] }' }),
    'G6',
    'recovery',
  ],
  [
    'another trust domain',
    scopeYaml({ more: 'identity: { trustDomain: evil.example }' }),
    'G6',
    'trust domain is fixed',
  ],
  [
    '#82: giving up what is granted on',
    scopeYaml({ owns: '{ namespaces: [s], hosts: [c.example] }' }),
    'G6',
    'namespace c, which is not owned here',
  ],
  ['limits that its own files exceed', scopeYaml({ more: 'limits: { files: 1 }' }), 'G17', 'limit'],
  ['YAML with an alias', `${scopeYaml()}x: &a 1\n`, 'G12', 'YAML anchor'],
  ['nothing', '', 'G12', 'document'],
])('%s: refused, whoever signs', async (_name, yaml, rule, reason) => {
  const world = genesis();
  await propose(world, yaml.replace('KEY', sshKey('safe')), everybody);
  const found = await verdict(world);
  expect(found).toMatchObject({ seq: 1, rule });
  expect(found.reason).toContain(reason);
});

test('a scope.yaml that is gone is refused', async () => {
  const world = genesis();
  world.add('p', { parents: ['g'], files: { 'mesh/scope.yaml/x': 'x' } });
  expect((await world.scope('p')).hold?.candidate?.class).not.toBe('reconfigure');
});

test('#91: anchors and manifests in one difference are mixed', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml(grown) };
  world.add('p', { parents: ['g'], files, S: '1' });
  const tip = await approve(world, 'p', 'p', everybody);
  world.add('m', { parents: ['g', tip], files, S: '1' });
  expect(await verdict(world)).toMatchObject({ seq: 1, rule: 'Class' });
  // Taking the manifest back leaves the reconfigure.
  const left = await approveLater(world, 'm', { files, S: '0' });
  expect((await world.scope(left)).seq).toBe(2);
});

test('G21: after a ruleset that this version does not know, all that lands is held for that, and what was accepted stays', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml().replace('ruleset: 1', 'ruleset: 2') };
  world.add('p', { parents: ['g'], files });
  const tip = await approve(world, 'p', 'p', everybody);
  world.add('m', { parents: ['g', tip], files });
  // A version that knows ruleset 2 has accepted m, and goes on from it.
  world.add('later', { parents: ['m'], files, S: '1', by: 'x' });
  const { seq, hold } = await world.scope('later');
  expect(seq).toBe(1);
  expect(hold).toMatchObject({ rule: 'G21', reason: expect.stringContaining('names ruleset 2') });
  // Back at the ruleset that all know.
  world.add('back', { parents: ['later'], files: { 'mesh/scope.yaml': scopeYaml() }, S: '0' });
  expect(await world.scope('back')).toMatchObject({ seq: 1, hold: null });
});

async function approveLater(
  world: World,
  parent: string,
  entry: Parameters<World['add']>[1],
): Promise<string> {
  world.add('clean', { ...entry, parents: [parent] });
  return approve(world, 'clean', 'clean', everybody);
}

test('#114: a governance byte that somebody adds to an update makes it mixed, and the reason says so', async () => {
  const world = genesis();
  world.add('a', { parents: ['g'], S: '1', by: 'x' });
  world.add('b', { parents: ['a'], S: '1', by: 'y' });
  const files = { 'mesh/anchors/note': 'n' };
  world.add('m', { parents: ['g', 'b'], S: '1', files });
  expect((await verdict(world)).reason).toContain('split it in two');
});

test('a reconfigure races an update: the first on the line wins, the other names another base', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml(grown) };
  world.add('p', { parents: ['g'], files });
  const tip = await approve(world, 'p', 'p', everybody);
  world.add('u', { parents: ['g'], S: '1', by: 'x' });
  world.add('u2', { parents: ['u'], S: '1', by: 'y' });
  world.add('m1', { parents: ['g', 'u2'], S: '1' });
  world.add('m', { parents: ['m1', tip], S: '1', files });
  const { seq, hold } = await world.scope('m');
  expect(seq).toBe(2);
  expect(hold).toMatchObject({ candidate: { class: 'reconfigure', seq: 3 }, votes: [] });
  const again = await world.approve('again', { seq: 3, base: 'm1', next: 'm' });
  world.add('n1', { parents: ['m'], by: 'x', message: again });
  world.add('n2', { parents: ['n1'], by: 'y', message: again });
  world.add('n3', { parents: ['n2'], by: 'gus', message: again });
  expect((await world.scope('n3')).seq).toBe(3);
});

test('a statement for another base or next says nothing for this one', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml(grown) };
  world.add('p', { parents: ['g'], files });
  world.add('q', { parents: ['g'], files: { 'mesh/scope.yaml': scopeYaml({ anchors: ['x', 'y'] }) } });
  const tip = await approve(world, 'p', 'q', everybody);
  world.add('m', { parents: ['g', tip], files });
  expect(await verdict(world)).toMatchObject({ seq: 1, rule: 'G3' });
});

test.each(['x', 'gus'])(
  '#20, V3: an approval that %s withdrew does not count, not even as possession',
  async (by) => {
    const world = genesis();
    const files = { 'mesh/scope.yaml': scopeYaml(grown) };
    world.add('p', { parents: ['g'], files });
    const tip = await approve(world, 'p', 'p', ['x', 'y', 'gus']);
    world.add('w', { parents: [tip], by, message: world.withdraw(2) });
    world.add('m', { parents: ['g', 'w'], files });
    expect((await world.scope('m')).hold).toMatchObject({
      rule: 'V3',
      missing: expect.arrayContaining([by]),
    });
    const again = await world.approve('again', { seq: 2, base: 'g', next: 'p', round: 1 });
    world.add('n', { parents: ['m'], by, message: again });
    expect((await world.scope('n')).seq).toBe(2);
  },
);

test('V3: who withdraws with the new key has withdrawn what the old one signed', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml({ anchors: [{ name: 'x', keys: ['x2'] }, 'y', 'z'] }) };
  world.add('p', { parents: ['g'], files });
  const tip = await approve(world, 'p', 'p', ['x', 'x2', 'y']);
  world.add('w', { parents: [tip], by: 'x2', message: world.withdraw(2) });
  world.add('m', { parents: ['g', 'w'], files });
  expect((await world.scope('m')).hold).toMatchObject({ signed: ['y'], rule: 'V3' });
});

test('V3: where two people swap names, a withdrawal fences its signer under both, and nobody else', async () => {
  const world = genesis();
  const anchors = [{ name: 'x', keys: ['y'] }, { name: 'y', keys: ['x'] }, 'z'];
  const files = { 'mesh/scope.yaml': scopeYaml({ anchors }) };
  world.add('p', { parents: ['g'], files });
  const tip = await approve(world, 'p', 'p', ['x', 'y', 'z']);
  world.add('w', { parents: [tip], by: 'x', message: world.withdraw(2) });
  world.add('m', { parents: ['g', 'w'], files });
  expect(await verdict(world)).toEqual(accepted);
  const { lineage, unproven } = await world.scope('m');
  const left = lineage.at(-1)?.votes ?? [];
  // Who is called y now has not signed: it was the other one who did.
  expect(unproven).toEqual(['y']);
  expect(left.map(({ anchor, policy }) => `${policy} ${anchor}`)).toEqual([
    'old y',
    'new x',
    'old z',
    'new z',
  ]);
});

test('#18: a statement for one scope is none for another with the same words', async () => {
  const world = genesis();
  await propose(world, scopeYaml({ ...childSpec, anchors: ['x', 'y'] }), ['x', 'y'], 'C');
  expect(await verdict(world, 'C')).toEqual(accepted);
  expect((await world.scope('m', 'S')).seq).toBe(1);
});

test("#79, #80, G7: a parent's quorum cannot re-key its child, and the child's edits are not its parent's", async () => {
  const anchors = ['p1', 'p2'];
  const world = createWorld({ anchors });
  world.add('g', {});
  await propose(world, scopeYaml({ ...childSpec, anchors }), anchors, 'C');
  expect((await world.scope('m', 'S')).hold).toBeNull();
  expect(await verdict(world, 'C')).toMatchObject({ seq: 1, rule: 'Quorum' });
  expect((await world.scope('m', 'C')).policy.anchors.map(({ name }) => name)).toEqual(['x', 'y', 'z']);
});

test('owns: within the grant a scope adds and gives up, and what it serves with follows', async () => {
  const world = genesis();
  await propose(
    world,
    scopeYaml({ ...childSpec, owns: '{ namespaces: [c2], hosts: [c.example] }' }),
    ['x', 'y'],
    'C',
  );
  expect(await verdict(world, 'C')).toEqual(accepted);
  const line = openLine(world.objects, createTreeDigests(world.objects), await world.pin());
  const state = await line.state(world.ids.get('m') ?? '');
  if (!state.ok) throw new Error(state.reason);
  const child = (await line.scopes(state.state)).find(({ uid }) => uid === world.uid.C);
  expect(child).toMatchObject({
    seq: 2,
    owns: { namespaces: ['c2'], hosts: ['c.example'] },
    trustDomain: null,
  });
});

test.each([
  ['a namespace that is not granted', '{ namespaces: [c, other] }', 'the namespace other'],
  ['everything', '{ namespaces: ["*"] }', 'the namespace *'],
  ['a host that is not granted', '{ namespaces: [c], hosts: ["*.example"] }', 'the host *.example'],
])('owns: a child does not take %s', async (_name, owns, reason) => {
  const world = genesis();
  await propose(world, scopeYaml({ ...childSpec, owns }), ['x', 'y', 'z'], 'C');
  const found = await verdict(world, 'C');
  expect(found).toMatchObject({ seq: 1, rule: 'G6' });
  expect(found.reason).toContain(reason);
});

test('trust domain: naming the inherited one changes nothing, another one is refused', async () => {
  for (const [domain, seq] of [
    ['acme.example', 2],
    ['evil.example', 1],
  ] as const) {
    const world = genesis({ more: 'identity: { trustDomain: acme.example }' });
    await propose(
      world,
      scopeYaml({ ...childSpec, more: `identity: { trustDomain: ${domain} }` }),
      ['x', 'y'],
      'C',
    );
    expect((await world.scope('m', 'C')).seq).toBe(seq);
  }
});

test('metadata.name is a label: the parent names a child', async () => {
  const world = genesis();
  const salt = /salt: (\S+)/.exec(scopeYaml(childSpec))?.[1] ?? '';
  await propose(world, scopeYaml({ ...childSpec, name: 'other', salt }), ['x', 'y'], 'C');
  expect(await world.scope('m', 'C')).toMatchObject({ seq: 2, name: 'c', path: 's.c' });
});

const human = '{ type: human, atLeast: 1 }';

test.each([
  ['#89: below its threshold', ', floor: { threshold: 2 }', '{ threshold: 1 }', 1],
  ['at its threshold', ', floor: { threshold: 2 }', '{ threshold: 2 }', 2],
  ['#89: below it in one class', ', floor: { threshold: 2 }', '{ threshold: 2, byClass: { update: 1 } }', 1],
  ['#110: as far below a raised one as before', ', floor: { threshold: 3 }', '{ threshold: 2 }', 2],
  ['further below than before', ', floor: { threshold: 3 }', '{ threshold: 1 }', 1],
  ['required types by arithmetic', `, floor: { require: [${human}] }`, '{ threshold: 2 }', 2],
])('floor: a policy %s', async (_name, record, quorum, seq) => {
  const world = genesis({ record });
  await propose(world, scopeYaml({ ...childSpec, quorum }), ['x', 'y', 'z'], 'C');
  expect((await world.scope('m', 'C')).seq).toBe(seq);
});

test('floor: a required type is kept by a rule or by arithmetic', async () => {
  const bots = ['b1', 'b2'].map((name) => ({ name, keys: [name], type: 'automation' }));
  const signers = ['x', 'y', 'b1', 'b2'];
  for (const [quorum, seq] of [
    ['{ threshold: 2 }', 1],
    ['{ threshold: 3 }', 2],
    [`{ threshold: 2, require: [${human}] }`, 2],
  ] as const) {
    const world = genesis({ record: `, floor: { require: [${human}] }` });
    await propose(world, scopeYaml({ ...childSpec, anchors: ['x', 'y', ...bots], quorum }), signers, 'C');
    expect([quorum, (await world.scope('m', 'C')).seq]).toEqual([quorum, seq]);
  }
});

test('#93: machines alone are no quorum of a new policy that requires a human', async () => {
  const anchors = ['x', ...['b1', 'b2'].map((name) => ({ name, keys: [name], type: 'automation' }))];
  const yaml = scopeYaml({ anchors, quorum: `{ threshold: 2, require: [${human}] }` });
  const world = genesis();
  await propose(world, yaml, ['y', 'z', 'b1', 'b2']);
  expect((await verdict(world)).reason).toContain('at least 1 of type human must sign');
  const both = genesis();
  await propose(both, yaml, ['x', 'y', 'b1', 'b2']);
  expect(await verdict(both)).toEqual(accepted);
});

test('#62: of two reconfigures from one epoch the first on the line wins', async () => {
  const world = genesis();
  const [one, two] = [scopeYaml({ anchors: ['x', 'y'] }), scopeYaml({ anchors: ['y', 'z'] })];
  for (const [name, yaml] of [
    ['p', one],
    ['q', two],
  ] as const)
    world.add(name, { parents: ['g'], files: { 'mesh/scope.yaml': yaml } });
  const [a, b] = [
    await approve(world, 'p', 'p', ['x', 'y', 'z']),
    await approve(world, 'q', 'q', ['x', 'y', 'z']),
  ];
  world.add('m1', { parents: ['g', a], files: { 'mesh/scope.yaml': one } });
  world.add('m', { parents: ['m1', b], files: { 'mesh/scope.yaml': two } });
  const scope = await world.scope('m');
  expect(scope).toMatchObject({ seq: 2, hold: { votes: [] } });
  expect(scope.policy.anchors.map(({ name }) => name)).toEqual(['x', 'y']);
});

test('#112: another file below anchors/ or identity/ is a reconfigure, whatever scope.yaml says', async () => {
  for (const file of ['mesh/anchors/cy.asc', 'mesh/identity/root.pem']) {
    const world = genesis();
    await branch(world, { [file]: 'x' }, ['x']);
    expect((await world.scope('m')).hold).toMatchObject({
      rule: 'Quorum',
      candidate: { class: 'reconfigure' },
    });
  }
});

test('evaluation 1: a policy that is accepted at mi judges what lands after mi', async () => {
  const world = genesis();
  await propose(world, scopeYaml({ quorum: '{ threshold: 1 }' }), ['x', 'y']);
  world.add('n', { parents: ['m'], S: '1', by: 'z' });
  expect((await world.scope('n')).seq).toBe(3);
});

test('each class has its own threshold, and every class the required human', async () => {
  const anchors = [
    'x',
    'y',
    ...['b1', 'b2', 'b3'].map((name) => ({ name, keys: [name], type: 'automation' })),
  ];
  const quorum =
    '{ threshold: 2, byClass: { update: 1, reconfigure: 3 }, require: [{ type: human, atLeast: 1 }] }';
  const files = { 'mesh/scope.yaml': scopeYaml({ anchors, quorum, more: 'limits: { files: 99 }' }) };
  for (const [what, next, signers, seq] of [
    ['update', { S: '1' }, ['b1'], 1],
    ['update', { S: '1' }, ['x'], 2],
    ['renew', {}, ['b1', 'b2', 'b3'], 1],
    ['renew', {}, ['y'], 2],
    ['reconfigure', { files }, ['x', 'y'], 1],
    ['reconfigure', { files }, ['b1', 'b2', 'b3'], 1],
    ['reconfigure', { files }, ['x', 'b2', 'b3'], 2],
  ] as const) {
    const world = genesis({ anchors, quorum });
    world.add('p', { parents: ['g'], ...next });
    const tip = await approve(world, 'p', 'p', signers);
    world.add('m', { parents: ['g', tip], ...next });
    expect([what, signers, (await world.scope('m')).seq]).toEqual([what, signers, seq]);
  }
});

test('V3: a person who is the only anchor is the same one before and after their key is rotated', async () => {
  const realm = createRealm({ s: { anchors: ['x'] } });
  const files = { 'mesh/scope.yaml': realm.yaml('s', { anchors: [{ name: 'x', keys: ['x2'] }] }) };
  realm.commit('p', ['g'], files);
  const words = await realm.words([{ who: 's', seq: 2, base: ['g', ''], next: ['p', ''] }]);
  const approved = realm.signed('g', ['x', 'x2'], words);
  realm.commit('m', ['g', approved], files);
  expect((await realm.scope('m', 's')).seq).toBe(2);
  const line = formatWithdrawal({ uid: realm.uid('s'), seq: 2, round: 0 });
  realm.commit('n', ['g', realm.signed(approved, ['x'], `no\n\n${line}\n`)], files);
  const { seq, hold } = await realm.scope('n', 's');
  expect([seq, hold?.votes, hold?.refused.map(({ rule }) => rule)]).toEqual([1, [], ['V3', 'V3']]);
});
