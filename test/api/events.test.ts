import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { EVENT_LIMITS, eventsRoute } from '../../src/api/events-route.ts';
import { createEvents } from '../../src/telemetry/events.ts';
import { apiSource } from '../server.ts';

const apps: FastifyInstance[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

/** A server of nothing but events; `readers` counts those that follow. */
async function serve(limits: Partial<typeof EVENT_LIMITS> = {}) {
  const events = createEvents(() => 7);
  let readers = 0;
  const source = apiSource({
    eventsSince: (id) => events.since(id),
    onEvent(listener) {
      readers += 1;
      const end = events.subscribe(listener);
      return () => {
        readers -= 1;
        end();
      };
    },
  });
  const app = fastify({ forceCloseConnections: 'idle' });
  apps.push(app);
  app.setSerializerCompiler(() => JSON.stringify);
  eventsRoute(app, source, { ...EVENT_LIMITS, ...limits });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { app, events, port, url: `http://127.0.0.1:${port}/api/v1/events`, readers: () => readers };
}

const stream = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers: { accept: 'text/event-stream', ...headers } });

/** Reads until `found` has come; all that was read. */
async function read(body: Awaited<ReturnType<typeof stream>>['body'], found: string): Promise<string> {
  let text = '';
  for await (const bytes of body ?? []) {
    text += Buffer.from(bytes).toString();
    if (text.includes(found)) return text;
  }
  return text;
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise(setImmediate);
};

test('events are listed, those after one too', async () => {
  const { events, url } = await serve();
  const [a, b] = [events.add({ type: 'followed', message: 'a' }), events.add({ type: 'held', message: 'b' })];
  expect(await (await fetch(url)).json()).toMatchObject({ kind: 'EventList', items: [a, b], complete: true });
  expect(await (await fetch(`${url}?after=${a.id}`)).json()).toMatchObject({ items: [b] });
});

test('events are followed, from the last that was seen', async () => {
  const { events, url } = await serve();
  const a = events.add({ type: 'followed', message: 'a' });
  const b = events.add({ type: 'held', message: 'b' });
  const answer = await stream(url, { 'last-event-id': a.id });
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  events.add({ type: 'nack', proxy: 'p', message: 'later\nline' });
  const text = await read(answer.body, 'later');
  expect(text).toContain(`id: ${b.id}\nevent: held\ndata: ${JSON.stringify(b)}\n\n`);
  expect(text).toContain('event: nack\ndata: {');
  expect(text).not.toContain('event: followed');
});

test('a quiet stream shows that it lives, and who leaves is forgotten', async () => {
  const { url, readers } = await serve({ heartbeatMs: 5 });
  await read((await stream(url)).body, '\n\n:\n\n:\n\n');
  await until(() => readers() === 0);
});

test('a reader that does not read is cut off, and the others go on', async () => {
  const { events, port, url, readers } = await serve({ backlogBytes: 10_000 });
  const socket = connect(port, '127.0.0.1').pause();
  socket.on('error', () => {});
  socket.write('GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  await until(() => readers() === 1);
  const other = read((await stream(url)).body, 'the end');
  await until(() => readers() === 2);
  while (readers() === 2) {
    events.add({ type: 'nack', proxy: 'p', message: 'x'.repeat(2_000) });
    await new Promise(setImmediate);
  }
  events.add({ type: 'followed', message: 'the end' });
  expect(await other).toContain('the end');
  socket.destroy();
});

test('what is kept is more than may wait for a reader: it has all of it, and then what happens, each once', async () => {
  const { events, url } = await serve();
  const add = (message: string) => events.add({ type: 'nack', proxy: 'p', message }).id;
  const long = 'x'.repeat(2_000);
  const ids = Array.from({ length: 900 }, () => add(long));
  const answer = await stream(url);
  // While some of it is on its way.
  ids.push(...Array.from({ length: 50 }, () => add(long)));
  const more = setInterval(() => ids.length < 999 && ids.push(add(long)), 1);
  let text = '';
  for await (const bytes of answer.body ?? []) {
    text += Buffer.from(bytes).toString();
    if (text.includes('"the end"')) break;
    if (ids.length === 999 && text.includes(`id: ${ids[998]}\n`)) ids.push(add('the end'));
  }
  clearInterval(more);
  expect([...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual(ids);
});

test('a reader that does not read holds no more of what is kept than it may', async () => {
  const { events, app, port } = await serve();
  for (let made = 0; made < 1_000; made += 1)
    events.add({ type: 'nack', proxy: 'p', message: 'x'.repeat(50_000) });
  const responses: ServerResponse[] = [];
  app.server.on('request', (_, response) => responses.push(response));
  const socket = connect(port, '127.0.0.1').pause();
  socket.write('GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  await until(() => responses[0]?.writableNeedDrain === true);
  expect(responses[0]?.writableLength).toBeLessThan(EVENT_LIMITS.backlogBytes);
  socket.destroy();
});

test('HEAD asks what a stream would be, and follows nothing', async () => {
  const { url, readers } = await serve({ readers: 1 });
  const headers = { accept: 'text/event-stream' };
  const [first, second] = [0, 1].map(() =>
    fetch(url, { method: 'HEAD', headers, signal: AbortSignal.timeout(10_000) }),
  );
  for (const asked of [await first, await second])
    expect([asked?.status, asked?.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
  expect(readers()).toBe(0);
});

test('there are only so many readers, and none holds up the end', async () => {
  const { app, url, readers } = await serve({ readers: 1 });
  const first = await stream(url);
  const second = await stream(url);
  expect([second.status, await second.json()]).toMatchObject([503, { code: 'too-many' }]);
  apps.splice(0);
  await app.close();
  await first.text();
  expect(readers()).toBe(0);
});
