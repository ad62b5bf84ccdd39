import { expect, test } from 'vitest';
import { readDelegations } from '../../src/policy/delegation.ts';
import { ruleset1 } from '../../src/policy/ruleset.ts';
import { schemaMistake } from '../../src/policy/schema.ts';

const [one, two] = ['a'.repeat(64), 'b'.repeat(64)];
const repository = `{ urls: [https://git.example/a.git], branch: main, path: mesh, genesis: "sha1:${'0'.repeat(40)}", digest: ${one} }`;

function read(...records: readonly string[]) {
  const lines = records.map((record) => `  - { ${record} }\n`).join('');
  const text = `apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: s }\nspec:\n${lines}`;
  return readDelegations(Buffer.from(text), ruleset1);
}

test('a record says only what it says: the rest is nothing, and a floor that everything meets', () => {
  expect(read(`name: a, uid: ${one}, path: a`)).toMatchObject({
    ok: true,
    records: [
      {
        ...{ name: 'a', uid: one, status: 'live', live: true, path: 'a', repository: null },
        ...{ successor: null, forward: null },
        grants: { namespaces: [], hosts: [] },
        floor: { threshold: 1, require: [] },
      },
    ],
  });
  expect(read(`name: a, uid: ${one}, repository: ${repository}`)).toMatchObject({
    ok: true,
    records: [{ path: null, repository: { branch: 'main', seq: null } }],
  });
});

test.each([
  [
    'a uid has one record',
    [`name: a, uid: ${one}, path: a`, `name: b, uid: ${one}, path: b`],
    `uid ${one} twice`,
  ],
  ['a live name is one', [`name: a, uid: ${one}, path: a`, `name: a, uid: ${two}, path: b`], 'name a twice'],
  [
    'a place is one',
    [`name: a, uid: ${one}, path: x`, `name: b, uid: ${two}, path: x`],
    'paths x and x are equal or nested',
  ],
  [
    'nothing stands inside another place',
    [`name: a, uid: ${one}, path: x/y`, `name: b, uid: ${two}, path: x`],
    'paths x and x/y are equal or nested',
  ],
  [
    'anchors are the scope’s own',
    [`name: a, uid: ${one}, path: anchors/a`],
    'anchors/ belongs to the scope itself',
  ],
  [
    'identity is the scope’s own',
    [`name: a, uid: ${one}, path: identity`],
    'identity/ belongs to the scope itself',
  ],
  ['a place leads nowhere else', [`name: a, uid: ${one}, path: x/../y`], 'not a plain path'],
  ['a scope stands somewhere', [`name: a, uid: ${one}`], 'either a path or a repository'],
  [
    'and at one place',
    [`name: a, uid: ${one}, path: a, repository: ${repository}`],
    'either a path or a repository',
  ],
])('G12: %s', (_, records, reason) => {
  expect(read(...records)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
});

test('a dead one leaves its name, and its place, to others', () => {
  const dead = `name: a, uid: ${one}, path: a, tombstone: none`;
  expect(read(dead, `name: a, uid: ${two}, path: a`).ok).toBe(true);
  expect(read(dead, `name: b, uid: ${two}, path: a/b`).ok).toBe(true);
});

test('a forward stands at a name, beside the record of its scope, and has no place', () => {
  const moved = `name: b, uid: ${one}, path: b`;
  const forward = `name: a, uid: ${one}, forward: s.b`;
  expect(read(moved, forward)).toMatchObject({ ok: true, records: [{}, { status: 'forward', live: false }] });
  expect(read(moved, forward, forward)).toMatchObject({ ok: false });
  expect(read(moved, `${forward}, path: a`)).toMatchObject({ ok: false });
});

test.each([
  [null, 'does not match its schema'],
  [undefined, 'does not match its schema'],
  [[], 'does not match its schema'],
  [[{ instancePath: '' }], '/ is wrong'],
  [[{ instancePath: '/spec', message: 'must be array', params: null }], '/spec must be array'],
  [
    [
      { instancePath: '/spec', message: 'must NOT have more', params: { additionalProperty: 'x' } },
      { instancePath: '' },
    ],
    '/spec must NOT have more (x)',
  ],
])('the first mistake of %j in one line', (errors, line) => {
  expect(schemaMistake(errors)).toBe(line);
});
