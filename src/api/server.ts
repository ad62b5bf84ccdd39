import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import type { Log } from '../base/log.ts';
import { refuse } from './answer.ts';
import { eventsRoute } from './events-route.ts';
import { hookRoute } from './hook-route.ts';
import { createDeliveries } from './hooks/index.ts';
import { type Described, openApiRoute } from './openapi-route.ts';
import { routes } from './routes.ts';
import type { ApiSource } from './source.ts';

export interface Api {
  /** The port; 0 asks the system for a free one. Rejects where the port is taken. */
  listen(host: string, port: number): Promise<number>;
  /** Answers what is in flight, then closes every connection. */
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 1_048_576;
const REQUEST_TIMEOUT_MS = 10_000;
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
export function createApp(source: ApiSource, log: Log, now: () => number = Date.now): FastifyInstance {
  const app = fastify({
    logger: false,
    trustProxy: false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    frameworkErrors: (error, _request, reply) => {
      const { statusCode = 400, message } = error;
      refuse(reply, statusCode, { code: 'bad-request', message, fix: 'correct the request' });
    },
    routerOptions: { maxParamLength: 1_024 },
  });
  app.addHook('onRequest', async (request, reply) => {
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
    const status = error.statusCode ?? 500;
    if (status < 500) {
      const code = status === 413 ? 'too-large' : 'bad-request';
      return refuse(reply, status, { code, message: error.message, fix: 'correct the request' });
    }
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
  hookRoute(app, source, createDeliveries(source, log), now);
  openApiRoute(app, described);
  return app;
}
