import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createApi } from '../../src/api/index.ts';
import { freePorts } from '../../src/cli/demo/services.ts';
import { createEvents } from '../../src/telemetry/events.ts';
import { apiSource, quiet } from '../server.ts';
import { BIN, createHome, type Home } from './fairlead.ts';

let home: Home;
beforeAll(async () => {
  home = await createHome();
});
afterAll(() => home.close());

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

/** A server of these events, of a repository `mesh` with a scope `acme`. */
async function serve(events: ReturnType<typeof createEvents>, wanted = 0, scopes = ['acme']) {
  const source = apiSource({
    eventsSince: (id) => events.since(id),
    onEvent: (listener) => events.subscribe(listener),
    repositories: () => [{ name: 'mesh' }],
    scopes: () => scopes.map((path) => ({ path, uid: `${path}-uid`, repository: 'mesh' })),
  });
  const api = createApi(source, quiet);
  const port = await api.listen('127.0.0.1', wanted);
  cleanup.push(() => api.close());
  return { api, port, address: ['--server', `http://127.0.0.1:${port}`] };
}

/** Of now, and of an hour ago. */
function some() {
  let ageMs = 3_600_000;
  const events = createEvents(() => Date.now() - ageMs);
  events.add({ type: 'followed', repository: 'mesh', message: 'mesh is at a' });
  events.add({ type: 'held', repository: 'mesh', scope: 'acme', message: 'G5: one vote is missing' });
  ageMs = 0;
  events.add({ type: 'released', repository: 'mesh', scope: 'acme', message: 'seq 2' });
  events.add({ type: 'nack', proxy: 'sidecar~1~web-1.shop~d', message: 'two\nlines' });
  return events;
}

const PROXY = '--for=proxy/web-1.shop';

test.each([
  [[], ['followed', 'held', 'released', 'nack']],
  [
    ['--types', 'held,nack'],
    ['held', 'nack'],
  ],
  [
    ['--since', '10m'],
    ['released', 'nack'],
  ],
  [
    ['--for', 'scope/acme'],
    ['held', 'released'],
  ],
  [
    ['--for', 'repository/mesh'],
    ['followed', 'held', 'released'],
  ],
  [[PROXY], ['nack']],
  [[PROXY, '--types', 'held'], []],
])('%j lists %j', async (args, wanted) => {
  const { address } = await serve(some());
  const { code, out } = await home.fairlead('.', 'events', ...args, '-o', 'json', ...address);
  const { kind, items, complete } = JSON.parse(out);
  expect({ code, kind, complete }).toEqual({ code: 0, kind: 'EventList', complete: true });
  expect(items.map(({ type }: { readonly type: string }) => type)).toEqual(wanted);
});

test('people read when, what, of which and why, in a line each', async () => {
  const { address } = await serve(some());
  const { code, out } = await home.fairlead('.', 'events', ...address);
  expect(code).toBe(0);
  expect(out.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'AT').replaceAll(/ {2,}/g, '  ')).toBe(
    [
      'AT  TYPE  OBJECT  MESSAGE',
      'AT  followed  repository/mesh  mesh is at a',
      'AT  held  scope/acme  G5: one vote is missing',
      'AT  released  scope/acme  seq 2',
      'AT  nack  proxy/web-1.shop  two lines',
      '',
    ].join('\n'),
  );
});

test('says what is not kept any more', async () => {
  const events = createEvents(Date.now);
  for (let n = 0; n < 1_001; n += 1) events.add({ type: 'held', repository: 'mesh', message: '' });
  const { address } = await serve(events);
  const { err } = await home.fairlead('.', 'events', ...address);
  expect(err).toBe('older events are not kept any more\n');
});

test.each([
  [['--types', 'heldd'], 64, 'did you mean held?'],
  [['--for', 'acme'], 64, 'write scope/<path>'],
  [['--since', 'today'], 64, 'write a duration'],
  [['--for', 'scope/acne'], 2, 'did you mean acme?'],
])('%j is a slip: %i', async (args, code, text) => {
  const { address } = await serve(createEvents(Date.now));
  const ran = await home.fairlead('.', 'events', ...args, ...address);
  expect(ran).toMatchObject({ code, out: '', err: expect.stringContaining(text) });
});

test('a scope is named as everywhere else: by the end of its path, or its uid', async () => {
  const events = createEvents(Date.now);
  events.add({ type: 'released', repository: 'mesh', scope: 'acme.pay', message: 'seq 2' });
  const { address } = await serve(events, 0, ['acme', 'acme.pay']);
  for (const name of ['acme.pay', 'pay', 'acme.pay-uid']) {
    const { code, out } = await home.fairlead(
      '.',
      'events',
      '--for',
      `scope/${name}`,
      '-o',
      'json',
      ...address,
    );
    expect({ code, types: JSON.parse(out).items.map(({ type }: { type: string }) => type) }).toEqual({
      code: 0,
      types: ['released'],
    });
  }
});

test('a scope of a server that has none yet: says what to look at', async () => {
  const { address } = await serve(createEvents(Date.now), 0, []);
  const { code, err } = await home.fairlead('.', 'events', '--for', 'scope/acme', ...address);
  expect({ code, err }).toEqual({
    code: 2,
    err: expect.stringContaining('fix: there is none yet: fairlead status'),
  });
});

test.each([[[]], [['--watch']]])('nobody listens: 2, also with %j', async (args) => {
  const ran = await home.fairlead('.', 'events', ...args, '--server', 'http://127.0.0.1:1');
  expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('[server-unreachable]') });
});

test('--watch goes on where it was when the server comes back, and shows nothing twice', async () => {
  const events = some();
  // One that nobody else is given while the server is away.
  const [own = 0] = await freePorts(1);
  const { api, port, address } = await serve(events, own);
  const args = ['events', '--watch', '--types', 'held,released', '-o', 'json', ...address];
  const child = spawn(process.execPath, [BIN, ...args], { env: home.environment });
  cleanup.push(() => child.kill('SIGKILL'));
  let shown = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await until(() => shown.includes('seq 2'));
  events.add({ type: 'held', repository: 'mesh', scope: 'acme', message: 'live' });
  events.add({ type: 'health', repository: 'mesh', scope: 'acme', message: 'not asked for' });
  await until(() => shown.includes('live'));
  await api.close();
  await until(() => said.includes('asking again'));
  events.add({ type: 'released', repository: 'mesh', scope: 'acme', message: 'while it was away' });
  await serve(events, port);
  await until(() => shown.includes('while it was away'));
  events.add({ type: 'held', repository: 'mesh', scope: 'acme', message: 'live again' });
  await until(() => shown.includes('live again'));
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect([...shown.matchAll(/"message": "(.*)"/g)].map(([, message]) => message)).toEqual([
    'G5: one vote is missing',
    'seq 2',
    'live',
    'while it was away',
    'live again',
  ]);
  expect(said.match(/asking again/g)).toHaveLength(1);
});
