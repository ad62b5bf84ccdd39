import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { formatVerification, type LineState, openLine, type ScopeState } from '../../src/governance/index.ts';
import { createRealm, type Files, type Party, type Realm, type RecordSpec } from './realm.ts';

/**
 * Conservation: whatever is created, split, merged, moved, dissolved, withdrawn and broken, with whatever signatures:
 * every path has one owner, and every live scope exactly one live or withdrawn record, where it stands.
 */

/** What stands in a tree, as far as the histories make it: the records and the directory of each scope by its name. */
type Model = {
  readonly files: Files;
  readonly records: ReadonlyMap<string, readonly RecordSpec[]>;
  readonly directories: ReadonlyMap<string, string>;
};

type Step = {
  readonly kind: keyof typeof steps;
  readonly pick: number;
  readonly other: number;
  /** How many of those who have to sign do not. */
  readonly missing: number;
  /** Whether the next step starts from what was accepted last, or from what stands on main. */
  readonly isTidy: boolean;
};

/** What a step makes of a model, and the scopes that have to agree; null where it cannot be made. */
type Made = { readonly model: Model; readonly members: readonly string[] } | null;
type Choice = {
  readonly realm: Realm;
  readonly model: Model;
  readonly scopes: readonly Named[];
  readonly one: Named;
  readonly two: Named;
  readonly fresh: string;
};

type Named = { readonly name: string; readonly state: ScopeState; readonly parent: string | null };

const at = (directory: string, name: string) => (directory === '' ? name : `${directory}/${name}`);

function edit(
  realm: Realm,
  model: Model,
  who: string,
  change: (records: readonly RecordSpec[]) => readonly RecordSpec[],
): Model {
  const records = change(model.records.get(who) ?? []);
  const directory = model.directories.get(who) ?? '';
  const path = `mesh/${at(directory, 'delegations.yaml')}`;
  return {
    ...model,
    files: { ...model.files, [path]: realm.records(records) },
    records: new Map([...model.records, [who, records]]),
  };
}

const isOf = (name: string, realm: Realm) => (record: RecordSpec) =>
  (record.uid ?? realm.uid(record.name)) === realm.uid(name) && !record.more?.startsWith('forward');

/** Takes a directory and everything below it to another one, or away. */
function carry(model: Model, from: string, to: string | null): Model {
  const files = Object.entries(model.files).map(([path, text]) => {
    const isInside = path.startsWith(`mesh/${from}/`);
    return [
      isInside && to !== null ? path.replace(`mesh/${from}/`, `mesh/${to}/`) : path,
      isInside && to === null ? null : text,
    ] as const;
  });
  const gone = Object.keys(model.files).filter((path) => path.startsWith(`mesh/${from}/`));
  const directories = [...model.directories].map(([name, directory]) => {
    const isInside = directory === from || directory.startsWith(`${from}/`);
    return [name, isInside && to !== null ? to + directory.slice(from.length) : directory] as const;
  });
  const taken = Object.fromEntries(gone.map((path) => [path, null]));
  return { ...model, files: { ...taken, ...Object.fromEntries(files) }, directories: new Map(directories) };
}

const put = (model: Model, files: Files): Model => ({ ...model, files: { ...model.files, ...files } });

function create({ realm, model, one, fresh }: Choice): Made {
  const directory = at(one.state.directory, fresh);
  const made = edit(realm, model, one.name, (records) => [
    ...records,
    { name: fresh, uid: realm.uid(fresh), namespaces: [] },
  ]);
  const files = { [`mesh/${directory}/scope.yaml`]: realm.yaml(fresh), [`mesh/${directory}/v.yaml`]: fresh };
  const directories = new Map([...model.directories, [fresh, directory]]);
  return { model: { ...put(made, files), directories }, members: [one.name, fresh] };
}

function end(choice: Choice, successor: string | null, files: Files = {}): Made {
  const { realm, model, one } = choice;
  if (one.parent === null) return null;
  const into = successor === null ? 'none' : realm.uid(successor);
  const made = edit(realm, model, one.parent, (records) =>
    records.map((record) =>
      isOf(one.name, realm)(record) ? { ...record, more: `tombstone: ${into}` } : record,
    ),
  );
  const others = successor === null || successor === one.parent ? [] : [successor];
  return {
    model: put(carry(made, one.state.directory, null), files),
    members: [one.parent, one.name, ...others],
  };
}

function move(choice: Choice, taker: string, name: string): Made {
  const { realm, model, scopes, one } = choice;
  const [parent, target] = [one.parent, scopes.find((each) => each.name === taker)];
  if (parent === null || target === undefined) return null;
  const directory = at(target.state.directory, name);
  const forward = `forward: ${target.state.path}.${name}`;
  const left = { name: one.state.name, uid: realm.uid(one.name), path: null, namespaces: [], more: forward };
  const here = { name, uid: realm.uid(one.name), namespaces: [] };
  const without = (records: readonly RecordSpec[]) => records.filter((each) => !isOf(one.name, realm)(each));
  const given = edit(realm, model, parent, (records) => [...without(records), left]);
  const made = edit(realm, given, taker, (records) => [...without(records), here]);
  return {
    model: carry(made, one.state.directory, directory),
    members: [...new Set([parent, taker, one.name])],
  };
}

const status = ({ realm, model, one }: Choice, more: string): Model | null =>
  one.parent === null
    ? null
    : edit(realm, model, one.parent, (records) =>
        records.map((record) => (isOf(one.name, realm)(record) ? { ...record, more } : record)),
      );

const steps = {
  create,
  split(choice: Choice): Made {
    const { one, fresh, model } = choice;
    const from = `mesh/${at(one.state.directory, 'v.yaml')}`;
    const text = model.files[from];
    const made = create(choice);
    if (made === null || text === null || text === undefined) return null;
    const to = `mesh/${at(one.state.directory, fresh)}/split.yaml`;
    return { ...made, model: put(made.model, { [from]: null, [to]: text }) };
  },
  dissolve: (choice: Choice) => end(choice, null),
  merge(choice: Choice): Made {
    const { one, scopes, model } = choice;
    const parent = scopes.find(({ name }) => name === one.parent);
    const text = model.files[`mesh/${one.state.directory}/v.yaml`] ?? null;
    return end(choice, one.parent, {
      [`mesh/${at(parent?.state.directory ?? '', `${one.name}.yaml`)}`]: text,
    });
  },
  join(choice: Choice): Made {
    const { one, two, model } = choice;
    const text = model.files[`mesh/${one.state.directory}/v.yaml`] ?? null;
    if (two.parent !== one.parent || two.name === one.name) return null;
    return end(choice, two.name, { [`mesh/${at(two.state.directory, `${one.name}.yaml`)}`]: text });
  },
  move: (choice: Choice) => move(choice, choice.two.name, choice.one.state.name),
  rename: (choice: Choice) => move(choice, choice.one.parent ?? '', choice.fresh),
  withdraw(choice: Choice): Made {
    const model = status(choice, 'status: withdrawn');
    return model === null ? null : { model, members: [choice.one.parent ?? ''] };
  },
  restore(choice: Choice): Made {
    const model = choice.one.state.status === 'Withdrawn' ? status(choice, '') : null;
    return model === null ? null : { model, members: [choice.one.parent ?? '', choice.one.name] };
  },
  update({ model, one, fresh }: Choice): Made {
    return {
      model: put(model, { [`mesh/${at(one.state.directory, 'v.yaml')}`]: fresh }),
      members: [one.name],
    };
  },
  forget({ realm, model, one }: Choice): Made {
    return { model: edit(realm, model, one.name, (records) => records.slice(1)), members: [one.name] };
  },
  claim({ realm, model, one, two }: Choice): Made {
    const bogus = { name: two.state.name, uid: realm.uid(two.name), namespaces: [] };
    return { model: edit(realm, model, one.name, (records) => [...records, bogus]), members: [one.name] };
  },
  destroy({ model, one }: Choice): Made {
    return { model: carry(model, one.state.directory, null), members: [] };
  },
} satisfies Record<string, (choice: Choice) => Made>;

/** The scopes that live in a state, with the names by which the histories know them. */
function living(realm: Realm, state: LineState, names: readonly string[]): readonly Named[] {
  const byUid = new Map(names.map((name) => [realm.uid(name), name]));
  return [...state.scopes.values()]
    .filter((scope) => scope.status !== 'Tombstone')
    .map((scope) => ({
      name: byUid.get(scope.uid) ?? '',
      state: scope,
      parent: scope.parent === null ? null : (byUid.get(scope.parent) ?? ''),
    }));
}

async function expectConserved(realm: Realm, state: LineState): Promise<void> {
  const { objects, pin } = realm.world;
  const { owns } = openLine(objects, createTreeDigests(objects), await pin());
  const alive = [...state.scopes.values()].filter(({ status }) => status !== 'Tombstone');
  const found = new Map<string, string>();
  for (const scope of alive) {
    for (const { uid, path, status } of await owns.delegations(scope.accepted.tree)) {
      if (path === null || status === 'tombstone' || status === 'forward') continue;
      expect(found.has(uid), `${uid} has two records`).toBe(false);
      found.set(uid, at(scope.directory, path));
      expect(state.scopes.get(uid)).toMatchObject({
        parent: scope.uid,
        directory: at(scope.directory, path),
        status: status === 'withdrawn' ? 'Withdrawn' : 'Live',
      });
    }
  }
  expect([...found.keys()].sort()).toEqual(
    alive.flatMap(({ uid, parent }) => (parent === null ? [] : uid)).sort(),
  );
  expect(new Set(alive.map(({ directory }) => directory)).size).toBe(alive.length);
  for (const { lineage, seq, accepted, status } of state.scopes.values()) {
    const last = lineage.findLast(({ event }) => event === 'accepted' || event === 'genesis');
    expect(last).toMatchObject({ seq, next: status === 'Tombstone' ? 'gone' : accepted.digest });
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...(Object.keys(steps) as (keyof typeof steps)[])),
  pick: fc.nat(6),
  other: fc.nat(6),
  missing: fc.constantFrom(0, 0, 0, 0, 1),
  isTidy: fc.constantFrom(true, true, true, false),
});

/** Kinds of mutations that were accepted in all histories: the test has to see each of them. */
const seen = new Set<string | null>();

async function play(history: readonly Step[]): Promise<void> {
  const names = ['s', ...history.map((_, index) => `n${index}`)];
  const realm = createRealm(Object.fromEntries(names.slice(1).map((name) => [name, { owns: '{}' }])));
  let clean: Model = {
    files: { 'mesh/scope.yaml': realm.yaml('s'), 'mesh/v.yaml': 's' },
    records: new Map(),
    directories: new Map([['s', '']]),
  };
  realm.commit('g', [], clean.files);
  let [model, tip] = [clean, 'g'];
  for (const [index, { kind, pick, other, missing, isTidy }] of history.entries()) {
    const state = await realm.state(tip);
    const scopes = living(realm, state, names);
    const [one, two] = [scopes[pick % scopes.length], scopes[other % scopes.length]];
    if (one === undefined || two === undefined) throw new Error('the root lives');
    const made = steps[kind]({ realm, model: isTidy ? clean : model, scopes, one, two, fresh: `n${index}` });
    if (made === null) continue;
    model = made.model;
    const next = `m${index}`;
    realm.commit(next, [tip], model.files);
    const parties = await Promise.all(made.members.map((who) => partyOf(realm, state, model, next, who)));
    if (parties.length > 0) {
      const keys = made.members
        .flatMap((who) => [`${who}1`, `${who}2`])
        .slice(0, missing === 0 ? undefined : -2);
      const votes = realm.signed(tip, keys, await realm.words(parties));
      realm.commit(next, [tip, votes], model.files);
    }
    tip = next;
    const after = await realm.state(tip);
    await expectConserved(realm, after);
    if ([...after.scopes.values()].every(({ hold }) => hold === null)) clean = model;
    for (const { lineage } of after.scopes.values())
      for (const entry of lineage) if (entry.event === 'accepted') seen.add(entry.class);
  }
  // All at once or commit by commit: the same bytes.
  const { objects, ids, pin } = realm.world;
  const line = openLine(objects, createTreeDigests(objects), await pin());
  let last = '';
  for (const name of ['g', ...history.map((_, index) => `m${index}`)]) {
    const id = ids.get(name);
    const verdict = id === undefined ? null : await line.state(id);
    if (verdict?.ok === true) last = formatVerification(verdict.state);
  }
  expect(formatVerification(await realm.state(tip))).toBe(last);
}

async function partyOf(
  realm: Realm,
  state: LineState,
  model: Model,
  next: string,
  who: string,
): Promise<Party> {
  const scope = state.scopes.get(realm.uid(who));
  const place = model.directories.get(who) ?? '';
  const stands = Object.entries(model.files).some(
    ([path, text]) => text !== null && path === `mesh/${at(place, 'scope.yaml')}`,
  );
  const standing = stands
    ? await realm.line({ who, seq: 1, base: 'none', next: [next, place] }).catch(() => null)
    : null;
  return {
    who,
    seq: (scope?.seq ?? 0) + 1,
    base: scope?.accepted.digest ?? 'none',
    next: standing?.next ?? 'gone',
  };
}

test('conservation: random structural histories, honest and hostile', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), play), {
    numRuns: 60,
    seed: 7,
  });
  expect([...seen].sort()).toEqual(
    ['delegate', 'dissolve', 'merge', 'move', 'renew', 'split', 'undelegate', 'update'].sort(),
  );
}, 120_000);
