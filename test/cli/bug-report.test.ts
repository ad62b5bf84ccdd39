import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTarGzip } from 'nanotar';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/index.ts';
import { createRedact, redactLog } from '../../src/cli/bug-report/redact.ts';
import { apiSource, quiet } from '../server.ts';
import { createHome, type Home } from './fairlead.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

const KEY =
  '-----BEGIN OPENSSH PRIVATE KEY-----\nplantedKeyMaterial0\nplantedKeyMaterial1\n-----END OPENSSH PRIVATE KEY-----\n';

/** Each sort of secret as it may stand in a text; every one of them says `planted`. */
const TEXTS = [
  'fetch of https://bob:planted0@git.example/mesh.git failed',
  'redis://:planted1@redis.example:6379/0 and rediss://me:pl/planted2@x',
  'GET https://git.example/x?a=1&access_token=planted3&b=2',
  'Authorization: Bearer planted4planted4',
  'password=planted5 rest',
  'secret: "planted 6 \\" planted 7"',
  'token ghp_planted8planted8planted8',
  'glpat-planted9planted9',
  'whsec_plantedA',
  'eyJplantedBplanted.plantedC.plantedD',
  KEY,
  KEY.slice(0, 60),
  'the key file holds plantedFromAFile and no more',
];

let reports = 0;

/** Writes a report of a server that says so; its files by name. */
async function report(given: Parameters<typeof apiSource>[0], ...args: readonly string[]) {
  const api = createApi(apiSource(given), quiet);
  cleanup.push(() => api.close());
  const server = ['--server', `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`];
  const file = `report-${reports++}.tar.gz`;
  const ran = await home.fairlead('.', 'bug-report', '--file', file, ...server, ...args);
  expect(ran.err).not.toContain('[bug]');
  const bytes = await readFile(join(home.dir, file));
  const files = await parseTarGzip(bytes);
  return {
    ...ran,
    file,
    bytes,
    of: new Map(files.map(({ name, text }) => [name.split('/')[1] ?? '', text])),
  };
}

test('has what was asked for and no secret, whatever it was planted in', async () => {
  const planted = { message: TEXTS.join('\n'), apiToken: 'plantedE', nested: [{ password: ['plantedF'] }] };
  await home.write('webhook-secret', 'plantedFromAFile\n');
  await home.write('id', KEY);
  await home.write('pin.json', '{}');
  await home.write(
    'fairlead.yaml',
    [
      'apiVersion: fairlead.dev/v1alpha1',
      'kind: ServerConfig',
      'repository: http://127.0.0.1:1/mesh.git?token=plantedG',
      'pin: pin.json',
      'dataDir: state',
      'webhookSecretFile: webhook-secret',
      'sshKeyFile: id',
      '',
    ].join('\n'),
  );
  const json = TEXTS.map((message) => JSON.stringify({ level: 30, ...planted, message }));
  await home.write('server.log', `${[...json, ...TEXTS].join('\n')}\nthe last line\n`);
  const { of, file, bytes, code, err, out } = await report(
    {
      repositories: () => [
        {
          name: 'mesh',
          followedTip: null,
          fetch: { ageMs: 1 },
          failure: null,
          refused: null,
          problems: [planted],
          ...planted,
        },
      ],
      scopes: () => [
        { path: 'acme', uid: 'u', seq: 1, hold: { rule: 'G5', ...planted }, problems: [planted] },
      ],
      proxies: () => [{ proxy: 'sidecar~1~web.shop~d', rejected: [{ name: 'l', ...planted }] }],
      eventsSince: () => ({ items: [{ id: '1.1', type: 'nack', ...planted }], complete: true }),
      lineage: (scope) => ({ scope, uid: 'u', entries: [{ seq: 1, reason: planted.message }] }),
    },
    ...['--config', 'fairlead.yaml', '--log-file', 'server.log'],
  );
  expect({ code, out }).toEqual({ code: 0, out: `${file}\n` });
  const texts = [...of.values()];
  expect(texts.join('\n').match(/.{0,40}plant.{0,40}/g)).toBeNull();
  expect(err).not.toContain('plant');
  expect(bytes.includes('plant')).toBe(false);
  // What helps is still there.
  const names = ['versions', 'repositories', 'scopes', 'proxies', 'problems', 'lineage', 'events', 'checks'];
  expect([...of.keys()]).toEqual(expect.arrayContaining([...names.map((name) => `${name}.json`), 'log.txt']));
  expect(of.get('config.yaml')).toContain('http://127.0.0.1:1/mesh.git?token=***');
  expect(of.get('log.txt')).toMatch(/git\.example\/mesh\.git failed/);
  expect(of.get('log.txt')).toContain('the last line');
  expect(JSON.parse(of.get('lineage.json') ?? '')).toMatchObject({ shown: [{ scope: 'acme', count: 1 }] });
  expect(JSON.parse(of.get('events.json') ?? '')).toMatchObject([{ id: '1.1', type: 'nack' }]);
  expect(JSON.parse(of.get('versions.json') ?? '')).toMatchObject({ node: process.version });
  expect((await stat(join(home.dir, file))).mode & 0o777).toBe(0o600);
});

test('without a server, a log or a configuration says what is missing: 1', async () => {
  const args = [
    'bug-report',
    '--server',
    'http://127.0.0.1:1',
    '--log-file',
    'none.log',
    '--file',
    'alone.tar.gz',
  ];
  const { code, err } = await home.fairlead('.', ...args);
  expect(code).toBe(1);
  expect(err).toContain('without log.txt: ');
  const files = await parseTarGzip(await readFile(join(home.dir, 'alone.tar.gz')));
  const missing = files.find(({ name }) => name.endsWith('missing.txt'))?.text;
  expect(missing).toMatch(/^scopes\.json: .*\[server-unreachable\]$/m);
  expect(missing).toMatch(/^log\.txt: .*\[log-unreadable\]$/m);
  // A report that is there is not overwritten.
  expect(await home.fairlead('.', ...args)).toMatchObject({
    code: 2,
    err: expect.stringContaining('[report-unwritable]'),
  });
});

test('a configuration that is refused for a password is named without it', async () => {
  const file =
    'apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\nrepository: http://bob:planted@h/m.git\n';
  await home.write('refused.yaml', file);
  const { of, err, code } = await report({}, '--config', 'refused.yaml');
  expect(code).toBe(1);
  expect(of.get('missing.txt')).toContain('the URL holds a password');
  expect([...of.values(), err].join('')).not.toContain('planted');
});

test('of a long log the last lines, and none that is cut in half', async () => {
  await home.write('long.log', `${'password=planted '.repeat(80_000)}\nplanted${'x'.repeat(40)}\nend\n`);
  const { of } = await report({}, '--log-file', 'long.log');
  expect(of.get('log.txt')).toMatch(/^plantedx+\nend\n$/);
});

describe('redacting', () => {
  const redact = createRedact(['hunter2hunter2']);
  test.each([
    ['https://host/path?page=2', 'https://host/path?page=2'],
    ['git@github.com:acme/mesh.git', 'git@github.com:acme/mesh.git'],
    ['x hunter2hunter2 y', 'x *** y'],
    ['ssh://git@host/mesh', 'ssh://***@host/mesh'],
    ['sshKeyFile: /etc/fairlead/id', 'sshKeyFile: /etc/fairlead/id'],
    ['webhookSecretFile: /etc/fairlead/hook', 'webhookSecretFile: /etc/fairlead/hook'],
    ['Bearer abcdefghij', 'Bearer ***'],
  ])('%s -> %s', (text, expected) => {
    expect(redact.text(text)).toBe(expected);
  });

  test('a document stays one, a field goes by its name, and null stays null', () => {
    const given = { clientSecret: { a: 1 }, tokens: ['x'], secretFile: '/a', password: null, ok: [true, 1] };
    expect(redact.document(given)).toEqual({
      clientSecret: '***',
      tokens: '***',
      secretFile: '/a',
      password: null,
      ok: [true, 1],
    });
  });

  test('a line of a log that is JSON stays JSON', () => {
    const line = JSON.stringify({ message: 'said "token": "x y"', apiKey: 'k' });
    expect(JSON.parse(redactLog(line, redact))).toEqual({ message: 'said "token": "***"', apiKey: '***' });
  });
});
