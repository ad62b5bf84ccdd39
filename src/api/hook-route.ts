import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answer, notFound, refuse } from './answer.ts';
import { type Deliveries, forgeOf, HOOK_LIMITS, hookRequest } from './hooks/index.ts';
import { createBuckets } from './hooks/limits.ts';
import { isLocal } from './local.ts';
import { operations } from './operations/index.ts';
import type { ApiSource } from './source.ts';

type Params = { readonly provider: string; readonly repository: string };
type Query = { readonly what?: 'source' | 'judgement' };
type Route = { readonly Params: Params; readonly Querystring: Query };
type Request = FastifyRequest<Route>;

/** How a delivery was answered, as its metric has it. */
const RESULTS: Readonly<Record<number, string>> = {
  202: 'accepted',
  403: 'forbidden',
  404: 'refused',
  413: 'too-large',
  429: 'limited',
};

/** Hints to fetch: of forges, which sign them, and of scripts on this machine, which need not. */
export function hookRoute(
  app: FastifyInstance,
  source: ApiSource,
  deliveries: Deliveries,
  now: () => number,
) {
  const buckets = createBuckets(HOOK_LIMITS);
  app.post<Route>('/hooks/v1/:provider/:repository', {
    schema: operations.hook,
    onRequest: async (request, reply) => {
      const unsigned = isUnsignedGeneric(request);
      if (unsigned && isLocal(request)) return;
      // Before the body is read, which may be large.
      if (!buckets.take(request.ip, now())) await tooMany(reply);
      else if (unsigned) {
        deliveries.turnAway(request.params.repository, request.ip);
        await forbidden(reply);
      }
    },
    handler: async (request, reply) => {
      if (isUnsignedGeneric(request)) return localHint(request, reply, source);
      const { provider, repository } = request.params;
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const header = headerOf(request);
      const tookMs = () => reply.elapsedTime;
      const result = await deliveries.take(provider, repository, {
        ...{ header, body, tookMs },
        from: request.ip,
        nowMs: now(),
      });
      if (result === 'unknown') return unknown(reply);
      // Whoever knows a secret is no flood, but may be recorded and sent again.
      if (result !== 'duplicate') buckets.giveBack(request.ip);
      return answer(reply.code(202), 'Accepted', { repository, result });
    },
    onResponse: async ({ params }, { statusCode }) =>
      source.hooked(forgeOf(params.provider), RESULTS[statusCode] ?? 'failed'),
  });
}

function headerOf({ headers }: FastifyRequest<Route>): (name: string) => string {
  return (name) => String(headers[name] ?? '');
}

function isUnsignedGeneric({ params, headers }: FastifyRequest): boolean {
  return (params as Params).provider === 'generic' && headers['x-signature'] === undefined;
}

/** A local script's hint. Its body says nothing: what is believed is only what git holds. */
async function localHint(request: Request, reply: FastifyReply, source: ApiSource) {
  const { repository } = request.params;
  const { what = 'source' } = request.query;
  const hook = hookRequest('generic', { header: headerOf(request), tookMs: () => reply.elapsedTime });
  if (!(await source.trigger(repository, what, null, hook)))
    return notFound(reply, `repository ${repository}`, '/api/v1/repositories');
  return answer(reply.code(202), 'Accepted', { repository, result: 'accepted' });
}

function forbidden(reply: FastifyReply) {
  const message = 'without a signature this hook is open to the machine itself only';
  const fix = 'sign it (X-Signature), or call it from the host that runs Fairlead';
  return refuse(reply, 403, { code: 'forbidden', message, fix });
}

function unknown(reply: FastifyReply) {
  const message = 'there is no such hook, or its secret did not sign this';
  const fix = 'compare the URL and the secret with webhookSecretFile; the server’s log says which it is';
  return refuse(reply, 404, { code: 'not-found', message, fix });
}

function tooMany(reply: FastifyReply) {
  const { burst, perSecond } = HOOK_LIMITS;
  const message = `more than ${burst} deliveries that are not believed, and ${perSecond} a second`;
  reply.header('retry-after', '1');
  return refuse(reply, 429, { code: 'too-many', message, fix: 'wait; the poll sees what was pushed' });
}
