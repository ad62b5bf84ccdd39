import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import type { Log } from '../base/log.ts';
import { refuse } from './answer.ts';
import { endConnections } from './closing.ts';
import { eventsRoute } from './events-route.ts';
import { hookRoute } from './hook-route.ts';
import { createDeliveries } from './hooks/index.ts';
import { BODY_LIMIT_BYTES, PARAM_LIMIT, refuseHost, refusePath, refuseRequest } from './malformed.ts';
import { type Described, openApiRoute } from './openapi-route.ts';
import { routes } from './routes.ts';
import type { ApiSource } from './source.ts';
import { refuseExpectation, refuseUnreadable } from './unreadable.ts';

export interface Api {
  /** The port; 0 asks the system for a free one. Rejects where the port is taken. */
  listen(host: string, port: number): Promise<number>;
  /** Answers what is in flight, for two seconds at most, and closes every connection. */
  close(): Promise<void>;
}

const API_LIMITS = {
  /** For a request to come whole. */
  requestTimeoutMs: 10_000,
  /** How often connections are held to it: Node's own 30 s would be most of what is waited for. */
  checkMs: 1_000,
};
/** What is asked of a server that ends. */
const WHILE_DRAINING: ReadonlySet<string> = new Set(['/livez', '/healthz', '/readyz', '/metrics']);

/** `now` in milliseconds since the Unix epoch: what is remembered of deliveries, and for how long. */
export function createApi(source: ApiSource, log: Log, now: () => number = Date.now): Api {
  const app = createApp(source, log, now);
  return {
    async listen(host, port) {
      await app.listen({ host, port });
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : port;
    },
    close: () => app.close(),
  };
}

/** The application without a socket, for tests. */
export function createApp(
  source: ApiSource,
  log: Log,
  now: () => number = Date.now,
  limits = API_LIMITS,
): FastifyInstance {
  const answering = new WeakMap<Socket, ServerResponse>();
  const app = fastify({
    logger: false,
    trustProxy: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      connectionsCheckingInterval: limits.checkMs,
      requestTimeout: limits.requestTimeoutMs,
      // Node's own is 60 s, and of the two it takes the longer for the whole request.
      headersTimeout: limits.requestTimeoutMs,
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket, answering.get(socket)),
    forceCloseConnections: 'idle',
    // Whoever still asks while the last answers go out is answered like anybody else.
    return503OnClosing: false,
    frameworkErrors: (error, _, reply) => refusePath(error, reply),
    routerOptions: { maxParamLength: PARAM_LIMIT },
    // What is not known is refused, and not taken away.
    ajv: { customOptions: { removeAdditional: false } },
  });
  app.server.on('checkExpectation', refuseExpectation);
  endConnections(app, (socket) => answering.get(socket)?.writableFinished === false);
  app.addHook('onRequest', async (request, reply) => {
    answering.set(request.raw.socket, reply.raw);
    await refuseHost(request, reply);
    if (reply.sent) return;
    if (!source.draining() || WHILE_DRAINING.has(request.routeOptions.url ?? '')) return;
    const fix = 'ask another replica, or again once it is back';
    await refuse(reply.header('retry-after', '5'), 503, {
      code: 'unavailable',
      message: 'this server ends',
      fix,
    });
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.method} ${request.url.slice(0, 200)}`;
    return refuse(reply, 404, { code: 'not-found', message, fix: 'GET /api/v1/repositories is a start' });
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if ((error.statusCode ?? 500) < 500) return refuseRequest(error, request, reply);
    log.error(
      { method: request.method, route: request.routeOptions.url, error: String(error) },
      'request failed',
    );
    const fix = 'this is a bug of Fairlead: report it with the log';
    return refuse(reply, 500, { code: 'internal', message: 'the request failed', fix });
  });
  const described: Described[] = [];
  app.addHook('onRoute', (route) => {
    described.push(route);
  });
  app.setSerializerCompiler(() => JSON.stringify); // Answers are written as text.
  for (const route of routes) route(app, source);
  eventsRoute(app, source);
  hookRoute(app, source, createDeliveries(source, log, now), now);
  openApiRoute(app, described);
  return app;
}
