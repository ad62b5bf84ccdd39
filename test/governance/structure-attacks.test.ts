import { expect, test } from 'vitest';
import {
  createRealm,
  type Files,
  land,
  type Party,
  type Realm,
  scopeFiles,
  type Vote,
  without,
  withReusedName,
} from './realm.ts';

/** Scope algebra under attack, each with an honest twin. `#n` is a row of the attack list, `Cn` a history behind it. */

/** s with the children a and b. */
function family(
  more: (realm: Realm) => Files = () => ({}),
  specs: Parameters<typeof createRealm>[0] = {},
): Realm {
  const realm = createRealm(specs);
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'b' }]),
    ...scopeFiles(realm, 'a'),
    ...scopeFiles(realm, 'b'),
    ...more(realm),
  });
  return realm;
}

async function verdict(realm: Realm, tip: string, name: string) {
  const { seq, hold } = await realm.scope(tip, name);
  return { seq, rule: hold?.rule ?? null, reason: hold?.reason ?? null };
}

const root = (next = 'm', base = 'g', seq = 2): Party => ({
  who: 's',
  seq,
  base: [base, ''],
  next: [next, ''],
});
const gone = (who: string): Party => ({ who, seq: 2, base: ['g', who], next: 'gone' });
const update = (who: string, next = 'm'): Party => ({ who, seq: 2, base: ['g', who], next: [next, who] });
const accepted = { rule: null, reason: null };

test("#78, #94: what stands outside the mesh path is nobody's; a file inside that nobody signed holds its scope", async () => {
  const realm = family();
  realm.commit('m1', ['g'], { 'status.yaml': 'written by a controller', 'mesh2/scope.yaml': 'x' });
  expect(await verdict(realm, 'm1', 's')).toEqual({ seq: 1, ...accepted });
  realm.commit('m2', ['m1'], { 'mesh/a/status.yaml': 'written by a controller' });
  expect(await verdict(realm, 'm2', 'a')).toMatchObject({ seq: 1, rule: 'Quorum' });
  expect(await verdict(realm, 'm2', 's')).toEqual({ seq: 1, ...accepted });
});

test("#79: a child's directory changes by the child's quorum, never by its parent's", async () => {
  for (const [key, seq] of [
    ['s1', 1],
    ['a1', 2],
  ] as const) {
    const realm = family();
    await land(realm, 'm', 'g', { 'mesh/a/v.yaml': 'new' }, [[[key], [update('a')]]]);
    expect((await verdict(realm, 'm', 'a')).seq).toBe(seq);
    expect(await verdict(realm, 'm', 's')).toEqual({ seq: 1, ...accepted });
  }
});

test('#80: a parent alone neither dissolves a child nor changes its keys', async () => {
  const realm = family();
  const change = {
    'mesh/delegations.yaml': realm.records([{ name: 'a', more: 'tombstone: none' }, { name: 'b' }]),
    ...without(scopeFiles(realm, 'a')),
  };
  await land(realm, 'm', 'g', change, [
    [
      ['s1', 's2'],
      [root(), gone('a')],
    ],
  ]);
  expect(await verdict(realm, 'm', 's')).toMatchObject({
    seq: 1,
    reason: '2 of 1: s1, s2 signed; together with s.a: 0 of 1: nobody signed; a1 or a2 missing',
  });
  expect(await realm.scope('m', 'a')).toMatchObject({
    seq: 1,
    status: 'Live',
    hold: { missing: ['a1', 'a2'] },
  });
  const keys = family();
  const yaml = keys.yaml('a', { anchors: ['s1'] });
  await land(keys, 'm', 'g', { 'mesh/a/scope.yaml': yaml }, [[['s1', 's2'], [update('a')]]]);
  expect(await verdict(keys, 'm', 'a')).toMatchObject({ seq: 1, rule: 'Quorum' });
});

test('#81, G19: a scope.yaml in a directory that no record names is just a file', async () => {
  const realm = family();
  await land(realm, 'm', 'g', scopeFiles(realm, 'evil'), [[['s1'], [root()]]]);
  expect(await verdict(realm, 'm', 's')).toEqual({ seq: 2, ...accepted });
  expect((await realm.state('m')).scopes.has(realm.uid('evil'))).toBe(false);
});

test('#82: a record is never removed; a delegation is withdrawn, and its directory stays masked', async () => {
  const removed = family();
  await land(removed, 'm', 'g', { 'mesh/delegations.yaml': removed.records([{ name: 'b' }]) }, [
    [['s1', 's2'], [root()]],
  ]);
  const { hold } = await removed.scope('m', 's');
  expect(hold).toMatchObject({ rule: 'Class' });
  expect(hold?.reason).toContain('a: its record is gone: a record is never removed');

  const realm = family();
  const records = realm.records([{ name: 'a', more: 'status: withdrawn' }, { name: 'b' }]);
  await land(realm, 'm', 'g', { 'mesh/delegations.yaml': records }, [[['s1'], [root()]]]);
  expect((await realm.scope('m', 's')).lineage.at(-1)).toMatchObject({
    class: 'undelegate',
    seq: 2,
    group: null,
  });
  const before = await realm.scope('g', 'a');
  expect(await realm.scope('m', 'a')).toEqual({ ...before, status: 'Withdrawn' });
  // It is judged as before, and its files are still not its parent's.
  await land(realm, 'n', 'm', { 'mesh/a/v.yaml': 'new' }, [[['a1'], [update('a', 'n')]]]);
  expect(await realm.scope('n', 'a')).toMatchObject({ seq: 2, status: 'Withdrawn', hold: null });
  expect(await verdict(realm, 'n', 's')).toEqual({ seq: 2, ...accepted });
});

test("un-withdrawing needs the scope as well, and not another one's renewal of it", async () => {
  const again = (realm: Realm) => ({
    'mesh/delegations.yaml': realm.records([{ name: 'a' }, { name: 'b' }]),
  });
  const withdrawn = async () => {
    const realm = family();
    const records = realm.records([{ name: 'a', more: 'status: withdrawn' }, { name: 'b' }]);
    await land(realm, 'w', 'g', { 'mesh/delegations.yaml': records }, [[['s1'], [root('w')]]]);
    return realm;
  };
  const consent: readonly Party[] = [
    root('m', 'w', 3),
    { who: 'a', seq: 2, base: ['w', 'a'], next: ['w', 'a'] },
  ];
  const alone = await withdrawn();
  await land(alone, 'm', 'w', again(alone), [[['s1', 's2'], consent]]);
  expect(await verdict(alone, 'm', 's')).toMatchObject({ seq: 2, rule: 'G16' });
  expect(await alone.scope('m', 'a')).toMatchObject({ status: 'Withdrawn', hold: null });
  // C13: `base = next` without a group is renew, and no consent.
  const renewed = await withdrawn();
  await land(renewed, 'm', 'w', again(renewed), [
    [['s1'], consent],
    [['a1'], consent.slice(1)],
  ]);
  expect(await verdict(renewed, 'm', 's')).toMatchObject({ seq: 2, rule: 'G16' });
  expect(await renewed.scope('m', 'a')).toMatchObject({ seq: 2, status: 'Withdrawn' });
  expect((await renewed.scope('m', 'a')).lineage.at(-1)).toMatchObject({ class: 'renew' });
  const realm = await withdrawn();
  await land(realm, 'm', 'w', again(realm), [[['s1', 'a2'], consent]]);
  expect(await verdict(realm, 'm', 's')).toEqual({ seq: 3, ...accepted });
  expect(await realm.scope('m', 'a')).toMatchObject({ seq: 2, status: 'Live' });
});

test('#83: a split gives each path to one scope, and loses none', async () => {
  const make = (realm: Realm, records: string, files: Files) =>
    land(realm, 'm', 'g', { 'mesh/delegations.yaml': records, 'mesh/x.yaml': null, ...files }, [
      [
        ['s1', 'c1', 'c2', 'd1', 'd2'],
        [root(), { who: 'c', seq: 1, base: 'none', next: ['m', 'c'] }],
      ],
    ]);
  const begin = () => {
    const realm = createRealm();
    realm.commit('g', [], { 'mesh/x.yaml': 'x' });
    return realm;
  };
  const nested = begin();
  nested.commit('m', ['g'], {
    'mesh/delegations.yaml': nested.records([{ name: 'c' }, { name: 'd', path: 'c/d' }]),
    ...scopeFiles(nested, 'c'),
  });
  expect(await verdict(nested, 'm', 's')).toMatchObject({
    rule: 'G12',
    reason: expect.stringContaining('nested'),
  });
  const lost = begin();
  await make(lost, lost.records([{ name: 'c' }]), scopeFiles(lost, 'c'));
  expect(await verdict(lost, 'm', 's')).toMatchObject({
    seq: 1,
    rule: 'Class',
    reason: expect.stringContaining('x.yaml'),
  });
  const changed = begin();
  await make(changed, changed.records([{ name: 'c' }]), {
    ...scopeFiles(changed, 'c'),
    'mesh/c/x.yaml': 'X',
  });
  expect(await verdict(changed, 'm', 's')).toMatchObject({ seq: 1, rule: 'Class' });
  const realm = begin();
  await make(realm, realm.records([{ name: 'c' }]), { ...scopeFiles(realm, 'c'), 'mesh/c/x.yaml': 'x' });
  expect(await verdict(realm, 'm', 's')).toEqual({ seq: 2, ...accepted });
});

test('#84: a merge takes what the merged scope had, and nothing besides', async () => {
  const change = (realm: Realm, files: Files) => ({
    'mesh/delegations.yaml': realm.records([
      { name: 'a', more: `tombstone: ${realm.uid('s')}` },
      { name: 'b' },
    ]),
    ...without(scopeFiles(realm, 'a')),
    ...files,
  });
  const more = family();
  await land(more, 'm', 'g', change(more, { 'mesh/from-a.yaml': 'a', 'mesh/smuggled.yaml': 'x' }), [
    [
      ['s1', 'a1'],
      [root(), gone('a')],
    ],
  ]);
  expect(await verdict(more, 'm', 's')).toMatchObject({
    rule: 'Class',
    reason: expect.stringContaining('smuggled.yaml'),
  });
  const realm = family();
  await land(realm, 'm', 'g', change(realm, { 'mesh/from-a.yaml': 'a' }), [
    [
      ['s1', 'a1'],
      [root(), gone('a')],
    ],
  ]);
  expect(await verdict(realm, 'm', 's')).toEqual({ seq: 2, ...accepted });
});

test('#85: a file that goes from one scope to another is a mutation of both', async () => {
  const change = { 'mesh/a/v.yaml': null, 'mesh/b/from-a.yaml': 'a' };
  const realm = family();
  await land(realm, 'm', 'g', change, [[['a1'], [update('a')]]]);
  expect((await verdict(realm, 'm', 'a')).seq).toBe(2);
  expect(await verdict(realm, 'm', 'b')).toMatchObject({ seq: 1, rule: 'Quorum' });
  const both = family();
  await land(both, 'm', 'g', change, [
    [
      ['a1', 'b1'],
      [update('a'), update('b')],
    ],
  ]);
  expect([(await verdict(both, 'm', 'a')).seq, (await verdict(both, 'm', 'b')).seq]).toEqual([2, 2]);
});

test('#86, G19: the place and the name of a dissolved scope may be used again, its uid never', async () => {
  const realm = await withReusedName();
  expect(await realm.scope('d', 'a')).toMatchObject({ seq: 2, status: 'Tombstone' });
  expect(await realm.scope('m', 'a')).toEqual(await realm.scope('d', 'a'));
  expect(await realm.scope('m', 'new')).toMatchObject({
    path: 's.a',
    seq: 1,
    status: 'Live',
    predecessors: [realm.uid('a')],
  });
  const back = { 'mesh/delegations.yaml': realm.records([{ name: 'a' }]), ...scopeFiles(realm, 'a') };
  await land(realm, 'n', 'd', back, [
    [
      ['s1', 's2', 'a1', 'a2'],
      [root('n', 'd', 3), { who: 'a', seq: 3, base: 'none', next: ['n', 'a'] }],
    ],
  ]);
  expect(await verdict(realm, 'n', 's')).toMatchObject({
    rule: 'Class',
    reason: 'a: a tombstone stays what it is',
  });
  const elsewhere = {
    'mesh/delegations.yaml': realm.records([
      { name: 'a', more: 'tombstone: none' },
      { name: 'b', uid: realm.uid('a') },
    ]),
  };
  realm.commit('o', ['d'], elsewhere);
  expect(await verdict(realm, 'o', 's')).toMatchObject({
    rule: 'G12',
    reason: expect.stringContaining('twice'),
  });
});

test('#87, #88, G16: scopes are independent unless their own votes name a group, which then holds both', async () => {
  const change = { 'mesh/a/v.yaml': 'new', 'mesh/b/v.yaml': 'new' };
  const apart = family();
  await land(apart, 'm', 'g', change, [[['a1'], [update('a')]]]);
  expect([(await verdict(apart, 'm', 'a')).seq, (await verdict(apart, 'm', 'b')).seq]).toEqual([2, 1]);
  const group = [update('a'), update('b')];
  const torn = family();
  await land(torn, 'm', 'g', change, [[['a1'], group]]);
  expect(await verdict(torn, 'm', 'a')).toMatchObject({
    seq: 1,
    rule: 'G16',
    reason: expect.stringContaining('s.b'),
  });
  // Griefing: b never signs. A later vote of a without the group counts.
  realmSigns(torn, 'n', 'm', await torn.words([update('a')]), 'a2');
  expect((await verdict(torn, 'n', 'a')).seq).toBe(2);
  const realm = family();
  await land(realm, 'm', 'g', change, [[['a1', 'b2'], group]]);
  expect([(await verdict(realm, 'm', 'a')).seq, (await verdict(realm, 'm', 'b')).seq]).toEqual([2, 2]);
});

function realmSigns(realm: Realm, name: string, parent: string, message: string, by: string): void {
  realm.commit(name, [parent], {}, { by, message });
}

test('#106: another list of members is another group, even for the same scope', async () => {
  const realm = family((each) => ({
    'mesh/delegations.yaml': each.records([{ name: 'a' }, { name: 'b' }, { name: 'c' }]),
    ...scopeFiles(each, 'c'),
  }));
  const change = { 'mesh/a/v.yaml': 'new', 'mesh/b/v.yaml': 'new', 'mesh/c/v.yaml': 'new' };
  await land(realm, 'm', 'g', change, [
    [['a1'], [update('a'), update('b'), update('c')]],
    [['b1'], [update('a'), update('b')]],
  ]);
  expect([(await verdict(realm, 'm', 'a')).rule, (await verdict(realm, 'm', 'b')).rule]).toEqual([
    'G16',
    'G16',
  ]);
  realmSigns(realm, 'n', 'm', await realm.words([update('a'), update('b')]), 'a2');
  expect([(await verdict(realm, 'n', 'a')).seq, (await verdict(realm, 'n', 'b')).seq]).toEqual([2, 2]);
});

test('#104, C12: words for a group replace the commits of those who said them', async () => {
  for (const words of [true, false]) {
    const realm = family();
    realm.commit('p', ['g'], { 'mesh/a/v.yaml': 'new' }, { by: 'a1' });
    realm.commit('q', ['p'], { 'mesh/b/v.yaml': 'new' });
    const tip = words
      ? realm.signed('q', ['a1'], await realm.words([update('a', 'q'), update('b', 'q')]))
      : 'q';
    // The administrator lands a alone.
    realm.commit('m', ['g', tip], { 'mesh/a/v.yaml': 'new' });
    expect((await verdict(realm, 'm', 'a')).seq).toBe(words ? 1 : 2);
  }
});

test('#105: where statements are required, commits below stripped words are no votes', async () => {
  const realm = family(undefined, { a: { quorum: '{ threshold: 1, statements: Required }' } });
  realm.commit('p', ['g'], { 'mesh/a/v.yaml': 'new' }, { by: 'a1' });
  realm.commit('m', ['g', 'p'], { 'mesh/a/v.yaml': 'new' });
  expect(await verdict(realm, 'm', 'a')).toMatchObject({ seq: 1, rule: 'G3' });
});

test('#89: a new child meets the floors of all records from the root down, each of them', async () => {
  const nested = (child: { anchors: readonly string[]; quorum: string }) => {
    const realm = createRealm({ a: { owns: '{ namespaces: [a, c] }' }, c: child });
    realm.commit('g', [], {
      'mesh/delegations.yaml': realm.records([
        { name: 'a', namespaces: ['a', 'c'], more: 'floor: { threshold: 2 }' },
      ]),
      ...scopeFiles(realm, 'a'),
    });
    const change = {
      'mesh/a/delegations.yaml': realm.records([
        { name: 'c', more: 'floor: { require: [{ type: human, atLeast: 1 }] }' },
      ]),
      ...scopeFiles(realm, 'c', 'a/c'),
    };
    return { realm, change };
  };
  const parties: readonly Party[] = [
    { who: 'a', seq: 2, base: ['g', 'a'], next: ['m', 'a'] },
    { who: 'c', seq: 1, base: 'none', next: ['m', 'a/c'] },
  ];
  const weak = nested({ anchors: ['c1', 'c2'], quorum: '{ threshold: 1 }' });
  await land(weak.realm, 'm', 'g', weak.change, [[['a1', 'c1', 'c2'], parties]]);
  expect(await verdict(weak.realm, 'm', 'a')).toMatchObject({
    seq: 1,
    rule: 'G6',
    reason: 'c: update needs 1 anchors; the floor of a is 2',
  });
  const strong = nested({ anchors: ['c1', 'c2'], quorum: '{ threshold: 2 }' });
  await land(strong.realm, 'm', 'g', strong.change, [[['a1', 'c1', 'c2'], parties]]);
  expect(await verdict(strong.realm, 'm', 'a')).toEqual({ seq: 2, ...accepted });
});

test('#90: scopes are nested as deep as the cap allows', async () => {
  const deep = (levels: number) => {
    const names = Array.from({ length: levels }, (_, at) => `n${at + 1}`);
    const realm = createRealm(Object.fromEntries([...names, 'c'].map((name) => [name, { owns: '{}' }])));
    const files = names.map((name, at) => {
      const directory = names.slice(0, at + 1).join('/');
      const below = names[at + 1];
      const records =
        below === undefined
          ? {}
          : { [`mesh/${directory}/delegations.yaml`]: realm.records([{ name: below, namespaces: [] }]) };
      return { ...scopeFiles(realm, name, directory), ...records };
    });
    realm.commit(
      'g',
      [],
      Object.assign({ 'mesh/delegations.yaml': realm.records([{ name: 'n1', namespaces: [] }]) }, ...files),
    );
    return { realm, directory: names.join('/') };
  };
  for (const [levels, seq] of [
    [15, 2],
    [16, 1],
  ] as const) {
    const { realm, directory } = deep(levels);
    const change = {
      [`mesh/${directory}/delegations.yaml`]: realm.records([{ name: 'c', namespaces: [] }]),
      ...scopeFiles(realm, 'c', `${directory}/c`),
    };
    const who = `n${levels}`;
    await land(realm, 'm', 'g', change, [
      [
        [`${who}1`, 'c1', 'c2'],
        [
          { who, seq: 2, base: ['g', directory], next: ['m', directory] },
          { who: 'c', seq: 1, base: 'none', next: ['m', `${directory}/c`] },
        ],
      ],
    ]);
    expect((await verdict(realm, 'm', who)).seq).toBe(seq);
    if (seq === 1) expect(await verdict(realm, 'm', who)).toMatchObject({ rule: 'G17' });
  }
});

test('#91: who decides and what is served never change in one mutation', async () => {
  const realm = family();
  const yaml = realm.yaml('a', { anchors: ['a1', 'a2', 's1'] });
  await land(realm, 'm', 'g', { 'mesh/a/scope.yaml': yaml, 'mesh/a/v.yaml': 'new' }, [
    [['a1', 'a2', 's1'], [update('a')]],
  ]);
  expect(await verdict(realm, 'm', 'a')).toMatchObject({ seq: 1, rule: 'Class' });
  const alone = family();
  await land(alone, 'm', 'g', { 'mesh/a/scope.yaml': yaml }, [[['a1', 's1'], [update('a')]]]);
  expect(await verdict(alone, 'm', 'a')).toEqual({ seq: 2, ...accepted });
});

test('#107: a uid is made by one scope.yaml and introduced by one record; a salt tells twins apart', async () => {
  const twins = (realm: Realm, second: string): Files => ({
    'mesh/a/delegations.yaml': realm.records([{ name: 'c', namespaces: [] }]),
    ...scopeFiles(realm, 'c', 'a/c'),
    'mesh/b/delegations.yaml': realm.records([{ name: 'c', uid: realm.uid(second), namespaces: [] }]),
  });
  const parties = (second: string): readonly Vote[] => [
    [
      ['a1', 'c1', 'c2'],
      [
        { who: 'a', seq: 2, base: ['g', 'a'], next: ['m', 'a'] },
        { who: 'c', seq: 1, base: 'none', next: ['m', 'a/c'] },
      ],
    ],
    [
      ['b1', 'c1', 'c2'],
      [
        { who: 'b', seq: 2, base: ['g', 'b'], next: ['m', 'b'] },
        { who: second, seq: 1, base: 'none', next: ['m', 'b/c'] },
      ],
    ],
  ];
  const spec = { name: 'c', anchors: ['c1', 'c2'], owns: '{}' };
  const specs = { c: spec, twin: { ...spec, salt: 'e'.repeat(32) } };
  const same = family(undefined, specs);
  await land(same, 'm', 'g', { ...twins(same, 'c'), ...scopeFiles(same, 'c', 'b/c') }, parties('c'));
  for (const name of ['a', 'b'])
    expect(await verdict(same, 'm', name)).toMatchObject({ seq: 1, rule: 'G19' });

  const salted = family(undefined, specs);
  await land(
    salted,
    'm',
    'g',
    { ...twins(salted, 'twin'), ...scopeFiles(salted, 'twin', 'b/c') },
    parties('twin'),
  );
  for (const name of ['a', 'b']) expect(await verdict(salted, 'm', name)).toEqual({ seq: 2, ...accepted });

  const copied = family();
  const copy = {
    'mesh/b/delegations.yaml': copied.records([{ name: 'a', uid: 'f'.repeat(64), namespaces: [] }]),
  };
  await land(copied, 'm', 'g', { ...copy, 'mesh/b/a/scope.yaml': copied.yaml('a') });
  expect(await verdict(copied, 'm', 'b')).toMatchObject({
    rule: 'G19',
    reason: expect.stringContaining('its scope.yaml makes'),
  });
});

test('#110: raising a floor freezes no child that stands already', async () => {
  const realm = family();
  const raised = realm.records([{ name: 'a', more: 'floor: { threshold: 2 }' }, { name: 'b' }]);
  await land(realm, 'f', 'g', { 'mesh/delegations.yaml': raised }, [[['s1'], [root('f')]]]);
  await land(realm, 'm', 'f', { 'mesh/a/v.yaml': 'new' }, [[['a1'], [update('a')]]]);
  expect(await verdict(realm, 'm', 'a')).toEqual({ seq: 2, ...accepted });
  const yaml = realm.yaml('a', { anchors: ['a1', 'a3'] });
  await land(realm, 'n', 'm', { 'mesh/a/scope.yaml': yaml }, [
    [['a1', 'a3'], [{ who: 'a', seq: 3, base: ['m', 'a'], next: ['n', 'a'] }]],
  ]);
  expect(await verdict(realm, 'n', 'a')).toEqual({ seq: 3, ...accepted });
});

test('#111: a split needs what it takes to change who decides, and its own threshold', async () => {
  for (const [signers, seq] of [
    [['s1', 's2'], 1],
    [['s1', 's2', 's3'], 2],
  ] as const) {
    const spec = {
      anchors: ['s1', 's2', 's3'],
      quorum: '{ threshold: 1, byClass: { reconfigure: 2, split: 3 } }',
    };
    const realm = createRealm({ s: spec });
    realm.commit('g', [], { 'mesh/x.yaml': 'x' });
    const change = {
      'mesh/delegations.yaml': realm.records([{ name: 'c' }]),
      'mesh/x.yaml': null,
      ...scopeFiles(realm, 'c'),
      'mesh/c/x.yaml': 'x',
    };
    await land(realm, 'm', 'g', change, [
      [
        [...signers, 'c1', 'c2'],
        [root(), { who: 'c', seq: 1, base: 'none', next: ['m', 'c'] }],
      ],
    ]);
    expect((await realm.scope('m', 's')).seq).toBe(seq);
  }
});

test('#112: what a policy names stands under anchors/ or identity/, and changing it is a reconfigure', async () => {
  const realm = family((each) => ({ ...scopeFiles(each, 'a'), 'mesh/a/anchors/note': 'old' }));
  realm.commit('p', ['g'], { 'mesh/a/anchors/note': 'new' }, { by: 'a1' });
  realm.commit('m', ['g', 'p'], { 'mesh/a/anchors/note': 'new' });
  expect((await realm.scope('m', 'a')).hold).toMatchObject({
    rule: 'G3',
    candidate: { class: 'reconfigure' },
  });
  const outside = createRealm();
  outside.commit('m', ['g'], {
    'mesh/scope.yaml': outside
      .yaml('s')
      .replace(
        /keys: .*/,
        `keys: [{ openpgp: "${'A'.repeat(40)}", file: x.asc, sha256: "${'0'.repeat(64)}" }]`,
      ),
  });
  expect(await verdict(outside, 'm', 's')).toMatchObject({ seq: 1, rule: 'G12' });
});

test('#114: one byte of governance on main makes an update mixed; the hold says so, and a revert lets the update in', async () => {
  const realm = family();
  realm.commit('p', ['g'], { 'mesh/a/v.yaml': 'new' });
  const words = await realm.words([{ who: 'a', seq: 2, base: ['g', 'a'], next: ['p', 'a'] }]);
  const tip = realm.signed('p', ['a1'], words);
  realm.commit('m', ['g', tip], { 'mesh/a/v.yaml': 'new', 'mesh/a/anchors/x': 'x' });
  expect(await verdict(realm, 'm', 'a')).toMatchObject({ seq: 1, rule: 'Class' });
  realm.commit('n', ['m'], { 'mesh/a/anchors/x': null });
  expect(await verdict(realm, 'n', 'a')).toEqual({ seq: 2, ...accepted });
});

test("#115, C9: another scope's record of a live child holds that scope alone", async () => {
  const realm = family();
  const bogus = {
    'mesh/b/delegations.yaml': realm.records([{ name: 'a', namespaces: [] }]),
    ...scopeFiles(realm, 'a', 'b/a'),
    'mesh/a/v.yaml': 'new',
  };
  await land(realm, 'm', 'g', bogus, [[['a1'], [update('a')]]]);
  expect(await verdict(realm, 'm', 'a')).toEqual({ seq: 2, ...accepted });
  expect(await realm.scope('m', 'a')).toMatchObject({ directory: 'a' });
  expect(await verdict(realm, 'm', 'b')).toMatchObject({
    seq: 1,
    reason: 'a: it lives at s.a, and the record of s does not let it go',
  });
});

test('#124: nothing of a parent stands under the mask', async () => {
  const realm = family();
  realm.commit('m', ['g'], { ...without(scopeFiles(realm, 'a')), 'mesh/a': 'a file' });
  expect(await realm.scope('m', 'a')).toMatchObject({ seq: 1, landed: null, hold: { rule: 'G18' } });
  expect(await verdict(realm, 'm', 's')).toMatchObject({ seq: 1, rule: 'Quorum' });
  const folds = family();
  folds.commit('m', ['g'], { 'mesh/A': 'folds to a' });
  expect(await verdict(folds, 'm', 's')).toMatchObject({ seq: 1, rule: 'G10' });
  expect(await verdict(folds, 'm', 'a')).toEqual({ seq: 1, ...accepted });
});

const withGrandchild = () => {
  const realm = createRealm({ a: { owns: '{ namespaces: [a, c] }' } });
  realm.commit('g', [], {
    'mesh/delegations.yaml': realm.records([{ name: 'a', namespaces: ['a', 'c'] }]),
    ...scopeFiles(realm, 'a', 'a'),
    'mesh/a/delegations.yaml': realm.records([{ name: 'c' }]),
    ...scopeFiles(realm, 'c', 'a/c'),
  });
  return realm;
};

test('#125, C9: a scope with live children is neither dissolved nor merged: children first', async () => {
  const realm = withGrandchild();
  const ended = {
    'mesh/delegations.yaml': realm.records([{ name: 'a', namespaces: ['a', 'c'], more: 'tombstone: none' }]),
    ...without(scopeFiles(realm, 'a')),
    'mesh/a/delegations.yaml': null,
    ...without(scopeFiles(realm, 'c', 'a/c')),
  };
  await land(realm, 'm', 'g', ended, [
    [
      ['s1', 'a1', 'c1'],
      [root(), gone('a')],
    ],
  ]);
  expect(await verdict(realm, 'm', 's')).toMatchObject({
    seq: 1,
    reason: 'a: s.a.c lives below it: children first',
  });
  const first = withGrandchild();
  const below = {
    'mesh/a/delegations.yaml': first.records([{ name: 'c', more: 'tombstone: none' }]),
    ...without(scopeFiles(first, 'c', 'a/c')),
  };
  await land(first, 'n', 'g', below, [
    [
      ['a1', 'c1'],
      [
        { who: 'a', seq: 2, base: ['g', 'a'], next: ['n', 'a'] },
        { who: 'c', seq: 2, base: ['g', 'a/c'], next: 'gone' },
      ],
    ],
  ]);
  await land(first, 'm', 'n', { ...ended, 'mesh/a/delegations.yaml': null }, [
    [
      ['s1', 'a1'],
      [root('m', 'n'), { who: 'a', seq: 3, base: ['n', 'a'], next: 'gone' }],
    ],
  ]);
  expect((await first.state('m')).scopes.get(first.uid('a'))?.status).toBe('Tombstone');
});

test('#126: one level at a time: a new child delegates nothing yet', async () => {
  const realm = createRealm({ a: { owns: '{ namespaces: [a, c] }' } });
  const change = {
    'mesh/delegations.yaml': realm.records([{ name: 'a', namespaces: ['a', 'c'] }]),
    ...scopeFiles(realm, 'a', 'a'),
    'mesh/a/delegations.yaml': realm.records([{ name: 'c' }]),
    ...scopeFiles(realm, 'c', 'a/c'),
  };
  await land(realm, 'm', 'g', change, [
    [
      ['s1', 'a1', 'a2', 'c1', 'c2'],
      [
        root(),
        { who: 'a', seq: 1, base: 'none', next: ['m', 'a'] },
        { who: 'c', seq: 1, base: 'none', next: ['m', 'a/c'] },
      ],
    ],
  ]);
  expect(await verdict(realm, 'm', 's')).toMatchObject({
    seq: 1,
    reason: 'a: it delegates itself: create it first, then those below it',
  });
});

test('C8: a scope is clean right after its own delegation, and what the child does then is not its own', async () => {
  const realm = createRealm();
  const change = { 'mesh/delegations.yaml': realm.records([{ name: 'a' }]), ...scopeFiles(realm, 'a') };
  const group: readonly Party[] = [root(), { who: 'a', seq: 1, base: 'none', next: ['m', 'a'] }];
  await land(realm, 'm', 'g', change, [[['s1', 'a1', 'a2'], group]]);
  realm.commit('n', ['m'], { 'mesh/other': null });
  expect(await verdict(realm, 'n', 's')).toEqual({ seq: 2, ...accepted });
  realm.commit('o', ['n'], { 'mesh/a/v.yaml': 'new' });
  expect(await verdict(realm, 'o', 's')).toEqual({ seq: 2, ...accepted });
  expect(await verdict(realm, 'o', 'a')).toMatchObject({ seq: 1, rule: 'Quorum' });
});

test('C13: consent to end as dissolved is none to be annexed, and a first vote is for one parent', async () => {
  const realm = family();
  const dissolve = {
    'mesh/delegations.yaml': realm.records([{ name: 'a', more: 'tombstone: none' }, { name: 'b' }]),
    ...without(scopeFiles(realm, 'a')),
  };
  const annex = {
    'mesh/delegations.yaml': realm.records([
      { name: 'a', more: `tombstone: ${realm.uid('s')}` },
      { name: 'b' },
    ]),
    ...without(scopeFiles(realm, 'a')),
    'mesh/from-a.yaml': 'a',
  };
  realm.commit('d', ['g'], dissolve);
  const consent = realm.signed('g', ['a1'], await realm.words([root('d'), gone('a')]));
  realm.commit('m', ['g', consent], annex);
  const tip = realm.signed('m', ['s1'], await realm.words([root('m'), gone('a')]));
  expect(await verdict(realm, tip, 's')).toMatchObject({ seq: 1, rule: 'G16' });
  expect((await realm.scope(tip, 'a')).status).toBe('Live');

  const first = family(undefined, { c: { owns: '{}' } });
  const under = (parent: string): Files => ({
    [`mesh/${parent}/delegations.yaml`]: first.records([{ name: 'c', namespaces: [] }]),
    ...scopeFiles(first, 'c', `${parent}/c`),
  });
  const group = (parent: string, at: string): readonly Party[] => [
    { who: parent, seq: 2, base: ['g', parent], next: [at, parent] },
    { who: 'c', seq: 1, base: 'none', next: [at, `${parent}/c`] },
  ];
  first.commit('p', ['g'], under('a'));
  const votes = first.signed('g', ['c1', 'c2'], await first.words(group('a', 'p')));
  first.commit('m', ['g', votes], under('b'));
  const other = first.signed('m', ['b1'], await first.words(group('b', 'm')));
  expect(await verdict(first, other, 'b')).toMatchObject({ seq: 1, rule: 'G16' });
});

test('siblings stand in the order of their records, also where nothing else changes', async () => {
  const realm = family();
  const change = { 'mesh/delegations.yaml': realm.records([{ name: 'b' }, { name: 'a' }]) };
  await land(realm, 'm', 'g', change, [[['s1'], [root()]]]);
  expect(await verdict(realm, 'm', 's')).toEqual({ seq: 2, ...accepted });
  expect([...(await realm.state('m')).scopes.values()].map(({ name }) => name)).toEqual(['s', 'b', 'a']);
});
