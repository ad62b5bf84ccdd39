import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTreeDigests } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { keepProof, MAX_PROOFS, type Proof, proofOf } from '../../src/reconcile/proofs.ts';
import { createWorld } from '../governance/world.ts';
import { createFolder } from '../repository.ts';
import { testDisk } from './files.ts';
import { simulate } from './simulation.ts';

/** g ← a ← b is followed. What each other tip does to it says its name. */
const world = createWorld({ threshold: 1 });
world.add('g', {});
const a = world.add('a', { parents: ['g'], S: '1', by: 'x' });
const b = world.add('b', { parents: ['a'], S: '2', by: 'y' });
const force = world.add('force', { parents: ['a'], S: '3', by: 'x' });
const earlier = world.add('earlier', { parents: ['g'], S: '4', by: 'x' });
const same = world.add('same', { parents: ['g'], S: '1', by: 'z' });
world.add('dev', { parents: ['a'], C: '9' });
const foxtrot = world.add('foxtrot', { parents: ['dev', 'b'], S: '2' });
const unsigned = world.add('unsigned', { parents: ['a'], S: '666' });
const other = world.add('other', { S: '5' });
const pin = await world.pin();

let folder: Awaited<ReturnType<typeof createFolder>>;
beforeEach(async () => {
  folder = await createFolder();
});
afterEach(() => folder.close());

const start = (disk = testDisk()) =>
  simulate({ objects: world.objects, pin, witness: join(folder.dir, 'witness.json'), disk });
const proofs = () => readdir(join(folder.dir, 'proofs')).catch(() => []);
const proof = async (tip: string): Promise<Proof> =>
  JSON.parse(await readFile(join(folder.dir, 'proofs', `${tip}.json`), 'utf8'));

/** Follows b, then is offered a tip. */
async function offered(tip: string) {
  const simulation = start();
  for (const next of [b, tip]) {
    simulation.offer(next);
    await simulation.run();
  }
  return simulation;
}

describe('a refused tip', () => {
  it.each([
    ['a force-push with another mutation from the same epoch', force, a, [3]],
    ['a force-push with another one from an older epoch', earlier, pin.commit, [2]],
    ['the same mutation signed again: no conflict', same, pin.commit, []],
    ['a foxtrot: nothing else was accepted', foxtrot, a, []],
    ['a force-push that nobody signed', unsigned, a, []],
    ['another genesis: never judged', other, null, null],
  ])('is kept with both sides: %s', async (_, tip, fork, seqs) => {
    const { loop } = await offered(tip);
    expect(loop.status()).toMatchObject({ followedTip: b, refused: { tip, rule: 'G9' } });
    expect(await proofs()).toEqual([`${tip}.json`]);
    const kept = await proof(tip);
    expect(kept).toMatchObject({ kind: 'Proof', pin, followed: b, refused: { tip, rule: 'G9' }, fork });
    expect(kept.conflicts?.map(({ seq }) => seq) ?? null).toEqual(seqs);
    const ref = (side: string) => readFile(join(folder.dir, 'git/refs/proofs', tip, side), 'utf8');
    expect([await ref('followed'), await ref('refused')]).toEqual([`${b}\n`, `${tip}\n`]);
  });

  it('that moves the main line back is stale: nothing is refused, and nothing was signed twice', async () => {
    const { loop } = await offered(a);
    expect(loop.status()).toMatchObject({ followedTip: b, refused: null });
    expect(await proofs()).toEqual([]);
  });

  it('names who signed both, with the signed bytes of each', async () => {
    await offered(earlier);
    const [conflict] = (await proof(earlier)).conflicts ?? [];
    expect(conflict).toMatchObject({ uid: world.uid.S, path: 's', seq: 2, base: await world.own('g') });
    expect(conflict?.both).toEqual(['x']);
    expect(conflict?.followed).toMatchObject({ commit: a, next: await world.own('a') });
    expect(conflict?.refused).toMatchObject({ commit: earlier, next: await world.own('earlier') });
    for (const side of [conflict?.followed, conflict?.refused]) {
      const [vote] = side?.votes ?? [];
      expect(vote?.armor).toMatch(/^-----BEGIN SSH SIGNATURE-----\n/);
      const signed = Buffer.from(vote?.signed ?? '', 'base64').toString();
      expect(signed).toMatch(/^tree [0-9a-f]{40}\nparent /);
      expect(signed).not.toContain('gpgsig');
    }
  });

  it('is kept by the next run where the disk was full, and once', async () => {
    const disk = testDisk();
    const simulation = start(disk);
    simulation.offer(b);
    await simulation.run();
    disk.fill('full');
    simulation.offer(force);
    await simulation.run();
    expect(simulation.loop.status()).toMatchObject({
      failure: { code: 'disk-full' },
      refused: { tip: force },
    });
    expect(await proofs()).not.toContain(`${force}.json`);
    disk.fill('free');
    await simulation.run();
    expect(simulation.loop.status().failure).toBeNull();
    const kept = await readFile(join(folder.dir, 'proofs', `${force}.json`), 'utf8');
    const steps = disk.steps();
    await simulation.run();
    expect(disk.steps()).toBe(steps);
    expect(JSON.parse(kept).conflicts).toHaveLength(1);
  });

  it('is kept whole or not at all, wherever the machine dies', async () => {
    const line = openLine(world.objects, createTreeDigests(world.objects), pin);
    const refused = { tip: force, rule: 'G9', reason: 'dropped' };
    const made = await proofOf('mesh', line, world.objects, await world.state('b'), refused);
    const places = { folder: join(folder.dir, 'proofs'), gitdir: join(folder.dir, 'git') };
    const disk = testDisk();
    await keepProof(disk, places, made);
    for (let step = disk.steps(); step >= 1; step -= 1) {
      await rm(places.folder, { recursive: true });
      disk.dieAt(step);
      await expect(keepProof(disk, places, made)).rejects.toThrow('off');
      disk.revive();
      const found = (await proofs()).filter((name) => name.endsWith('.json'));
      for (const name of found) expect(await proof(name.slice(0, 40))).toMatchObject({ followed: b });
      expect(await keepProof(disk, places, made)).toBe(true);
      expect(await proof(force)).toMatchObject({ conflicts: [{ seq: 3 }] });
    }
  });

  it('never pushes out those that came before', async () => {
    const places = { folder: join(folder.dir, 'proofs'), gitdir: join(folder.dir, 'git') };
    const line = openLine(world.objects, createTreeDigests(world.objects), pin);
    const refused = { tip: force, rule: 'G9', reason: 'dropped' };
    const made = await proofOf('mesh', line, world.objects, await world.state('b'), refused);
    const tipped = (i: number) => ({ ...made, refused: { ...refused, tip: String(i).padStart(40, '0') } });
    for (let i = 0; i < MAX_PROOFS; i += 1) expect(await keepProof(testDisk(), places, tipped(i))).toBe(true);
    expect(await keepProof(testDisk(), places, made)).toBe(false);
    expect(await keepProof(testDisk(), places, tipped(0))).toBe(true);
    expect(await proofs()).toHaveLength(MAX_PROOFS);
  });

  it('is refused and kept though objects of it are withheld', async () => {
    const { tree } = await world.objects.commit(force);
    const objects = {
      ...world.objects,
      tree: (id: string) => world.objects.tree(id === tree ? 'f'.repeat(40) : id),
    };
    const simulation = simulate({ objects, pin, witness: join(folder.dir, 'witness.json') });
    for (const next of [b, force]) {
      simulation.offer(next);
      await simulation.run();
    }
    expect(simulation.loop.status()).toMatchObject({
      followedTip: b,
      refused: { tip: force },
      failure: null,
    });
    expect(await proof(force)).toMatchObject({ fork: a, conflicts: null });
  });
});
