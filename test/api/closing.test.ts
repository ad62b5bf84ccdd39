import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiSource } from '../../src/api/index.ts';
import { createApp } from '../../src/api/server.ts';
import { apiSource, quiet } from '../server.ts';

/** A server that closes does not wait for whoever stays connected; before, these took as long as the other end liked. */

async function serve(more: Partial<ApiSource> = {}) {
  const app = createApp(apiSource(more), quiet);
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  return { app, port };
}

/** Somebody who sends this, and does not end the connection. */
function stay(port: number, bytes: string) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setEncoding('latin1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {}); // That it is reset is one way to end it.
  let text = '';
  socket.on('data', (piece: string) => {
    text += piece;
  });
  socket.write(bytes);
  return { socket, heard: () => text };
}

const request = (path: string, ...headers: readonly string[]) =>
  `${[`GET ${path} HTTP/1.1`, 'Host: a', ...headers].join('\r\n')}\r\n\r\n`;

test.each([
  ['asks nothing', ''],
  ['asks half', 'GET /livez HTTP/1.1\r\nHo'],
])('who %s', async (_, bytes) => {
  const { app, port } = await serve();
  const came = once(app.server, 'connection');
  stay(port, bytes);
  await came;
  await app.close();
});

test('who was answered, and asks half again', async () => {
  const { app, port } = await serve();
  const { socket, heard } = stay(port, `${request('/livez')}GET /li`);
  while (!heard().endsWith('}\n')) await once(socket, 'data');
  await app.close();
});

test('who follows events', async () => {
  const { app, port } = await serve();
  const { socket, heard } = stay(port, request('/api/v1/events', 'Accept: text/event-stream'));
  while (!heard().includes('all that is kept')) await once(socket, 'data');
  await app.close();
});

test('who is being answered is answered, and then', async () => {
  const asked = Promise.withResolvers<void>();
  const read = Promise.withResolvers<string>();
  const metrics = () => {
    asked.resolve();
    return read.promise;
  };
  const { app, port } = await serve({ metrics });
  const { heard } = stay(port, request('/metrics'));
  await asked.promise;
  const closed = app.close();
  while (app.server.listening) await new Promise(setImmediate);
  read.resolve('fairlead_up 1\n');
  await closed;
  expect(heard()).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\nfairlead_up 1\n$/);
});

test('who does not send the rest, soon', async () => {
  const { app, port } = await serve();
  const came = once(app.server, 'request');
  stay(port, 'POST /hooks/v1/generic/mesh HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{');
  await came;
  await app.close();
});
