import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createTreeDigests,
  type GitBackend,
  type ObjectId,
  openIsomorphic,
  openNative,
} from '../src/git/index.ts';
import { formatVerification, makePin } from '../src/governance/index.ts';
import { type PipelineResult, pipeline } from '../src/pipeline.ts';
import { type Ruleset, ruleset1 } from '../src/policy/index.ts';
import { formatApproval } from '../src/votes/index.ts';
import { type InstalledKeys, installKeys } from './keys/index.ts';
import { createFolder, createRepository, type TestRepository } from './repository.ts';
import { printed, proxyAt } from './translate/world.ts';

/**
 * The story of the examples' repository, and what each stage makes of its end: `test/golden/examples/`. Dates are
 * fixed and Ed25519 is deterministic, so its ids are the same in every run. `vitest run test/pipeline.test.ts -u`
 * rewrites the files; look at the difference.
 */
const golden = join(import.meta.dirname, 'golden/examples');
const examples = join(import.meta.dirname, '../examples-repo');
const proxies = { demo: proxyAt('127.0.0.1', 'demo'), payments: proxyAt('127.0.0.1', 'payments') };
/** The examples are signed with the published test keys, which no real line may name. */
const ruleset: Ruleset = { ...ruleset1, refusedKeys: new Set() };

type Result = Extract<PipelineResult, { ok: true }>;
type Story = Readonly<Record<'genesis' | 'merged' | 'approved' | 'edited', Result>>;

const folder = await createFolder();
let keys: InstalledKeys;
let story: Story;
beforeAll(async () => {
  keys = installKeys(folder.dir);
  story = await tell();
});
afterAll(async () => {
  keys.close();
  await folder.close();
});

test('the canary waits for a second anchor, and an unsigned edit changes nothing that is served', () => {
  expect(root(story.genesis)).toMatchObject({ seq: 1, hold: null });
  expect(root(story.merged)).toMatchObject({ seq: 1, hold: { signed: ['alice'], needed: 2 } });
  expect(root(story.approved)).toMatchObject({ seq: 2, hold: null });
  expect(root(story.edited)).toMatchObject({ seq: 2, hold: { signed: [], needed: 2 } });
  expect(story.merged.mesh).toEqual(story.genesis.mesh);
  expect(story.approved.mesh).not.toEqual(story.genesis.mesh);
  expect(story.edited.mesh).toEqual(story.approved.mesh);
  expect(story.edited.problems).toEqual([]);
});

describe('every stage says what it said before', () => {
  const stages: Readonly<Record<string, (result: Result) => string>> = {
    governance: ({ state }) => formatVerification(state),
    manifests: ({ resources }) =>
      json(
        resources.map(({ scope, resources: own, problems }) => ({
          scope: scope.path,
          resources: own,
          problems,
        })),
      ),
    mesh: ({ mesh, endpoints, problems }) =>
      json({ mesh, endpoints: Object.fromEntries(endpoints), problems }),
    ...Object.fromEntries(
      Object.entries(proxies).map(([name, { id }]) => [
        `snapshot-${name}`,
        ({ snapshots }: Result) => {
          const snapshot = snapshots.get(id);
          return snapshot === undefined ? '' : json({ status: snapshot.status, ...printed(snapshot) });
        },
      ]),
    ),
  };

  test.each(Object.entries(stages))('%s', async (name, shown) => {
    await expect(shown(story.edited)).toMatchFileSnapshot(join(golden, `${name}.json`));
  });

  test('the same story told again, elsewhere, has the same ids and ends in the same bytes', async () => {
    const again = await tell();
    for (const shown of Object.values(stages)) expect(shown(again.edited)).toBe(shown(story.edited));
  });

  test('read by the git command, the story ends in the same bytes at every step', async () => {
    const native = await tell((gitdir) => openNative({ gitdir, environment: process.env }));
    for (const step of ['genesis', 'merged', 'approved', 'edited'] as const) {
      for (const shown of Object.values(stages)) expect(shown(native[step])).toBe(shown(story[step]));
    }
  });

  test('no golden file is left over', () => {
    expect(readdirSync(golden).sort()).toEqual(
      Object.keys(stages)
        .map((name) => `${name}.json`)
        .sort(),
    );
  });
});

test('without its keys being allowed, the examples are no line at all', async () => {
  const repository = await createRepository();
  const at = await begin(repository);
  const objects = await openIsomorphic({ gitdir: repository.gitdir });
  const pinned = await makePin(objects, createTreeDigests(objects), at, 'mesh');
  expect(pinned).toMatchObject({ ok: false });
  await repository.close();
});

/** Genesis; a canary that alice signs, merged by a forge; bo's statement; an edit that nobody signs. */
async function tell(open: Open = (gitdir) => openIsomorphic({ gitdir })): Promise<Story> {
  const repository = await createRepository();
  const genesis = await begin(repository);
  const read = await reader(() => open(repository.gitdir), genesis);

  await repository.branch('canary');
  await edit(repository, 'mesh/echo/routes.yaml', /weight: [19]0/g, 'weight: 50');
  await repository.commit('Half of echo goes to v2', { sign: { ssh: keys.ssh.alice } });
  await repository.checkout('main');
  const merged = await read(await repository.merge('canary', 'Merge pull request #1', { author: FORGE }));

  const { uid, hold } = root(merged);
  if (hold?.candidate == null) throw new Error('nothing to approve');
  const approved = await repository.commit(
    `Approve the canary\n\n${formatApproval({ uid, ...hold.candidate })}`,
    {
      author: 'Bo <bo@example.test>',
      sign: { ssh: keys.ssh.bo },
    },
  );

  await edit(repository, 'mesh/hello/service.yaml', /port: 80$/m, 'port: 8080');
  const edited = await repository.commit('Move hello', { author: 'Mallory <mallory@example.test>' });
  const told = {
    genesis: await read(genesis),
    merged,
    approved: await read(approved),
    edited: await read(edited),
  };
  await repository.close();
  return told;
}

const FORGE = 'Forge <forge@example.test>';

async function begin(repository: TestRepository): Promise<ObjectId> {
  const files = readdirSync(examples, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name);
    await repository.write(file.slice(examples.length + 1), readFileSync(file));
  }
  return repository.commit('Begin');
}

type Open = (gitdir: string) => Promise<GitBackend>;

async function reader(
  open: () => Promise<GitBackend>,
  genesis: ObjectId,
): Promise<(tip: ObjectId) => Promise<Result>> {
  const first = await open();
  const pinned = await makePin(first, createTreeDigests(first), genesis, 'mesh', ruleset);
  await first.close();
  if (!pinned.ok) throw new Error(pinned.reason);
  return async (tip) => {
    const objects = await open();
    const input = { objects, pin: pinned.pin, tip, proxies: Object.values(proxies), ruleset };
    const result = await pipeline(input);
    await objects.close();
    if (!result.ok) throw new Error(result.reason);
    return result;
  };
}

/** Changes a file of the worktree; throws where there is nothing to change. */
async function edit(repository: TestRepository, path: string, from: RegExp, to: string): Promise<void> {
  const before = readFileSync(join(repository.dir, path), 'utf8');
  const after = before.replace(from, to);
  if (after === before) throw new Error(`${path} has no ${from}`);
  await repository.write(path, after);
}

function root({ state }: Result) {
  const scope = state.scopes.get(state.pin.uid);
  if (scope === undefined) throw new Error('the pinned scope is gone');
  return scope;
}

/** Maps as objects, in their own order. */
function json(value: unknown): string {
  const plain = (_: string, part: unknown) => (part instanceof Map ? Object.fromEntries(part) : part);
  return `${JSON.stringify(value, plain, 2)}\n`;
}
