/**
 * `npm run test:mutation -- --count 100 --seed 1`: changes one place of `src/{policy,votes,governance}` at a time and asks the tests. Prints the
 * survivors, which are for a person to judge: a missing test, or a change that changes nothing. Never part of `npm test`.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Mutant, mutantsOf, sampleOf } from './mutants.ts';

const root = join(import.meta.dirname, '..', '..');
const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { count: text, seed: text, room: text } });
const [count, seed] = [Number(values.count ?? 100), values.seed ?? '1'];
const rooms = values.room === undefined ? ['src/policy', 'src/votes', 'src/governance'] : [values.room];
const TIMEOUT_MS = 900_000;

/** A copy of the checkout, in which one file at a time is another. */
async function copyOfCheckout(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-mutation-'));
  for (const name of [
    'src',
    'test',
    'schemas',
    'scripts',
    'examples-repo',
    'package.json',
    'vitest.config.ts',
    'tsconfig.json',
  ])
    await cp(join(root, name), join(dir, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}

/** The quick ones first: most mutants fall to them. */
const TESTS = [['test/policy', 'test/votes', 'test/governance'], ['test/conformance/conformance.test.ts']];

/** Whether a test fails, or nothing comes to an end. */
async function isNoticed(dir: string): Promise<boolean> {
  for (const tests of TESTS) if (await fails(dir, ...tests)) return true;
  return false;
}

function fails(dir: string, ...tests: readonly string[]): Promise<boolean> {
  const args = [join('node_modules', 'vitest', 'vitest.mjs'), 'run', '--no-isolate', '--bail', '1', ...tests];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: dir, timeout: TIMEOUT_MS }, (error) => resolve(error !== null));
  });
}

const all: Mutant[] = [];
for (const room of rooms)
  for (const name of (await readdir(join(root, room))).filter((each) => each.endsWith('.ts')).sort()) {
    const file = join(room, name);
    all.push(...mutantsOf(file, await readFile(join(root, file), 'utf8')));
  }
const sample = sampleOf(all, count, seed);
const dir = await copyOfCheckout();
if (await isNoticed(dir)) throw new Error('the tests fail without any mutant');
let survivors = 0;
for (const [at, { file, line, before, after, text: mutated }] of sample.entries()) {
  const original = await readFile(join(dir, file), 'utf8');
  await writeFile(join(dir, file), mutated);
  const noticed = await isNoticed(dir);
  await writeFile(join(dir, file), original);
  if (!noticed) survivors += 1;
  const change = noticed ? '' : `\n  - ${before.trim()}\n  + ${after.trim()}`;
  process.stdout.write(
    `${at + 1}/${sample.length} ${noticed ? 'noticed ' : 'SURVIVED'} ${file}:${line}${change}\n`,
  );
}
await rm(dir, { recursive: true });
process.stdout.write(`${sample.length} of ${all.length} mutants (seed ${seed}): ${survivors} survived\n`);
