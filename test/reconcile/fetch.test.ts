import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openGit } from '../../src/git/index.ts';
import { systemClock } from '../../src/reconcile/clock.ts';
import { FETCH_TIMEOUTS, fetchWithin } from '../../src/reconcile/fetch.ts';
import { answerGit, serve } from '../git/http-remote.ts';
import { createFolder, createRepository } from '../repository.ts';
import { simulatedClock } from './clock.ts';

const SLICES = 40;

/** What is long comes in slices, and no more of them than this. */
function dripping(root: string, everyMs: number, slices: number) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const { end } = response;
    const drip = (bytes: Buffer) => {
      if (bytes.length < 10_000) return end.call(response, bytes, 'utf8');
      const size = Math.ceil(bytes.length / SLICES);
      let sent = 0;
      const timer = setInterval(() => {
        if (sent < slices) response.write(bytes.subarray(sent * size, (sent + 1) * size));
        sent += 1;
        if (sent < SLICES) return;
        clearInterval(timer);
        if (slices >= SLICES) end.call(response, '', 'utf8');
      }, everyMs);
      response.on('close', () => clearInterval(timer));
      return response;
    };
    answerGit(root, request, Object.assign(response, { end: drip }));
  };
}

async function clone(backend: 'isomorphic' | 'native', fetchTimeoutMs: number, slices: number) {
  const repository = await createRepository();
  onTestFinished(repository.close);
  // So much that each slice completes a packet of the pack (8 kB): git hears of nothing less.
  for (let at = 0; at < 60; at += 1)
    await repository.write(`mesh/${at}.yaml`, randomBytes(6_000).toString('hex'));
  const tip = await repository.commit('many files');
  const server = await serve(dripping(dirname(repository.dir), (3 * fetchTimeoutMs) / SLICES, slices));
  onTestFinished(server.close);
  const folder = await createFolder();
  onTestFinished(folder.close);
  const url = `${server.url}/${basename(repository.dir)}/.git`;
  const { git } = await openGit({
    ...{ backend, gitdir: join(folder.dir, 'git'), remote: { url, branch: 'main' } },
    ...{ timeoutMs: fetchTimeoutMs, environment: process.env },
  });
  onTestFinished(() => git.close());
  return { tip, fetched: fetchWithin({ git, clock: systemClock, fetchTimeoutMs }) };
}

// The git command says that it goes on, and takes its time to start.
test.each([
  ['isomorphic', 1_500],
  ['native', 4_000],
] as const)(
  'a first clone with %s may take three times as long as the remote may be silent',
  { timeout: 60_000 },
  async (backend, fetchTimeoutMs) => {
    const { tip, fetched } = await clone(backend, fetchTimeoutMs, SLICES);
    expect(await fetched).toBe(tip);
  },
);

test('one ends when the remote says nothing more', async () => {
  const { fetched } = await clone('isomorphic', 400, SLICES / 2);
  await expect(fetched).rejects.toMatchObject({
    code: 'remote-timeout',
    message: expect.stringContaining('sent nothing for 400 ms'),
    fix: expect.stringContaining('fetchTimeout'),
  });
});

test('one that goes on and on ends too', async () => {
  const clock = simulatedClock();
  let signal: AbortSignal | undefined;
  const git = {
    fetch(given?: AbortSignal) {
      signal = given;
      return new Promise<never>(() => {});
    },
  };
  const fetched = fetchWithin({ git, clock, fetchTimeoutMs: 1_000 });
  const refused = expect(fetched).rejects.toMatchObject({
    code: 'remote-timeout',
    fix: expect.stringContaining('raise fetchTimeout'),
  });
  await clock.advance(FETCH_TIMEOUTS * 1_000 - 1);
  expect(signal?.aborted).toBe(false);
  await clock.advance(1);
  await refused;
  expect([signal?.aborted, clock.pending()]).toEqual([true, 0]);
});
