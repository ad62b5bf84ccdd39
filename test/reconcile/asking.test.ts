import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import { openGit } from '../../src/git/index.ts';
import { Asking } from '../../src/reconcile/asking.ts';
import { createTelemetry } from '../../src/telemetry/index.ts';
import { answerGit, serve } from '../git/http-remote.ts';
import { createSite, quiet } from '../server.ts';
import { series, views } from '../telemetry/views.ts';
import { simulatedClock } from './clock.ts';
import { simulate } from './simulation.ts';

/** The loop of a real store that follows a real remote over http. `busy`: what that answers for now in the place of git. */
async function follow(
  backend: 'isomorphic' | 'native',
  busy: { headers: Readonly<Record<string, string>> | null } = { headers: null },
) {
  const site = await createSite();
  onTestFinished(site.close);
  const { repository, pin, folder } = site;
  const server = await serve((request, response) => {
    if (busy.headers === null) answerGit(dirname(repository.dir), request, response);
    else response.writeHead(429, busy.headers).end();
  });
  onTestFinished(server.close);
  const remote = { url: `${server.url}/${basename(repository.dir)}/.git`, branch: 'main' };
  const gitdir = join(folder, 'git');
  const { git } = await openGit({ gitdir, remote, backend, environment: process.env });
  onTestFinished(git.close);
  const clock = simulatedClock();
  const telemetry = createTelemetry({ clock, log: quiet, views: views() });
  const witness = join(folder, 'witness.json');
  const simulation = simulate({ objects: git, pin, witness, clock, observer: telemetry.loop });
  simulation.remote({ fetch: (signal) => git.fetch(signal) });
  return { ...simulation, site, server, telemetry };
}

// What the API is asked, and what other replicas announce, may be a commit that this one has yet to fetch.
test.each(['isomorphic', 'native'] as const)(
  'a commit that is not here yet can be asked for, and costs no clone: %s',
  async (backend) => {
    const { site, server, loop, run } = await follow(backend);
    await site.repository.write('large', randomBytes(100_000).toString('hex'));
    const before = await site.commit('large');
    await run();
    const tip = await site.change('next', 'alice');
    expect([await loop.follows(tip), await loop.kinship(tip)]).toEqual([false, 'unknown']);
    server.sent.length = 0;
    await run();
    expect(Math.max(...server.sent)).toBeLessThan(10_000);
    expect([await loop.follows(tip), await loop.kinship(before)]).toEqual([true, 'same']);
  },
);

describe('a remote that wants to be left alone', () => {
  test('is not asked before, whoever hints that there is something new, and then at once', async () => {
    const busy: Parameters<typeof follow>[1] = { headers: null };
    const { site, server, loop, run, queue, clock, telemetry } = await follow('isomorphic', busy);
    const tip = await site.change('before', 'alice');
    await run();
    const next = await site.change('next', 'alice');
    busy.headers = { 'retry-after': '120' };
    server.requests.length = 0;
    const askedMs = clock.now();
    await run();
    busy.headers = null;
    // 120 s, and a part of a tenth by chance: 0.5 here.
    const untilMs = askedMs + 126_000;
    const said = `not asked again before ${new Date(untilMs).toISOString()}`;
    const failure = { stage: 'fetch', code: 'remote-unreachable', sinceMs: askedMs, untilMs };
    expect(loop.status()).toMatchObject({ followedTip: tip, failure });
    expect(loop.status().failure?.message).toContain(said);
    expect(loop.status().conditions[0]?.message).toContain(said);
    await clock.advance(60_000);
    loop.want('source');
    await run();
    expect(loop.status()).toMatchObject({ followedTip: tip, failure: { ...failure, untilMs } });
    await clock.advance(65_999);
    await queue.drain();
    expect(server.requests).toHaveLength(1);
    await clock.advance(1);
    await queue.drain();
    expect(loop.status()).toMatchObject({ followedTip: next, failure: null });
    // What was not asked is not counted.
    expect(series(await telemetry.metrics(), 'fairlead_git_requests_total')).toEqual([
      'fairlead_git_requests_total{op="fetch",result="ok"} 2',
      'fairlead_git_requests_total{op="fetch",result="remote-unreachable"} 1',
    ]);
  });

  test('keeps back nothing that is asked of what was fetched before', async () => {
    const busy: Parameters<typeof follow>[1] = { headers: null };
    const { site, loop, run } = await follow('isomorphic', busy);
    const tip = await site.change('before', 'alice');
    await run();
    busy.headers = { 'retry-after': '120' };
    await run();
    const { finished } = loop.status().runs;
    loop.want('judgement');
    await run();
    expect(loop.status()).toMatchObject({ appliedRevision: tip, failure: { stage: 'fetch' } });
    expect(loop.status().runs.finished).toBeGreaterThan(finished);
  });

  const waitsAfter = async (wantedMs: readonly (number | null)[], pollMs = 60_000) => {
    const clock = simulatedClock();
    const answers = [...wantedMs];
    const git = {
      async fetch(): Promise<never> {
        throw new Failure('remote-unreachable', 'busy', '', { retryAfterMs: answers.shift() ?? null });
      },
    };
    const asking = new Asking({ git, clock, fetchTimeoutMs: 1_000, random: () => 0, pollMs });
    const waits: number[] = [];
    for (const _ of wantedMs) {
      await expect(asking.fetch()).rejects.toThrow('busy');
      waits.push(asking.forMs());
    }
    return waits;
  };

  test.each<[string, (number | null)[], number, number[]]>([
    ['for no longer than a backoff may be', [31_536_000_000], 60_000, [300_000]],
    [
      'or than it is between two polls',
      [31_536_000_000, Number.POSITIVE_INFINITY],
      3_600_000,
      [3_600_000, 3_600_000],
    ],
    ['and for no shorter than the backoff', [0, 0, 1_500, 60_000], 60_000, [500, 1_000, 2_000, 60_000]],
    ['and where it says nothing, not at all', [null], 60_000, [0]],
  ])('%s', async (_, wantedMs, pollMs, waitedMs) => {
    expect(await waitsAfter(wantedMs, pollMs)).toEqual(waitedMs);
  });
});
