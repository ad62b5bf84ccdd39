import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** As streams of proxies have it. */
const GRACE_MS = 2_000;

/**
 * Ends connections where `close` alone would wait for their other ends: those on which nothing is asked, or half of a request,
 * at once; the others when they are answered, or after `GRACE_MS`. Node lets an end that says nothing stay for ever.
 */
export function endConnections(app: FastifyInstance, isAnswering: (socket: Socket) => boolean): void {
  const open = new Set<Socket>();
  let isClosing = false;
  app.server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  app.addHook('preClose', async () => {
    isClosing = true;
    for (const socket of open) if (!isAnswering(socket)) socket.destroy();
    setTimeout(() => app.server.closeAllConnections(), GRACE_MS).unref();
  });
  app.addHook('onResponse', async () => {
    // What was asked behind it on the same connection is being written by then.
    if (isClosing) setImmediate(() => app.server.closeIdleConnections());
  });
}
