import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApi } from '../../src/api/index.ts';
import { apiSource, quiet } from '../server.ts';
import { createHome, type Home } from './fairlead.ts';

/** The examples at the end of the help of what asks a server are run as they stand there. */

const REVISION = 'a'.repeat(40);
const conditions = ['Ready', 'Valid', 'Translated', 'Distributed'].map((type) => ({
  ...{ type, status: 'True', reason: type, message: 'all is well' },
}));
const repository = { name: 'mesh', followedTip: REVISION, appliedRevision: REVISION, fetch: { ageMs: 1 } };
const scope = { repository: 'mesh', path: 'acme', uid: 'u', seq: 1, sync: 'Synced', health: 'Healthy' };

let home: Home;
let server: readonly string[];
let close: () => Promise<unknown>;
beforeAll(async () => {
  home = await createHome();
  const api = createApi(
    apiSource({
      repositories: () => [{ ...repository, conditions, failure: null, refused: null }],
      scopes: () => [{ ...scope, conditions, hold: null, problems: [] }],
    }),
    quiet,
  );
  server = ['--server', `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`];
  close = () => api.close();
});
afterAll(() => Promise.all([home.close(), close()]));

/** Its own part of each line; what would look for a server's settings or never end is not among them. */
async function examplesOf(name: string): Promise<readonly (readonly string[])[]> {
  const { out } = await home.fairlead('.', name, '--help');
  const lines = out.slice(out.indexOf('\nExamples:')).split('\n').slice(2);
  const parts = lines.flatMap((line) => line.split(' && ')).map((part) => part.trim());
  const words = parts
    .filter((part) => part.startsWith(`fairlead ${name}`) && !/--config|--watch/.test(part))
    .map((part) => part.replace('$(git rev-parse HEAD)', REVISION).split(' ').slice(1));
  expect(words).not.toEqual([]);
  return words;
}

test.each(['status', 'get', 'trace', 'wait', 'check'])('those of %s', async (name) => {
  for (const words of await examplesOf(name)) {
    const ran = await home.fairlead('.', ...words, ...server);
    expect({ words, ...ran }).toMatchObject({ code: 0, out: expect.stringMatching(/\S/) });
  }
});
