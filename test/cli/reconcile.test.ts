import { rename } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/index.ts';
import { createServer } from '../../src/main.ts';
import { apiSource, ask, createSite, quiet, world } from '../server.ts';
import { createHome, type Home } from './fairlead.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

test('what was pushed is served, held or not reached when the command ends', async () => {
  const { config, change, repository, close } = await createSite();
  cleanup.push(close);
  const server = await createServer(config, world);
  cleanup.push(server.close);
  const address = ['--server', `http://127.0.0.1:${server.httpPort}`];
  const reconcile = (...args: readonly string[]) => home.fairlead('.', 'reconcile', ...args, ...address);

  // What it does by itself is done: from here on it does what it is asked to.
  await ask<Repositories>(
    server.httpPort,
    '/api/v1/repositories',
    ({ items }) => items[0]?.runs.finished === 1,
  );

  const tip = await change('signed', 'alice');
  const before = JSON.parse((await reconcile('-o', 'json')).out);
  expect(before.followedTip).not.toBe(tip);
  const served = await reconcile('--with-source', '-o', 'json', '--wait');
  expect(served.code).toBe(0);
  expect(JSON.parse(served.out)).toMatchObject({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'Reconciliation',
    repository: 'mesh',
    followedTip: tip,
    appliedRevision: tip,
    held: [],
  });
  expect(served.err).toContain('mesh: no proxy is connected\n');

  await change('unsigned');
  const held = await reconcile('mesh', '--with-source');
  expect(held.code).toBe(3);
  expect(held.out).toContain('acme is held (');

  await rename(repository.gitdir, `${repository.gitdir}.away`);
  const away = await reconcile('--with-source');
  expect(away).toMatchObject({ code: 2, out: '', err: expect.stringContaining('[remote-unreachable]') });
  expect(await reconcile()).toMatchObject({
    code: 3,
    err: expect.stringContaining('judges what it fetched'),
  });
});

type Repository = ReturnType<typeof repository>;
interface Repositories {
  readonly items: readonly Repository[];
}

const conditions = (more: Readonly<Record<string, readonly [string, string]>> = {}) =>
  Object.entries({
    Valid: ['True', ''],
    Translated: ['True', ''],
    Distributed: ['True', 'by all'],
    ...more,
  }).map(([type, [status, message]]) => ({ type, status, message }));

function repository(more: object = {}) {
  return {
    name: 'mesh',
    followedTip: 'a'.repeat(40),
    appliedRevision: 'a'.repeat(40),
    runs: { started: 5, finished: 5 },
    failure: null,
    refused: null as object | null,
    conditions: conditions(),
    ...more,
  };
}

const finished = { runs: { started: 6, finished: 6 } };

describe('of a server that answers', () => {
  /** The lists that it answers with, one after the other; the last stays. */
  async function answering(...answers: readonly (readonly Repository[])[]): Promise<readonly string[]> {
    let next = 0;
    const source = apiSource({
      repositories: () => answers[Math.min(next++, answers.length - 1)] ?? [],
    });
    const api = createApi(source, quiet);
    const port = await api.listen('127.0.0.1', 0);
    cleanup.push(() => api.close());
    return ['--server', `http://127.0.0.1:${port}`];
  }
  const run = (...args: readonly string[]) => home.fairlead('.', 'reconcile', ...args);

  test('waits for a run that began after it asked', async () => {
    const during = repository({ runs: { started: 6, finished: 5 } });
    const server = await answering([repository()], [during], [during], [repository(finished)]);
    expect(await run(...server)).toMatchObject({ code: 0 });
  });

  test('knows a server that was restarted meanwhile', async () => {
    const anew = repository({ runs: { started: 1, finished: 1 } });
    expect(await run(...(await answering([repository()], [anew])))).toMatchObject({ code: 0 });
  });

  test('a refused tip is code 3, with rule and reason', async () => {
    const refused = { tip: 'b'.repeat(40), rule: 'G9', reason: 'it is no descendant' };
    const server = await answering([repository()], [repository({ ...finished, refused })]);
    const { code, out } = await run(...server);
    expect(code).toBe(3);
    expect(out).toContain('the tip bbbbbbbbbb is refused (G9): it is no descendant');
  });

  test('a remote that offers what is behind is told, and is code 1', async () => {
    const stale = {
      type: 'SourceVerified',
      status: 'True',
      reason: 'Stale',
      message: 'the remote is behind',
    };
    const behind = repository({ ...finished, conditions: [...conditions({}), stale] });
    const ran = await run('--with-source', ...(await answering([repository()], [behind])));
    expect(ran).toMatchObject({ code: 1, out: expect.stringMatching(/^the remote is behind$/m) });
    // Who asks nothing of the remote does not wait for it.
    expect(await run(...(await answering([repository()], [behind])))).toMatchObject({ code: 0 });
  });

  test('a repository is named as everywhere else', async () => {
    const server = await answering([repository()], [repository(finished)]);
    expect(await run('repository/mesh', ...server)).toMatchObject({ code: 0 });
    const slip = await run('mash', ...(await answering([repository()])));
    expect(slip).toMatchObject({ code: 2, err: expect.stringContaining('did you mean mesh?') });
    expect(slip.err).toContain('there is no repository mash [target-unknown]');
  });

  test('with --wait says how many proxies have answered, as long as one has not', async () => {
    const progress = (acked: number) =>
      repository({
        ...finished,
        conditions: conditions({ Distributed: ['Unknown', `${acked} of 2 proxies acknowledged`] }),
      });
    const server = await answering(
      [repository()],
      [progress(0)],
      [progress(0)],
      [progress(1)],
      [repository(finished)],
    );
    const { code, err } = await run('--wait', ...server);
    expect(code).toBe(0);
    expect(err.split('\n').slice(2, -1)).toEqual([
      'mesh: 0 of 2 proxies acknowledged',
      'mesh: 1 of 2 proxies acknowledged',
      'mesh: by all',
    ]);
  });

  test.each([
    ['Distributed', ['--wait'], 1],
    ['Distributed', [], 0],
    ['Valid', [], 1],
    ['Translated', [], 1],
  ] as const)('where it is not %s, with %j: code %i', async (type, args, code) => {
    const not = repository({ ...finished, conditions: conditions({ [type]: ['False', 'one of it'] }) });
    const server = await answering([repository()], [not]);
    expect(await run(...args, ...server)).toMatchObject({ code });
  });

  test.each([
    ['a run that never ends', [], [repository()]],
    ['proxies that never answer', ['--wait'], [repository({ ...finished, conditions: [] })]],
  ])('%s ends by --timeout, code 4', async (_, args, then) => {
    const server = await answering([repository()], then);
    const { code, err } = await run('--timeout', '300ms', ...args, ...server);
    expect(code).toBe(4);
    expect(err).toContain('[reconcile-timeout]');
  });

  test.each([
    ['a slip', ['mehs'], 'did you mean mesh?'],
    ['a name that is none', ['other'], 'name one of: repository/mesh, repository/edge'],
    ['no name where there are two', [], 'name one of: repository/mesh, repository/edge'],
  ])('%s is an error', async (_, args, fix) => {
    const server = await answering([repository(), repository({ name: 'edge' })]);
    const { code, err } = await run(...args, ...server);
    expect(code).toBe(2);
    expect(err).toContain(`fix: ${fix}`);
  });
});

test.each([
  [['--timeout', 'soon'], 64],
  [['--timeout', '0s'], 64],
  [['--server', 'nowhere'], 2],
  [['--server', 'http://127.0.0.1:1'], 2],
])('%j: code %i', async (args, code) => {
  expect(await home.fairlead('.', 'reconcile', ...args)).toMatchObject({ code, out: '' });
});
