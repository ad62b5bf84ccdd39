import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answer, refuse } from './answer.ts';
import { operations } from './operations/index.ts';
import type { ApiSource, BrakeAnswer } from './source.ts';

type Who = { readonly reason: string; readonly by: string };
type Params = { readonly name: string };

/** Stops changes of a repository or a scope; what is served stays served. Only who has the secret of the data folder can. */
export function suspend(app: FastifyInstance, source: ApiSource): void {
  type Query = Who & { readonly forMs?: number; readonly untilMs?: number };
  type Route = { readonly Params: Params; readonly Querystring: Query };
  const options = { schema: operations.suspend, onRequest: operatorsOnly(source) };
  app.post<Route>('/operator/v1/suspend/:name', options, async (request, reply) => {
    const { reason, by, forMs = null, untilMs = null } = request.query;
    const asked = { name: request.params.name, reason, by, forMs, untilMs };
    return told(reply, await source.suspend(asked));
  });
}

export function resume(app: FastifyInstance, source: ApiSource): void {
  type Route = { readonly Params: Params; readonly Querystring: Who };
  const options = { schema: operations.resume, onRequest: operatorsOnly(source) };
  app.post<Route>('/operator/v1/resume/:name', options, async (request, reply) => {
    const { reason, by } = request.query;
    return told(reply, await source.resume({ name: request.params.name, reason, by }));
  });
}

/** Before anything else of the request is read. Where it comes from says nothing: a proxy on this machine is local, too. */
function operatorsOnly(source: ApiSource) {
  return async ({ headers }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const [, token] = /^Bearer ([\w-]{1,200})$/i.exec(headers.authorization ?? '') ?? [];
    if (token !== undefined && source.mayOperate(token)) return;
    const message = 'only who can read operator-token in the data folder of this server can do that';
    const fix = 'run fairlead suspend or resume where that file is, or name it with --token-file';
    await refuse(reply.header('www-authenticate', 'Bearer'), 401, { code: 'unauthorized', message, fix });
  };
}

function told(reply: FastifyReply, done: BrakeAnswer): FastifyReply {
  if ('code' in done) return refuse(reply, done.code === 'not-found' ? 404 : 409, done);
  return answer(reply, 'Suspension', done.suspension);
}
