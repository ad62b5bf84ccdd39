import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import { answerGit, serve } from '../git/http-remote.ts';
import { createSite, followed, hint, type Site } from '../server.ts';
import { startServer } from './process.ts';

const run = promisify(execFile);
const cleanup: (() => Promise<unknown>)[] = [];
let site: Site;
beforeEach(async () => {
  site = await createSite();
  cleanup.push(site.close);
});
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

type Repository = {
  readonly appliedRevision: string | null;
  readonly failure: { readonly code: string } | null;
  readonly refused: { readonly tip: string } | null;
  readonly runs: { readonly finished: number };
};

/** A server of its own process. */
type Running = {
  readonly port: number;
  /** What it says of its repository, once `accept` takes it. */
  when(accept: (repository: Repository) => boolean): Promise<void>;
  verification(): Promise<string>;
};

async function start(more: {
  readonly dataDir: string;
  readonly repository?: string;
  readonly wrapper?: readonly string[];
}): Promise<Running> {
  const { repository, pin } = followed(site.config);
  const [port = 0] = await freePorts(1);
  const from = ['--repository', more.repository ?? repository, '--pin', pin, '--data-dir', more.dataDir];
  const ports = ['--xds', '127.0.0.1:0', '--http', `127.0.0.1:${port}`];
  const flags = [...from, ...ports, '--poll', '1h', '--fetch-timeout', '2s'];
  const log = join(site.folder, 'log');
  const server = startServer({ flags, log, ...(more.wrapper && { wrapper: more.wrapper }) });
  cleanup.push(() => server.kill('SIGKILL'));
  const answer = async (path: string) => (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).text();
  return {
    port,
    async when(accept) {
      let last = '';
      const accepted = async () => {
        last = await answer('repositories').catch((error: Error) => error.message);
        return last.startsWith('{') && accept(JSON.parse(last).items[0]);
      };
      await expect
        .poll(accepted, { timeout: 60_000, interval: 50 })
        .toBe(true)
        .catch(async (cause) => {
          throw new Error(`it says ${last}, and logged ${await server.log()}`, { cause });
        });
    },
    verification: () => answer('repositories/mesh/verification'),
  };
}

const serves = (tip: string) => (repository: Repository) =>
  repository.appliedRevision === tip && repository.failure === null;
const fails = (code: RegExp, tip: string) => (repository: Repository) =>
  code.test(repository.failure?.code ?? '') && repository.appliedRevision === tip;

it('says the same with the clock a year ahead and a year behind', async () => {
  await site.change('signed', 'alice');
  const tip = await site.change('held');
  const clocks = [[], ...['+365d', '-365d'].map((offset) => ['faketime', '-f', offset])];
  const said = await Promise.all(
    clocks.map(async (wrapper, at) => {
      const dataDir = join(site.folder, `clock-${at}`);
      const server = await start({ dataDir, wrapper });
      await server.when(serves(tip));
      return server.verification();
    }),
  );
  expect(said[0]).toContain('"held"');
  expect(new Set(said).size).toBe(1);
});

it('serves on with a full disk, says so, and goes on when there is room', async () => {
  const dataDir = join(site.folder, 'small');
  await mkdir(dataDir);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', dataDir]);
  cleanup.push(() => run('umount', ['--lazy', dataDir]));
  const before = await site.change('before', 'alice');
  const server = await start({ dataDir });
  await server.when(serves(before));
  const ballast = join(dataDir, 'ballast');
  await writeFile(ballast, Buffer.alloc(1_000_000)).catch((error: NodeJS.ErrnoException) => {
    expect(error.code).toBe('ENOSPC');
  });
  const tip = await site.change('after', 'alice');
  await hint(server.port);
  await server.when(fails(/^disk-full$/, before));
  await rm(ballast);
  await hint(server.port);
  await server.when(serves(tip));
});

it('serves on what was accepted while the remote hangs, sends garbage, breaks off or is of long ago', async () => {
  type Answer = (request: IncomingMessage, response: ServerResponse) => void;
  const { dir } = site.repository;
  const good: Answer = (request, response) => answerGit(dirname(dir), request, response);
  let answer = good;
  const remote = await serve((request, response) => answer(request, response));
  cleanup.push(remote.close);
  const old = await site.change('old', 'alice');
  const tip = await site.change('new', 'alice');
  const repository = `${remote.url}/${basename(dir)}/.git`;
  const server = await start({ dataDir: join(site.folder, 'remote'), repository });
  await server.when(serves(tip));
  const said = await server.verification();
  const wrong: readonly (readonly [Answer, RegExp])[] = [
    [() => {}, /^remote-(?:timeout|unreachable)$/],
    [(_, response) => response.end(Buffer.alloc(100_000, 'garbage')), /^remote-unreachable$/],
    [(_, response) => response.socket?.destroy(), /^remote-unreachable$/],
  ];
  for (const [next, code] of wrong) {
    answer = next;
    await hint(server.port);
    await server.when(fails(code, tip));
    expect(await server.verification()).toBe(said);
    answer = good;
    await hint(server.port);
    await server.when(serves(tip));
  }
  await site.repository.git('reset', '--quiet', '--hard', old);
  let finished = 0;
  await server.when(({ runs }) => {
    finished = runs.finished;
    return true;
  });
  await hint(server.port);
  await server.when((repository) => repository.runs.finished > finished && serves(tip)(repository));
  expect(await server.verification()).toBe(said);
});
