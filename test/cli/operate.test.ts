import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createApi } from '../../src/api/index.ts';
import { createServer, type Server } from '../../src/main.ts';
import { serveGitSecurely } from '../git/https-remote.ts';
import { apiSource, ask, createSite, hint, NODE_ID, quiet, type Site, world } from '../server.ts';
import { type Connected, connectProxy } from './connect.ts';
import { BIN, createHome, type Home } from './fairlead.ts';

/** What operators ask a running server: status --watch, get, trace, wait. */

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

describe('a running server', () => {
  let site: Site;
  let server: Server;
  let proxy: Connected;
  let address: readonly string[];
  beforeAll(async () => {
    site = await createSite();
    server = await createServer(site.config, world);
    address = ['--server', `http://127.0.0.1:${server.httpPort}`];
    expect(await run('wait')).toMatchObject({ code: 0 });
    proxy = await connectProxy(server, { id: NODE_ID, labels: {} });
  });
  afterAll(async () => {
    proxy?.close();
    await server?.close();
    await site?.close();
  });

  const run = (...args: readonly string[]) => home.fairlead('.', ...args, ...address);
  const json = async (...args: readonly string[]) => JSON.parse((await run(...args, '-o', 'json')).out);

  test('wait --for revision ends when the push is acknowledged, trace says when and by whom', async () => {
    const tip = await site.change('signed', 'alice');
    const waiting = run('wait', 'acme', '--for', `revision=${tip}`, '-o', 'json');
    await hint(server.httpPort);
    const { code, out, err } = await waiting;
    expect({ code, err: err.replace(/acme: .*\n/g, '') }).toEqual({ code: 0, err: '' });
    const revisions = { attempted: tip, verified: tip, applied: tip };
    expect(JSON.parse(out)).toMatchObject({ kind: 'Wait', met: true, revisions });
    const traced = await json('trace', 'acme');
    expect(traced).toMatchObject({
      kind: 'Trace',
      target: { kind: 'scope', name: 'acme' },
      change: { event: 'accepted', seq: 2, commit: tip, timeline: { revision: tip } },
      missing: [],
    });
    type Stage = { readonly stage: string; readonly atMs: number; readonly tookMs: number };
    const stages: readonly Stage[] = traced.stages;
    expect(stages.map(({ stage }) => stage)).toEqual([
      'source',
      'verified',
      'translated',
      'pushed',
      'acknowledged',
    ]);
    expect(stages.map(({ atMs }) => atMs)).toEqual(stages.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    expect(stages.every(({ tookMs }) => tookMs >= 0)).toBe(true);
    expect(traced.trace).toMatch(/^[0-9a-f]{32}$/);
    const { items } = await ask<{ items: readonly { trace: string }[] }>(
      server.httpPort,
      '/api/v1/repositories',
    );
    expect(items.map(({ trace }) => trace)).toEqual([traced.trace]);
    const text = await run('trace', 'mesh');
    expect(text.out).toContain(`\ntrace ${traced.trace}\n`);
    expect(text).toMatchObject({ code: 0, out: expect.stringMatching(/^acknowledged .* 1 of 1 proxies$/m) });
    expect(text.out).toMatch(/^mesh: attempted [0-9a-f]{10}, .*verified \d+ s\s+ago$/ms);
  });

  test('an earlier revision is there, too, and one that is nowhere is code 4', async () => {
    expect(await run('wait', '--for', `revision=${site.pin.commit}`)).toMatchObject({ code: 0 });
    const none = await run('wait', 'mesh', '--for', `revision=${'a'.repeat(40)}`, '--timeout', '300ms');
    expect(none).toMatchObject({ code: 4, out: '', err: expect.stringContaining('[wait-timeout]') });
    expect(none.err).toContain('not yet aaaaaaaaaa');
  });

  test('get lists each sort, and one by its name', async () => {
    const { out } = await run('get', 'scopes');
    expect(out).toMatch(
      /^SCOPE {2}SYNC {4}HEALTH {3}FRESH\nacme {3}Synced {2}Healthy {2}verified \d+ s ago, seq \d\n$/,
    );
    const wide = await run('get', 'scope', 'acme', '-o', 'wide');
    expect(wide.out).toMatch(/ATTEMPTED +VERIFIED +APPLIED/);
    expect(await json('get', 'repositories')).toMatchObject({
      kind: 'RepositoryList',
      items: [{ name: 'mesh' }],
    });
    expect(parse((await run('get', 'repository', 'mesh', '-o', 'yaml')).out)).toMatchObject({
      kind: 'Repository',
      name: 'mesh',
    });
    expect(await json('get', 'proxy', 'web-1.shop')).toMatchObject({ kind: 'Proxy', proxy: NODE_ID });
    for (const [sort, name] of [
      ['scope', 'acne'],
      ['repository', 'mash'],
      ['proxy', 'wub-1.shop'],
    ] as const)
      expect(await run('get', sort, name)).toMatchObject({
        code: 2,
        err: expect.stringContaining('did you mean'),
      });
  });

  test('status --watch shows rows as they change, until it is told to stop', async () => {
    const { port, tip } = { port: server.httpPort, tip: await site.change('watched', 'alice') };
    const child = spawn(process.execPath, [BIN, 'status', '--watch', ...address], {
      env: home.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    cleanup.push(() => child.kill('SIGKILL'));
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      shown += chunk;
    });
    const until = async (text: string) => {
      while (!shown.includes(text)) await once(child.stdout, 'data');
    };
    await until('acme');
    expect(shown.match(/^REPOSITORY/gm)).toHaveLength(1);
    await hint(port);
    await until(tip.slice(0, 10));
    // Off a terminal, what changed is appended, without escape sequences and without what did not change.
    expect(shown.match(/^REPOSITORY/gm)).toHaveLength(1);
    expect(shown).not.toContain('\x1b');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('what is held is code 3, and trace and get name what was attempted', async () => {
    const tip = await site.change('unsigned');
    await hint(server.httpPort);
    const waited = await run('wait', 'acme', '--for', `revision=${tip}`);
    expect(waited).toMatchObject({ code: 3, out: expect.stringContaining('acme is held (') });
    expect(await run('wait')).toMatchObject({ code: 3 });
    const traced = await run('trace');
    expect(traced).toMatchObject({ code: 3, out: expect.stringContaining('acme is held (') });
    const { revisions } = await json('get', 'scope', 'acme');
    expect(revisions.attempted).toBe(tip);
    expect(revisions.applied).not.toBe(tip);
  });
});

const revisions = { attempted: 'b'.repeat(40), verified: 'a'.repeat(40), applied: 'a'.repeat(40) };
const timeline = {
  revision: 'a'.repeat(40),
  startedMs: 1_000,
  fetchedMs: 1_100,
  verifiedMs: 1_150,
  translatedMs: 1_151,
  pushedMs: 1_151,
  push: 7,
  ackedMs: null,
};
const conditions = (status: string, message: string) =>
  ['Ready', 'Valid', 'Translated', 'Distributed'].map((type) => ({ type, status, reason: 'R', message }));
const repository = (more: object = {}) => ({
  name: 'mesh',
  followedTip: 'a'.repeat(40),
  appliedRevision: 'a'.repeat(40),
  fetch: { ageMs: 12_400 },
  failure: null,
  refused: null,
  ...{ revisions, timeline, conditions: conditions('True', 'all is well') },
  ...more,
});
const scope = (path: string, more: object = {}) => ({
  repository: 'mesh',
  path,
  uid: `${path}-uid`,
  seq: 41,
  sync: 'Synced',
  health: 'Healthy',
  hold: null,
  problems: [],
  lastChange: { event: 'accepted', seq: 41, commit: 'a'.repeat(40), timeline },
  ...{ revisions, conditions: conditions('True', 'all is well') },
  ...more,
});
const proxyAt = (name: string, push: number | null, more: object = {}) => ({
  proxy: `sidecar~1~${name}~d`,
  revision: 'a'.repeat(40),
  connectedAtMs: 0,
  fullyAcked: push === null ? null : { revision: 'a'.repeat(40), push, atMs: 1_200 },
  types: [{ typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster', state: 'STALE' }],
  rejected: [],
  ...more,
});

/** A server that says so. */
async function answering(given: Parameters<typeof apiSource>[0]): Promise<readonly string[]> {
  const api = createApi(
    apiSource({ repositories: () => [repository()], scopes: () => [scope('acme')], ...given }),
    quiet,
  );
  cleanup.push(() => api.close());
  return ['--server', `http://127.0.0.1:${await api.listen('127.0.0.1', 0)}`];
}
const fairlead = (...args: readonly string[]) => home.fairlead('.', ...args);

test('a remote that serves old history is told wherever freshness is', async () => {
  const stale = { type: 'SourceVerified', status: 'True', reason: 'Stale', message: 'the remote is behind' };
  const repositories = () => [repository({ conditions: [...conditions('True', 'all is well'), stale] })];
  const { code, out } = await fairlead('status', ...(await answering({ repositories })));
  expect(code).toBe(0);
  expect(out).toMatch(/^mesh .* verified 12 s ago, stale$/m);
  expect(out).toMatch(/^acme .* verified 12 s ago, stale, seq 41$/m);
  expect(out).toMatch(/^mesh: the remote is behind$/m);
});

test('of two scopes of one name in two repositories it is told whose each is, and by what it can be named', async () => {
  const repositories = () => [repository(), repository({ name: 'edge' })];
  const scopes = () => [scope('acme'), scope('acme', { repository: 'edge', uid: 'edge-uid' })];
  const server = await answering({ repositories, scopes });
  for (const command of [['status'], ['get', 'scopes']])
    expect((await fairlead(...command, ...server)).out).toMatch(
      /^SCOPE +REPOSITORY +SYNC.*\nacme +mesh +Synced.*\nacme +edge +Synced/m,
    );
  const { out } = await fairlead('get', 'scopes', '-o', 'wide', ...server);
  expect(out).toMatch(/^SCOPE +REPOSITORY +UID .*\nacme +mesh +acme-uid .*\nacme +edge +edge-uid /m);
  expect((await fairlead('get', 'scopes', ...(await answering({})))).out).not.toContain('REPOSITORY');
});

test('a scope that has ended is not among those that are served, and of one that is withdrawn that is said', async () => {
  const scopes = () => [
    scope('acme'),
    scope('acme.old', { status: 'Tombstone' }),
    scope('acme.pay', { status: 'Withdrawn' }),
  ];
  const server = await answering({ scopes, proxies: () => [] });
  for (const command of [['status'], ['get', 'scopes'], ['check']]) {
    const { code, out } = await fairlead(...command, ...server);
    expect([code, out]).toEqual([0, expect.not.stringContaining('acme.old')]);
    expect(out).toMatch(/acme\.pay.*withdrawn/);
    expect(out).toMatch(/acme[ :].*seq 41/);
  }
  const { items } = JSON.parse((await fairlead('get', 'scopes', '-o', 'json', ...server)).out);
  expect(items).toHaveLength(3);
});

test('FAIRLEAD_SERVER is the server where --server names none', async () => {
  const told = (server: string, ...args: readonly string[]) =>
    home.run('.', 'env', `FAIRLEAD_SERVER=${server}`, 'fairlead', 'status', ...args);
  const failed = (url: string) => ({ code: 2, err: expect.stringContaining(`nobody listens at ${url}`) });
  expect(await told('http://127.0.0.1:1')).toMatchObject(failed('http://127.0.0.1:1'));
  const named = ['--server', 'http://127.0.0.1:3'];
  expect(await told('http://127.0.0.1:1', ...named)).toMatchObject(failed('http://127.0.0.1:3'));
  expect(await told('', ...named)).toMatchObject(failed('http://127.0.0.1:3'));
  expect((await told('', '--help')).out).toMatch(
    /FAIRLEAD_SERVER\s+\(default:\s+"http:\/\/127\.0\.0\.1:15014"\)/,
  );
  expect((await told('mesh')).err).toContain('write --server (or FAIRLEAD_SERVER) http://host:port');
  const { code, err } = await told('http://ana:s3cret@127.0.0.1:1');
  expect([code, err]).toEqual([
    2,
    expect.stringContaining('http://127.0.0.1:1 is given with a user or a password'),
  ]);
  expect(err).not.toContain('s3cret');
});

test('what proxies do not get is told by status, with where to look', async () => {
  const broken = ['Translated', 'Distributed'].map((type) => {
    return { type, status: 'False', reason: 'R', message: `${type}!` };
  });
  const repositories = () => [repository({ conditions: broken })];
  const { code, out } = await fairlead('status', ...(await answering({ repositories })));
  expect(code).toBe(1);
  expect(out.trimEnd().split('\n').slice(-2)).toEqual([
    'mesh: Translated!; see docs/runbooks/TranslationFailing.md',
    'mesh: Distributed!; fairlead proxy-status says what',
  ]);
});

test('webhooks that nobody can believe are told by status and check', async () => {
  const hooks = () => new Map([['mesh', { branch: 'main', secretFile: '/nowhere/secrets' }]]);
  const server = await answering({ hooks });
  const flat = ({ code, out }: Awaited<ReturnType<typeof fairlead>>) =>
    `${code} ${out.replaceAll(/\s+/g, ' ')}`;
  const said = '/nowhere/secrets does not exist [secret-file-unusable]';
  const [status, check] = [await fairlead('status', ...server), await fairlead('check', ...server)];
  expect(flat(status)).toContain(`mesh: no webhook can be believed: ${said}`);
  expect(flat(check)).toMatch(/^1 .*‼ webhooks mesh: no webhook can be believed/);
  expect(flat(check)).toContain('see: docs/checks.md#webhooks');
  const well = await answering({ hooks: () => new Map([['mesh', { branch: 'main', secretFile: null }]]) });
  expect(flat(await fairlead('check', ...well))).toMatch(/^0 /);
});

describe('proxy-status', () => {
  test('says which proxy has not acknowledged what, and since when', async () => {
    const type = (name: string, unansweredSinceMs: number | null) => {
      return { typeUrl: `type.googleapis.com/envoy.config.${name}`, state: 'STALE', unansweredSinceMs };
    };
    const owing = [type('cluster.v3.Cluster', 90_000), type('listener.v3.Listener', 60_000)];
    const proxies = () => [
      proxyAt('api-1.shop', 7, { types: [type('cluster.v3.Cluster', null)] }),
      proxyAt('web-1.shop', 6, { types: owing }),
    ];
    const { code, out } = await fairlead('proxy-status', ...(await answering({ proxies })));
    expect(code).toBe(0);
    // The push of the repository is 7; both were acknowledged long ago.
    const rows = out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 5));
    expect(rows.slice(0, 3)).toEqual([
      ['PROXY', 'REVISION', 'ACKED', 'BEHIND', 'CDS'],
      ['api-1.shop', 'aaaaaaaaaa', expect.stringMatching(/^\d+ d ago$/), '-', 'STALE'],
      ['web-1.shop', 'aaaaaaaaaa', expect.stringMatching(/^\d+ d ago$/), '1', 'STALE'],
    ]);
    const said = out.slice(out.indexOf('\n\n')).replace(/\s+/g, ' ').trim();
    expect(said).toBe(
      'sidecar~1~web-1.shop~d has not acknowledged since 1970-01-01T00:01:00.000Z: Cluster, Listener',
    );
  });
});

describe('trace', () => {
  test('names each proxy that has not acknowledged, and why', async () => {
    const proxies = () => [
      proxyAt('api-1.shop', 7),
      proxyAt('new-1.shop', null),
      proxyAt('web-1.shop', 6, { rejected: [{ name: 'listener', message: 'cannot bind' }] }),
    ];
    const { code, out } = await fairlead('trace', 'acme', ...(await answering({ proxies })));
    expect(code).toBe(1);
    expect(out).toBe(
      [
        'acme: seq 41 accepted at aaaaaaaaaa; attempted bbbbbbbbbb, verified',
        '  aaaaaaaaaa, applied aaaaaaaaaa; verified 12 s ago',
        'STAGE         AT                        TOOK',
        'source        1970-01-01T00:00:01.100Z  100 ms  fetched aaaaaaaaaa',
        'verified      1970-01-01T00:00:01.150Z  50 ms   judged, and followed',
        'translated    1970-01-01T00:00:01.151Z  1 ms    manifests read, mesh built',
        'pushed        1970-01-01T00:00:01.151Z  0 ms    push 7',
        'acknowledged  -                         -       1 of 3 proxies',
        'new-1.shop is at push none: waits for its answer to Cluster',
        'web-1.shop is at push 6: refused listener: cannot bind',
        '',
      ].join('\n'),
    );
  });

  test('after a restart says what it does not know', async () => {
    const restored = { ...timeline, startedMs: null, fetchedMs: null, verifiedMs: null };
    const repositories = () => [repository({ timeline: restored })];
    const { code, out } = await fairlead('trace', ...(await answering({ repositories })));
    expect(code).toBe(0);
    expect(out).toContain('from the local store, after a restart');
    expect(out).toContain('no proxy is connected');
  });

  const not = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: `${type}!`,
  });
  test.each([
    ['errors', 'acme: Valid!', { conditions: [not('Valid', 'False', 'LastGoodServed')] }],
    ['a suspension', 'acme: Suspended!', { conditions: [not('Suspended', 'True', 'Suspended')] }],
    ['other replicas', 'acme: Witnessed!', { conditions: [not('Witnessed', 'False', 'ReplicasDiffer')] }],
  ])('what %s keep from being served is not told as if it were', async (_, said, more) => {
    const proxies = () => [proxyAt('api-1.shop', 7)];
    const server = await answering({
      proxies,
      scopes: () => [scope('acme', { sync: 'OutOfSync', ...more })],
    });
    for (const about of ['acme', 'mesh']) {
      const { code, out } = await fairlead('trace', about, ...server);
      expect({ code, last: out.trimEnd().split('\n').at(-1) }).toEqual({ code: 1, last: said });
    }
    const { out } = await fairlead('trace', 'acme', '-o', 'json', ...server);
    expect(JSON.parse(out)).toMatchObject({ unserved: [said] });
  });

  test('a suspension that keeps nothing back is none of its business, a failed translation is', async () => {
    const proxies = () => [proxyAt('api-1.shop', 7)];
    const suspended = scope('acme', { conditions: [not('Suspended', 'True', 'Suspended')] });
    const well = await fairlead('trace', ...(await answering({ proxies, scopes: () => [suspended] })));
    expect(well).toMatchObject({ code: 0, out: expect.not.stringContaining('Suspended!') });
    const repositories = () => [repository({ conditions: [not('Translated', 'False', 'BuildFailed')] })];
    const failed = await fairlead('trace', 'acme', ...(await answering({ proxies, repositories })));
    expect(failed).toMatchObject({ code: 1, out: expect.stringMatching(/^mesh: Translated!$/m) });
  });
});

describe('which one', () => {
  const scopes = () => [scope('acme'), scope('acme.pay'), scope('mesh'), scope('zeta.pay')];
  test.each([
    [['acme'], 0, 'acme: '],
    [['acme.pay-uid'], 0, 'acme.pay: '],
    [[], 0, 'mesh: '],
    [['scope/mesh'], 0, 'mesh: seq 41'],
    [['mesh'], 2, 'name one of: repository/mesh, scope/mesh'],
    [['pay'], 2, 'pay may be several [target-ambiguous]'],
    [['pay'], 2, 'name one of: scope/acme.pay, scope/zeta.pay'],
    [['acme.pya'], 2, 'did you mean acme.pay?'],
    [['qqqqqq'], 2, 'name one of: repository/mesh, scope/acme'],
  ])('%j: code %i', async (args, code, text) => {
    const ran = await fairlead('trace', ...args, ...(await answering({ scopes })));
    expect(ran.code).toBe(code);
    expect(ran.out + ran.err).toContain(text);
  });
});

describe('wait', () => {
  const revision = `revision=${'a'.repeat(40)}`;
  const refused = { tip: 'b'.repeat(40), rule: 'G9', reason: 'it drops a commit' };
  const not = (status: string) => () => [repository({ conditions: conditions(status, 'one of them') })];
  const held = () => [scope('acme', { hold: { rule: 'G5', reason: '1 of 2' } })];

  test.each([
    ['all is well', {}, ['--for', revision], 0],
    ['a condition holds', {}, ['--for', 'condition=distributed'], 0],
    ['the tip is refused', { repositories: () => [repository({ refused })] }, ['--for', revision], 3],
    ['the tip is refused and no revision is named', { repositories: () => [repository({ refused })] }, [], 3],
    ['it is held', { scopes: held }, ['--for', revision], 3],
    ['what is held is awaited', { scopes: held, follows: async () => false }, ['--for', revision], 4],
    ['a proxy rejected it', { repositories: not('False') }, ['--for', revision], 1],
    ['a proxy has not answered', { repositories: not('Unknown') }, ['--for', revision], 4],
    ['a condition does not hold', { repositories: not('False') }, [], 4],
    [
      'it is not served yet',
      { repositories: () => [repository({ appliedRevision: null })] },
      ['--for', revision],
      4,
    ],
  ])('where %s', async (_, given, args, code) => {
    const server = await answering(given);
    expect(await fairlead('wait', '--timeout', '250ms', ...args, ...server)).toMatchObject({ code });
  });

  const brake = (untilMs: number | null) => {
    const stop = { type: 'Suspended', status: 'True', reason: 'Suspended', message: 'suspended by ana' };
    return { suspended: { reason: 'x', by: 'ana', atMs: 0, untilMs }, conditions: [stop] };
  };

  test.each([
    ['for good', null, 1],
    ['for longer than it waits', Date.now() + 3_600_000, 1],
    ['for less', 1, 0],
  ])('what is suspended %s', async (_, untilMs, code) => {
    let looks = 0;
    const repositories = () => {
      looks += 1;
      return [repository(looks === 1 ? { ...brake(untilMs), followedTip: 'c'.repeat(40) } : {})];
    };
    const server = await answering({ repositories, follows: async () => looks > 1 });
    const ran = await fairlead('wait', '--timeout', '20s', '--for', revision, ...server);
    expect(ran).toMatchObject({ code });
    expect(ran.out + ran.err).toContain('suspended by ana');
  });

  test('looks at the scopes when something has happened, and rarely while nothing has', async () => {
    let [looks, asked] = [0, 0];
    const scopes = () => {
      looks += 1;
      return [scope('acme')];
    };
    const happened = { id: '1.1', type: 'followed' };
    // The fifth time that somebody asks what is new, something is.
    const eventsSince = (id: string) => {
      asked += 1;
      return { items: asked >= 5 && id !== happened.id ? [happened] : [], complete: true };
    };
    const follows = async () => asked >= 5;
    const repositories = () => [repository({ followedTip: (asked < 5 ? 'c' : 'a').repeat(40) })];
    const server = await answering({ scopes, eventsSince, follows, repositories });
    const ran = await fairlead('wait', '--timeout', '20s', '--for', revision, ...server);
    expect(ran).toMatchObject({ code: 0 });
    // At first, when it happened (and once more, to know that it is of then), and where it took over two seconds.
    expect(asked).toBeGreaterThanOrEqual(5);
    expect(looks).toBeLessThan(asked);
  });

  test.each([
    ['the run that goes on may be too old', { tip: refused.tip, runs: [6, 5], isFollowed: false }, 4],
    ['a run that began later says so still', { tip: refused.tip, runs: [7, 6], isFollowed: false }, 3],
    ['another tip is refused now', { tip: 'd'.repeat(40), runs: [5, 5], isFollowed: false }, 3],
    ['nothing is refused any more', { tip: null, runs: [6, 6], isFollowed: true }, 0],
  ])('a refusal of before the push is not its own: %s', async (_, { tip, runs, isFollowed }, code) => {
    const [started, finished] = runs;
    let looks = 0;
    const repositories = () => {
      looks += 1;
      if (looks > 1)
        return [repository({ runs: { started, finished }, refused: tip && { ...refused, tip } })];
      return [repository({ followedTip: 'c'.repeat(40), runs: { started: 5, finished: 5 }, refused })];
    };
    const server = await answering({ repositories, follows: async () => isFollowed && looks > 1 });
    const ran = await fairlead(
      'wait',
      '--timeout',
      code === 4 ? '250ms' : '20s',
      '--for',
      revision,
      ...server,
    );
    expect(ran).toMatchObject({ code });
  });

  test('takes no answer of before the commit came for one of after it', async () => {
    let asked = 0;
    // The server follows and holds it between two questions.
    const repositories = () => [repository({ followedTip: (asked > 0 ? 'c' : 'a').repeat(40) })];
    const follows = async () => {
      asked += 1;
      return true;
    };
    const server = await answering({ repositories, follows });
    const args = ['--timeout', '250ms', '--for', revision];
    expect(await fairlead('wait', ...args, ...server)).toMatchObject({ code: 4 });
  });

  test.each([
    ['--for', 'revision=HEAD'],
    ['--for', 'condition=Perfect'],
    ['--timeout', 'soon'],
  ])('%s %s is a slip: 64', async (...args) => {
    expect(await fairlead('wait', ...args)).toMatchObject({ code: 64, out: '' });
  });

  test('nobody listens: 2', async () => {
    expect(await fairlead('wait', '--server', 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('nobody listens at http://127.0.0.1:1 [server-unreachable]'),
    });
  });

  test('a server that cannot be reached for another reason is told with that, and with what to do', async () => {
    const secure = await serveGitSecurely('.');
    cleanup.push(secure.close);
    const plain = secure.url.replace('https:', 'http:');
    const unknown = await fairlead('status', '--server', secure.url);
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining('unable to verify') });
    expect(unknown.err).toContain('NODE_EXTRA_CA_CERTS');
    const spoken = await fairlead('status', '--server', plain);
    expect(spoken).toMatchObject({ code: 2, err: expect.stringContaining(`${plain} cannot be reached: `) });
    const nowhere = await fairlead('status', '--server', 'http://fairlead.invalid');
    expect(nowhere.err).toContain('http://fairlead.invalid cannot be reached: getaddrinfo');
    for (const { err } of [unknown, spoken, nowhere]) expect(err).not.toContain('nobody listens');
  });
});
