import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { HOOK_LIMITS } from '../../src/api/hooks/index.ts';
import { createBuckets, createSeen } from '../../src/api/hooks/limits.ts';
import { createApp } from '../../src/api/server.ts';
import { createMemoryQueue } from '../../src/reconcile/memory-queue.ts';
import { simulatedClock } from '../reconcile/clock.ts';
import { createFolder } from '../repository.ts';
import { apiSource } from '../server.ts';
import { type Forge, forges, gitlabPush, type Sent, signStandard } from './deliveries.ts';

const SECRET = 'the first secret';
const SIGNING = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const START_MS = 1_700_000_000_000;

let secretFile = '';
let nowMs = START_MS;
const logged: string[] = [];
const hints: (readonly [string, number])[] = [];

beforeEach(async () => {
  const folder = await createFolder();
  onTestFinished(folder.close);
  secretFile = join(folder.dir, 'secret');
  await writeFile(secretFile, `${SECRET}\n\nthe next secret\n${SIGNING}\n`, { mode: 0o600 });
  nowMs = START_MS;
  logged.length = 0;
  hints.length = 0;
});

function app(trigger?: (name: string, what: string, delayMs: number | null) => Promise<boolean>) {
  const hooks = new Map([
    ['mesh', { branch: 'main', secretFile }],
    ['open', { branch: 'main', secretFile: null }],
  ]);
  const take = async (name: string, _what: string, delayMs: number | null) => {
    hints.push([name, delayMs ?? 0]);
    return hooks.has(name);
  };
  const write = (fields: object, message: string) => void logged.push(JSON.stringify({ ...fields, message }));
  const log = { info: write, warn: write, error: write };
  const made = createApp(apiSource({ hooks: () => hooks, trigger: trigger ?? take }), log, () => nowMs);
  onTestFinished(() => made.close());
  return made;
}

type App = ReturnType<typeof app>;

function post(to: App, path: string, sent: Sent, signature: Sent['headers'], remoteAddress = '192.0.2.1') {
  const headers = { ...sent.headers, ...signature };
  return to.inject({ method: 'POST', url: `/hooks/v1/${path}`, headers, payload: sent.body, remoteAddress });
}

function deliver(to: App, forge: Forge, sent: Sent, secret = SECRET, repository = 'mesh') {
  return post(to, `${forge.provider}/${repository}`, sent, forge.sign(sent.body, secret));
}

describe.each(forges.map((forge) => [forge.provider, forge] as const))('%s', (_, forge) => {
  const push = forge.push('main', 'id-1');

  test('a push to the followed branch is a hint to fetch, by any of the secrets', async () => {
    const to = app();
    const answer = await deliver(to, forge, push);
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toMatchObject({ kind: 'Accepted', repository: 'mesh', result: 'accepted' });
    expect((await deliver(to, forge, forge.push('main', 'id-2'), 'the next secret')).statusCode).toBe(202);
    expect(hints).toEqual([
      ['mesh', 0],
      ['mesh', HOOK_LIMITS.coalesceMs],
    ]);
  });

  test('the same delivery again is none', async () => {
    const to = app();
    await deliver(to, forge, push);
    expect((await deliver(to, forge, push)).json()).toMatchObject({ result: 'duplicate' });
    expect(hints).toHaveLength(1);
    nowMs += HOOK_LIMITS.rememberMs;
    expect((await deliver(to, forge, push)).json()).toMatchObject({ result: 'accepted' });
  });

  test('another branch, another event and a ping fetch nothing', async () => {
    const to = app();
    const results = [];
    for (const sent of [
      forge.push('mainly', 'id'),
      forge.other,
      ...(forge.ping === null ? [] : [forge.ping]),
    ])
      results.push((await deliver(to, forge, sent)).json().result);
    expect(results).toEqual(['ignored', 'ignored', ...(forge.ping === null ? [] : ['ping'])]);
    expect(hints).toEqual([]);
  });

  test('what is signed and cannot be read is a hint all the same', async () => {
    const answer = await deliver(app(), forge, { headers: push.headers, body: '{"ref":' });
    expect(answer.json()).toMatchObject({ result: 'accepted' });
  });

  test('another secret, no signature and another repository look alike', async () => {
    const to = app();
    const answers = [
      await deliver(to, forge, push, 'another secret'),
      await deliver(to, forge, push, ''),
      await post(to, `${forge.provider}/mesh`, push, {}),
      await deliver(to, forge, push, SECRET, 'none'),
      await deliver(to, forge, push, SECRET, 'open'),
      await post(to, 'nobody/mesh', push, forge.sign(push.body, SECRET)),
    ];
    for (const { statusCode, body } of answers) expect([statusCode, body]).toEqual([404, answers[0]?.body]);
    expect(hints).toEqual([]);
    expect(logged.join('\n')).not.toContain(SECRET);
    for (const why of [
      'none of the secrets signed it"',
      'it is not signed: it has no x-',
      '"from":"192.0.2.1"',
      'no such repository',
      'no webhookSecretFile',
      'no such provider',
    ])
      expect(logged.join('\n')).toContain(why);
  });
});

test.each(
  forges.filter(({ provider }) => provider !== 'gitlab').map((forge) => [forge.provider, forge] as const),
)('%s: one changed byte of the body is no delivery', async (_, forge) => {
  const push = forge.push('main', 'id');
  const signature = forge.sign(push.body, SECRET);
  const changed = { ...push, body: `${push.body} ` };
  expect((await post(app(), `${forge.provider}/mesh`, changed, signature)).statusCode).toBe(404);
});

test('GitHub may send a form', async () => {
  const [github] = forges as readonly [Forge];
  const form = (branch: string) => ({
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-github-event': 'push' },
    body: `payload=${encodeURIComponent(JSON.stringify({ ref: `refs/heads/${branch}` }))}`,
  });
  const to = app();
  expect((await deliver(to, github, form('main'))).json()).toMatchObject({ result: 'accepted' });
  expect((await deliver(to, github, form('side'))).json()).toMatchObject({ result: 'ignored' });
});

describe('Standard Webhooks of GitLab', () => {
  const sent = { headers: { 'x-gitlab-event': 'Push Hook' }, body: gitlabPush('main') };
  const now = String(START_MS / 1_000);
  const at = (signature: Sent['headers']) => post(app(), 'gitlab/mesh', sent, signature);

  test('is believed, also beside a signature of another secret', async () => {
    const signature = signStandard(sent.body, SIGNING, 'id', now);
    expect((await at(signature)).statusCode).toBe(202);
    const both = `v1,AAAA ${signature['webhook-signature']}`;
    expect((await at({ ...signature, 'webhook-signature': both })).statusCode).toBe(202);
  });

  const stale = String(START_MS / 1_000 - 301);
  test.each([
    ['of another id', { ...signStandard(sent.body, SIGNING, 'id', now), 'webhook-id': 'other' }],
    ['without an id', signStandard(sent.body, SIGNING, '', now)],
    ['too old', signStandard(sent.body, SIGNING, 'id', stale)],
    ['too new', signStandard(sent.body, SIGNING, 'id', String(START_MS / 1_000 + 301))],
    [
      'with an old signature made new',
      { ...signStandard(sent.body, SIGNING, 'id', stale), 'webhook-timestamp': now },
    ],
    ['with a time that is none', signStandard(sent.body, SIGNING, 'id', 'now')],
    [
      'of another version',
      { ...signStandard(sent.body, SIGNING, 'id', now), 'webhook-signature': 'v2,AAAA' },
    ],
    ['whose signing token is sent as it stands', { 'x-gitlab-token': SIGNING }],
  ])('%s: not believed', async (_, signature) => {
    expect((await at(signature)).statusCode).toBe(404);
    expect(hints).toEqual([]);
  });

  test.each([
    [-301, 'its time is 301 s behind the clock here'],
    [86_400, 'its time is 86400 s ahead of the clock here'],
  ])('a clock that is wrong by %i s is told from a wrong secret', async (seconds, reason) => {
    await at(signStandard(sent.body, SIGNING, 'id', String(START_MS / 1_000 + seconds)));
    await at(signStandard(sent.body, `whsec_${'A'.repeat(43)}=`, 'id', String(START_MS / 1_000 + seconds)));
    const reasons = logged.map((line) => JSON.parse(line).reason);
    expect(reasons).toEqual([reason, 'none of the secrets signed it']);
  });
});

describe('the generic hook of another machine', () => {
  const sent = { headers: { 'content-type': 'text/plain' }, body: 'anything' };
  const signature = (secret: string) => forges[0]?.sign(sent.body, secret)['x-hub-signature-256'] ?? '';
  const send = (headers: Sent['headers'], address?: string) =>
    post(app(), 'generic/mesh', sent, headers, address);

  test('is a hint where it is signed', async () => {
    expect((await send({ 'x-signature': signature(SECRET) })).statusCode).toBe(202);
    expect((await send({ 'x-signature': signature('other') })).statusCode).toBe(404);
    expect((await send({})).statusCode).toBe(403);
    expect(hints).toEqual([['mesh', 0]]);
  });

  test('is not local because a proxy on this machine passes it on', async () => {
    expect((await send({ 'x-forwarded-for': '198.51.100.7' }, '127.0.0.1')).statusCode).toBe(403);
    expect((await send({}, '127.0.0.1')).statusCode).toBe(202);
    expect(logged.map((line) => JSON.parse(line))).toMatchObject([
      { repository: 'mesh', from: '127.0.0.1', reason: 'it is not signed, and not of this machine' },
    ]);
  });
});

describe('the file of secrets', () => {
  const [github] = forges as readonly [Forge];
  const send = (to: App, secret: string, id: string) => deliver(to, github, github.push('main', id), secret);

  test('is read again when it changes', async () => {
    const to = app();
    expect((await send(to, SECRET, '1')).statusCode).toBe(202);
    await writeFile(secretFile, 'rotated');
    expect((await send(to, SECRET, '2')).statusCode).toBe(404);
    expect((await send(to, 'rotated', '3')).statusCode).toBe(202);
  });

  test.each([
    ['that others can read', (path: string) => chmod(path, 0o644), 'chmod 600'],
    ['that a group can change', (path: string) => chmod(path, 0o660), 'chmod 600'],
    ['that is empty', (path: string) => writeFile(path, '\n \n'), 'write the secret into it'],
    ['that is too large', (path: string) => writeFile(path, 'x'.repeat(70_000)), 'name the right file'],
  ])('%s: nothing is believed, and the log says why', async (_, spoil, fix) => {
    const to = app();
    await spoil(secretFile);
    expect((await send(to, SECRET, '1')).statusCode).toBe(404);
    expect((await send(to, '', '2')).statusCode).toBe(404);
    expect(logged.join('\n')).toContain('secret-file-unusable');
    expect(logged.join('\n')).toContain(fix);
  });
});

describe('floods', () => {
  const [github] = forges as readonly [Forge];

  test('10,000 deliveries in a burst are a handful of runs, the last of them after the last delivery', async () => {
    const runs: number[] = [];
    let accepted = 0;
    const handler = async () => {
      runs.push(accepted);
      return { outcome: 'done' as const };
    };
    const clock = simulatedClock(START_MS);
    const queue = createMemoryQueue({ handler, clock, random: Math.random });
    const to = app(async (name, _what, delayMs) => {
      accepted += 1;
      await queue.add(name, delayMs ?? 0);
      return true;
    });
    for (let wave = 0; wave < 100; wave += 1) {
      const burst = Array.from({ length: 100 }, (_, at) => github.push('main', `${wave}-${at}`));
      const answers = await Promise.all(burst.map((push) => deliver(to, github, push)));
      expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202]));
    }
    await clock.advance(HOOK_LIMITS.coalesceMs);
    expect(runs).toEqual([1, 10_000]);
  }, 60_000);

  test('a repository is run four times a second at most, however long a burst goes on', async () => {
    const runs: number[] = [];
    const clock = simulatedClock(START_MS);
    const handler = async () => {
      runs.push(clock.now() - START_MS);
      return { outcome: 'done' as const };
    };
    const queue = createMemoryQueue({ handler, clock, random: Math.random });
    const to = app(async (name, _what, delayMs) => {
      await queue.add(name, delayMs ?? 0);
      return true;
    });
    for (let ms = 0; ms < 1_000; ms += 10) {
      nowMs = START_MS + ms;
      await deliver(to, github, github.push('main', String(ms)));
      await clock.advance(10);
    }
    await clock.advance(HOOK_LIMITS.coalesceMs);
    expect(runs).toEqual([0, 250, 500, 750, 1_000]);
  });

  test('whoever does not know the secret runs out, and nobody else does', async () => {
    const to = app();
    const push = github.push('main', 'id');
    const attempts = Array.from({ length: HOOK_LIMITS.burst + 5 }, () => deliver(to, github, push, 'guess'));
    const codes = (await Promise.all(attempts)).map(({ statusCode }) => statusCode);
    expect(codes.filter((code) => code === 429)).toHaveLength(5);
    expect((await deliver(to, github, push)).headers['retry-after']).toBe('1');
    const signature = github.sign(push.body, SECRET);
    expect((await post(to, 'github/mesh', push, signature, '192.0.2.2')).statusCode).toBe(202);
    nowMs += 1_000;
    expect((await deliver(to, github, push, 'guess')).statusCode).toBe(404);
  });

  test('more than 1 MB is not read', async () => {
    const push = { ...github.push('main', 'id'), body: 'x'.repeat(1_048_577) };
    expect((await deliver(app(), github, push)).statusCode).toBe(413);
  });

  test('what is remembered of sources is bounded, and of IPv6 by networks', () => {
    const buckets = createBuckets({ burst: 1, perSecond: 1, sources: 2 });
    expect(
      ['2001:db8::1', '2001:db8:0:0:ffff::2', '2001:db8:0:1::1'].map((one) => buckets.take(one, 0)),
    ).toEqual([true, false, true]);
    expect(
      ['::ffff:192.0.2.1', '::ffff:192.0.2.2', '2001:db8::1'].map((one) => buckets.take(one, 0)),
    ).toEqual([true, true, true]);
    expect(buckets.take('::ffff:192.0.2.2', 0)).toBe(false);
  });

  test('what is remembered of deliveries is bounded', () => {
    const seen = createSeen({ rememberMs: 100, deliveries: 2 });
    for (const [id, atMs] of [
      ['a', 0],
      ['b', 1],
      ['c', 2],
    ] as const)
      seen.add(id, atMs);
    expect(['a', 'b', 'c'].map((id) => seen.has(id, 3))).toEqual([false, true, true]);
    expect(seen.has('c', 102)).toBe(false);
  });
});

test('a hint that cannot be taken is not remembered: the forge delivers again', async () => {
  const [github] = forges as readonly [Forge];
  let isWell = false;
  const to = app(async () => {
    if (!isWell) throw new Error('the queue is away');
    return true;
  });
  const push = github.push('main', 'id');
  expect((await deliver(to, github, push)).statusCode).toBe(500);
  isWell = true;
  expect((await deliver(to, github, push)).json()).toMatchObject({ result: 'accepted' });
});
