import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openGit } from '../../src/git/index.ts';
import { serveGit } from '../git/http-remote.ts';
import { createSite } from '../server.ts';
import { simulate } from './simulation.ts';

/** The loop of a real store that follows a real remote over http. */
async function follow(backend: 'isomorphic' | 'native') {
  const site = await createSite();
  onTestFinished(site.close);
  const { repository, pin, folder } = site;
  const server = await serveGit(dirname(repository.dir));
  onTestFinished(server.close);
  const remote = { url: `${server.url}/${basename(repository.dir)}/.git`, branch: 'main' };
  const gitdir = join(folder, 'git');
  const { git } = await openGit({ gitdir, remote, backend, environment: process.env });
  onTestFinished(git.close);
  const { loop, run, remote: from } = simulate({ objects: git, pin, witness: join(folder, 'witness.json') });
  from({ fetch: (signal) => git.fetch(signal) });
  return { site, server, loop, run };
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
