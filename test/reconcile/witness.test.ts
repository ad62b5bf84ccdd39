import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScopeState } from '../../src/governance/index.ts';
import { nodeFiles } from '../../src/reconcile/files.ts';
import {
  disagreements,
  MAX_REFUSED,
  readWitness,
  type Witness,
  withRefused,
  witnessOf,
  writeWitness,
} from '../../src/reconcile/witness.ts';
import { createWorld } from '../governance/world.ts';
import { createFolder } from '../repository.ts';
import { testDisk } from './files.ts';

let folder: Awaited<ReturnType<typeof createFolder>>;
let file: string;
beforeEach(async () => {
  folder = await createFolder();
  file = join(folder.dir, 'witness.json');
});
afterEach(() => folder.close());

const world = createWorld({ threshold: 1 });
world.add('g', {});
world.add('a', { parents: ['g'], S: '1', by: 'x' });
const pin = await world.pin();
const atGenesis = witnessOf('mesh', await world.state('g'), null);
const atA = witnessOf('mesh', await world.state('a'), null);
const read = () => readWitness(nodeFiles, file, 'mesh', pin);
const code = (code: string) => expect.objectContaining({ code });

describe('witness', () => {
  it('is absent before the first', async () => {
    expect(await read()).toBeNull();
  });

  it('comes back as it was written', async () => {
    const witness = withRefused(atA, { tip: 'a'.repeat(40), rule: 'G9', reason: 'dropped' });
    await writeWitness(nodeFiles, file, witness);
    expect(await read()).toEqual(witness);
    const scopes = new Map(witness.scopes.flat());
    expect(scopes.get(world.uid.S)).toMatchObject({ path: 's', seq: 2, epoch: world.ids.get('a') });
  });

  it('is the same text whatever was witnessed before', async () => {
    const state = await world.state('a');
    const scopes = Array.from({ length: 300 }, (_, index): ScopeState => {
      const uid = index.toString(16).padStart(64, '0');
      return { ...([...state.scopes.values()][0] as ScopeState), uid, seq: index + 1 };
    });
    const stateOf = (all: readonly ScopeState[]) => ({
      ...state,
      scopes: new Map(all.map((scope) => [scope.uid, scope])),
    });
    const textOf = async (witness: Witness) => {
      await writeWitness(nodeFiles, file, witness);
      return readFile(file, 'utf8');
    };
    let before: Witness | null = null;
    const edited = scopes.with(70, { ...(scopes[70] as ScopeState), seq: 999 });
    for (const all of [scopes, edited, edited.slice(1), edited.toReversed(), [], scopes]) {
      const witness: Witness = witnessOf('mesh', stateOf(all), before);
      expect(await textOf(witness)).toBe(await textOf(witnessOf('mesh', stateOf(all), null)));
      before = witness;
    }
    const again = witnessOf('mesh', stateOf(edited), before);
    expect(again.scopes.map((group, index) => group === before?.scopes[index])).toEqual([
      ...[true, false, true, true, true],
    ]);
  });

  it('is the old or the new one, whole, after a crash at any step', async () => {
    const disk = testDisk();
    await writeWitness(disk, file, atGenesis);
    const steps = disk.steps();
    expect(steps).toBeGreaterThanOrEqual(3);
    for (let step = 1; step <= steps; step++) {
      await writeWitness(disk, file, atGenesis);
      disk.dieAt(step);
      await expect(writeWitness(disk, file, atA)).rejects.toThrow('off');
      disk.revive();
      expect([atGenesis, atA]).toContainEqual(await read());
    }
  });

  it('stays as it was when the disk is full', async () => {
    const disk = testDisk();
    await writeWitness(disk, file, atGenesis);
    disk.fill('full');
    await expect(writeWitness(disk, file, atA)).rejects.toEqual(code('disk-full'));
    expect(await read()).toEqual(atGenesis);
    disk.fill('free');
    await writeWitness(disk, file, atA);
    expect(await read()).toEqual(atA);
  });

  it('keeps a refused tip once, and not more than its cap', () => {
    let witness: Witness = atA;
    const refused = (i: number) => ({ tip: i.toString(16).padStart(40, '0'), rule: 'G9', reason: 'dropped' });
    for (let i = 0; i < MAX_REFUSED + 5; i++)
      witness = withRefused(withRefused(witness, refused(i)), refused(i));
    expect(witness.refused).toHaveLength(MAX_REFUSED);
    expect(witness.refused.at(-1)).toEqual(refused(MAX_REFUSED + 4));
  });

  it('names the scopes that are not as they were witnessed', async () => {
    expect(disagreements(atA, await world.state('a'))).toEqual([]);
    expect(disagreements(atGenesis, await world.state('a'))).toEqual([world.uid.S]);
    expect(disagreements({ ...atA, scopes: [] }, await world.state('a'))).toHaveLength(2);
  });
});

describe('a witness that is not whole', () => {
  const whole = () => readFile(file, 'utf8').then((text) => JSON.parse(text));
  const changes: readonly [string, (value: Record<string, unknown>) => unknown][] = [
    ['a number', () => 7],
    ['null', () => null],
    ['an array', () => []],
    ['another kind', (value) => ({ ...value, kind: 'Pin' })],
    ['a missing member', ({ refused: _, ...rest }) => rest],
    ['a further member', (value) => ({ ...value, more: 1 })],
    ['a short tip', (value) => ({ ...value, tip: 'abc' })],
    ['a scope without a seq', (value) => ({ ...value, scopes: { ['0'.repeat(64)]: { path: 's' } } })],
    ['a uid that is none', (value) => ({ ...value, scopes: { s: { path: 's' } } })],
    ['refusals that are no list', (value) => ({ ...value, refused: {} })],
    ['too many refusals', (value) => ({ ...value, refused: Array(MAX_REFUSED + 1).fill({}) })],
  ];

  it.each(changes)('is refused: %s', async (_, change) => {
    await writeWitness(nodeFiles, file, atA);
    await writeFile(file, JSON.stringify(change(await whole())));
    await expect(read()).rejects.toEqual(code('witness-corrupt'));
  });

  it.each(['', '{', 'null\u0000'])('is refused: %j', async (text) => {
    await writeFile(file, text);
    await expect(read()).rejects.toEqual(code('witness-corrupt'));
  });

  it.each([{ repository: 'other' }, { genesis: 'f'.repeat(40) }, { path: '.' }])(
    'is of another pin: %j',
    async (change) => {
      await writeWitness(nodeFiles, file, { ...atA, ...change });
      await expect(read()).rejects.toEqual(code('witness-mismatch'));
    },
  );
});
