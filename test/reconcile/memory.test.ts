import { join } from 'node:path';
import { expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';
import type { LineState, ScopeState } from '../../src/governance/index.ts';
import { nodeFiles } from '../../src/reconcile/files.ts';
import { createMemory, type MemoryOptions } from '../../src/reconcile/memory.ts';
import { createWorld } from '../governance/world.ts';
import { createFolder } from '../repository.ts';

/** Counts who goes through all scopes. */
class Counted extends Map<string, ScopeState> {
  times = 0;
  override keys() {
    this.times += 1;
    return super.keys();
  }
}

test('a state that agreed with the witness is not held against it again; another one of the same tip is', async () => {
  await using folder = await createDisposable();
  const world = createWorld({ threshold: 1 });
  world.add('g', {});
  const known = must(await world.state('g'));
  const stateOf = (scopes: Counted): LineState => ({ ...known, scopes });
  const counted = new Counted(known.scopes);
  const state = stateOf(counted);
  const about = { name: 'mesh', pin: await world.pin(), files: nodeFiles };
  const memory = createMemory({ ...about, witness: join(folder.dir, 'witness.json') } as MemoryOptions);
  for (let run = 0; run < 5; run += 1) await memory.remember(state);
  expect(counted.times).toBe(1);

  const [[uid, scope] = []] = known.scopes;
  const other = new Counted(known.scopes).set(must(uid), { ...must(scope), seq: 7 });
  await expect(memory.remember(stateOf(other as Counted))).rejects.toMatchObject({
    code: 'witness-mismatch',
  });
  await expect(memory.remember(stateOf(other as Counted))).rejects.toMatchObject({
    code: 'witness-mismatch',
  });
  await memory.remember(state);
});

async function createDisposable() {
  const folder = await createFolder();
  return { dir: folder.dir, [Symbol.asyncDispose]: () => folder.close() };
}
