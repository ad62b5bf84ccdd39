import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFolder } from '../repository.ts';
import { buildCase, folderOf } from './case.ts';
import { cases } from './cases/index.ts';
import type { Expectation, Run, ScopeExpectation, Step } from './format.ts';
import { damages, openReader, play, prepare, readerNames, unbundle } from './play.ts';
import { installTools, type Tools } from './scratch.ts';

const data = join(import.meta.dirname, 'data');
const folders = readdirSync(data).sort();
const expectations = new Map(folders.map((folder) => [folder, readExpectation(folder)]));

function readExpectation(folder: string): Expectation {
  return JSON.parse(readFileSync(join(data, folder, 'expectation.json'), 'utf8')) as Expectation;
}

let scratch: { dir: string; close(): Promise<void> };
let tools: Tools;
beforeAll(async () => {
  scratch = await createFolder();
  tools = await installTools();
});
afterAll(async () => {
  await tools.close();
  await scratch.close();
});

test.each(
  [...expectations].map(([folder, expectation]) => [expectation.number, expectation.title, folder] as const),
)('#%s %s', async (_number, _title, folder) => {
  const all = expectations.get(folder)?.runs ?? [];
  for (const how of ['packed', 'loose'] as const) {
    const runs = all.filter((run) => damages(run) === (how === 'loose'));
    if (runs.length === 0) continue;
    const gitdir = join(scratch.dir, folder, how);
    await unbundle(join(data, folder, 'history.bundle'), gitdir, how);
    const answers = await Promise.all(readerNames.map((reader) => playAll(reader, gitdir, runs)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  }
});

/** Plays every run and compares it with its expectation; what was verified, whole. */
async function playAll(reader: string, gitdir: string, runs: readonly Run[]): Promise<readonly string[]> {
  const verifications: string[] = [];
  const shared = await openReader(reader, gitdir);
  for (const [at, run] of runs.entries()) {
    const { setup = [], absent = [], steps } = run;
    const own = setup.length === 0 ? null : `${gitdir}-${at}-${reader}`;
    if (own !== null) await prepare(gitdir, own, setup);
    const opened = own === null ? shared : await openReader(reader, own);
    const played = await play(opened, run);
    if (own !== null) await opened.close();
    const said = played.steps.map((step, index) => inOrder(onlySaid(step, steps[index]?.scopes)));
    expect(said, `${run.name}, ${reader}`).toEqual(steps.map(inOrder));
    const files = own === null ? [] : readdirSync(own, { recursive: true }).map(String);
    expect(files.filter((file) => absent.includes(file))).toEqual([]);
    verifications.push(...played.verifications);
  }
  await shared.close();
  return verifications;
}

/** Scopes come in any order. */
function inOrder({ scopes, ...step }: Step): Step {
  if (scopes === undefined) return step;
  return { ...step, scopes: scopes.toSorted((left, right) => (left.uid < right.uid ? -1 : 1)) };
}

/** Without what an expectation does not say: the voters of a scope, and what is served where nothing changed. */
function onlySaid({ scopes, ...step }: Step, wanted: readonly ScopeExpectation[] | undefined): Step {
  if (wanted === undefined || scopes === undefined) return step;
  const silent = new Set(wanted.filter(({ signed }) => signed === undefined).map(({ uid }) => uid));
  const shown = scopes.map(({ signed, ...scope }) =>
    silent.has(scope.uid) || signed === undefined ? scope : { ...scope, signed },
  );
  return { ...step, scopes: shown };
}

test('every number of the attack list is one case', () => {
  const all = [
    ...Array.from({ length: 131 }, (_, at) => String(at + 1)),
    ...Array.from({ length: 14 }, (_, at) => `C${at + 1}`),
  ];
  const there = [...expectations.values()].map(({ number }) => number);
  expect(there.toSorted()).toEqual(all.toSorted());
});

test('the data are those of the sources, no more and no less', () => {
  expect(cases.map(folderOf).toSorted()).toEqual(folders);
});

test('every expectation is as its schema says', () => {
  const schema = JSON.parse(readFileSync(join(import.meta.dirname, 'expectation.schema.json'), 'utf8'));
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);
  for (const [folder, expectation] of expectations) {
    expect({ folder, errors: validate(expectation) ? null : validate.errors }).toEqual({
      folder,
      errors: null,
    });
  }
});

test('every case has an honest twin that is accepted, and outcomes are what their words mean', () => {
  for (const { number, outcome, runs } of expectations.values()) {
    const [attacks, honest] = ['attack', 'honest'].map((is) => runs.filter((run) => run.is === is));
    expect([number, attacks?.length === 0, honest?.length === 0]).toEqual([number, false, false]);
    for (const { steps } of honest ?? []) {
      const scopes = steps.at(-1)?.scopes ?? [];
      expect([number, scopes.some(({ seq }) => seq > 1)]).toEqual([number, true]);
      expect([number, scopes.every(({ state }) => state !== 'Held')]).toEqual([number, true]);
    }
    const held = attacks?.map(({ steps }) => steps.at(-1)?.scopes?.some(({ state }) => state === 'Held'));
    if (outcome === 'held')
      expect([number, held?.includes(true) === true && !held.includes(false)]).toEqual([number, true]);
    if (outcome === 'refused') expect([number, held?.some((each) => each === true)]).toEqual([number, false]);
  }
});

/** Ed25519 signatures are the same in every version of ssh-keygen. */
test.each(['18', '70'])('case %s is built again to the same bytes', async (number) => {
  const source = cases.find((each) => each.number === number);
  if (source === undefined) throw new Error(`no case ${number}`);
  const { expectation, bundle } = await buildCase(tools, source);
  const folder = join(data, folderOf(source));
  expect(`${JSON.stringify(expectation, null, 2)}\n`).toBe(
    readFileSync(join(folder, 'expectation.json'), 'utf8'),
  );
  expect(refsOf(bundle)).toBe(refsOf(readFileSync(join(folder, 'history.bundle'))));
});

/** The ids of the tips are hashes of everything below them; a pack's own bytes depend on the version of zlib. */
function refsOf(bundle: Buffer): string {
  return bundle.subarray(0, bundle.indexOf('\n\n')).toString();
}
