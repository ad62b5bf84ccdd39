import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { sha256 } from '../../src/base/digest.ts';
import { validateDelegations, validateScope } from '../../src/generated/schemas/index.ts';
import { exampleDirectory } from './scope.ts';

const ssh = { ssh: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILGwwDjODVPpswQF90Gq6L924vUnG9vsmOk3G89npBX8 a' };

type Json = { [key: string]: Json } | readonly Json[] | string | number | boolean | null;

const text = (path: string): string => readFileSync(join(exampleDirectory, path), 'utf8');
const document = (path: string): Json => parse(text(path)) as Json;

test.each(['scope.yaml', 'payments/scope.yaml'])('%s of the example is a Scope', (path) => {
  expect([validateScope(document(path)), validateScope.errors]).toEqual([true, null]);
});

test('delegations.yaml of the example are Delegations, with the uid of the child and the digest of the certificate', () => {
  const delegations = document('delegations.yaml');
  expect([validateDelegations(delegations), validateDelegations.errors]).toEqual([true, null]);
  const uid = sha256('fairlead-uid-1\0', text('payments/scope.yaml'));
  expect(delegations).toMatchObject({ spec: [{ name: 'payments', path: 'payments', uid }] });
  const digest = sha256(text('anchors/cy.asc'));
  expect(JSON.stringify(document('scope.yaml'))).toContain(`"file":"anchors/cy.asc","sha256":"${digest}"`);
});

test.each([
  ['scope.yaml', validateScope],
  ['payments/scope.yaml', validateScope],
  ['delegations.yaml', validateDelegations],
] as const)('%s is closed at every level', (path, validate) => {
  const closed = places(document(path));
  expect(closed.length).toBeGreaterThan(5);
  for (const place of closed) {
    expect(
      validate(changed(document(path), place, (value) => ({ ...(value as object), surprise: 1 }) as Json)),
    ).toBe(false);
  }
});

describe('what a Scope refuses', () => {
  test.each<readonly [string, readonly (string | number)[], Json]>([
    ['a threshold of 0', ['spec', 'quorum', 'threshold'], 0],
    ['a threshold of 65', ['spec', 'quorum', 'threshold'], 65],
    ['a threshold of 1.5', ['spec', 'quorum', 'threshold'], 1.5],
    ['a threshold as text', ['spec', 'quorum', 'threshold'], '2'],
    ['a class that does not exist', ['spec', 'quorum', 'byClass'], { renew: 2 }],
    ["a class's threshold of 65", ['spec', 'quorum', 'byClass'], { reconfigure: 65 }],
    ['a short salt', ['spec', 'salt'], '5b0c'],
    ['a salt in capitals', ['spec', 'salt'], '5B0C9A4E7F1D42C6A3E88D10B7F4C92E'],
    ['no anchors', ['spec', 'anchors'], []],
    [
      '65 anchors',
      ['spec', 'anchors'],
      Array.from({ length: 65 }, (_, index) => ({ name: `a${index}`, keys: [ssh] })),
    ],
    ['9 keys', ['spec', 'anchors', 0, 'keys'], Array.from({ length: 9 }, () => ssh)],
    [
      'a key of both forms',
      ['spec', 'anchors', 0, 'keys', 0],
      { ssh: ssh.ssh, openpgp: 'A'.repeat(40), file: 'anchors/a', sha256: '0'.repeat(64) },
    ],
    [
      'an OpenPGP key without its digest',
      ['spec', 'anchors', 0, 'keys', 0],
      { openpgp: 'A'.repeat(40), file: 'anchors/a' },
    ],
    ['a short fingerprint', ['spec', 'anchors', 2, 'keys', 0, 'openpgp'], 'D42E6B8A90F1E2D3'],
    ['a certificate elsewhere', ['spec', 'anchors', 2, 'keys', 0, 'file'], 'keys/cy.asc'],
    ['a name in capitals', ['metadata', 'name'], 'Acme'],
    ['a name with a dot', ['metadata', 'name'], 'a.b'],
    ['another ruleset', ['spec', 'ruleset'], 2],
    ['a wildcard in the middle', ['spec', 'owns', 'hosts'], ['a.*.example']],
    [
      'a CA certificate elsewhere',
      ['spec', 'identity'],
      { trustDomain: 'acme.example', caCertificates: ['root.pem'] },
    ],
    ['limits above the caps', ['spec', 'limits'], { files: 20001 }],
  ])('%s', (_name, place, value) => {
    expect(validateScope(changed(document('scope.yaml'), place, () => value))).toBe(false);
  });

  test.each<readonly [string, readonly (string | number)[], Json]>([
    ['an automation', ['spec', 'anchors', 1, 'type'], 'automation'],
    ['statements', ['spec', 'quorum', 'statements'], 'Required'],
    [
      'recovery',
      ['spec', 'recovery'],
      {
        threshold: 1,
        anchors: [{ name: 'di', keys: [ssh] }],
      },
    ],
    ['limits', ['spec', 'limits'], { files: 2000, bytes: '8Mi' }],
    [
      'identity',
      ['spec', 'identity'],
      { trustDomain: 'acme.example', caCertificates: ['identity/root.pem'] },
    ],
  ])('but accepts %s', (_name, place, value) => {
    expect(validateScope(changed(document('scope.yaml'), place, () => value))).toBe(true);
  });
});

describe('records of Delegations', () => {
  const uid = 'e'.repeat(64);
  const repository = {
    urls: ['https://git.example/a.git'],
    branch: 'main',
    path: 'mesh',
    genesis: `sha1:${'5'.repeat(40)}`,
    digest: uid,
  };
  test.each<readonly [boolean, string, Json]>([
    [
      true,
      'a repository',
      { name: 'web', uid, repository, grants: { namespaces: ['web'], hosts: ['www.acme.example'] } },
    ],
    [true, 'withdrawn', { name: 'web', uid, path: 'web', status: 'withdrawn' }],
    [true, 'a tombstone', { name: 'web', uid, path: 'web', tombstone: 'none' }],
    [true, 'a forward', { name: 'web', uid, forward: 'web.payments.acme' }],
    [false, 'a grant of *', { name: 'web', uid, path: 'web', grants: { namespaces: ['*'] } }],
    [false, 'a grant of every host', { name: 'web', uid, path: 'web', grants: { hosts: ['*'] } }],
    [false, 'an absolute path', { name: 'web', uid, path: '/web' }],
    [false, 'a short uid', { name: 'web', uid: 'e7d3', path: 'web' }],
    [false, 'a floor of 0', { name: 'web', uid, path: 'web', floor: { threshold: 0 } }],
    [false, 'a seq of 0', { name: 'web', uid, repository: { ...repository, seq: 0 } }],
  ])('%s: %s', (fits, _name, record) => {
    expect(validateDelegations(changed(document('delegations.yaml'), ['spec', 0], () => record))).toBe(fits);
  });
});

test('every schema has an id of its own and says what it is', () => {
  const directory = join(import.meta.dirname, '../../schemas');
  const schemas = readdirSync(directory).map(
    (name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as { $id: string; title: string },
  );
  expect(new Set(schemas.map(({ $id }) => $id)).size).toBe(schemas.length);
  for (const schema of schemas) expect(schema.title).toMatch(/\w/);
});

/** Paths of all mappings in a document. */
function places(
  value: Json,
  path: readonly (string | number)[] = [],
): readonly (readonly (string | number)[])[] {
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap((item: Json, index) => places(item, [...path, index]));
  return [path, ...Object.entries(value).flatMap(([key, item]) => places(item, [...path, key]))];
}

/** A copy in which the value at `place` is another. */
function changed(value: Json, place: readonly (string | number)[], change: (value: Json) => Json): Json {
  const [step, ...rest] = place;
  if (step === undefined) return change(value);
  const copy = structuredClone(value) as Record<string | number, Json>;
  copy[step] = changed(copy[step] ?? null, rest, change);
  return copy as Json;
}

/** The patterns of a schema, each with the form beside it. */
function patternsOf(value: Json): readonly (readonly [string, Json | undefined])[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap((each) => patternsOf(each as Json));
  const { pattern, 'x-form': form } = value as { readonly [key: string]: Json };
  return typeof pattern === 'string' ? [[pattern, form], ...inner] : inner;
}

const schemaFolder = join(import.meta.dirname, '../../schemas');
const patterns = readdirSync(schemaFolder).flatMap((name) =>
  patternsOf(JSON.parse(readFileSync(join(schemaFolder, name), 'utf8')) as Json),
);

test('no pattern lacks the form that it wants, `x-form` beside it', () => {
  expect(patterns.length).toBeGreaterThan(100);
  expect(patterns.filter(([, form]) => typeof form !== 'string' || form === '')).toEqual([]);
});

test('a pattern has one form, wherever it stands', () => {
  const pairs = new Set(patterns.map((pair) => JSON.stringify(pair)));
  expect(pairs.size).toBe(new Set(patterns.map(([pattern]) => pattern)).size);
});
