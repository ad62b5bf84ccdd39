import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { answer, refuse } from './answer.ts';
import { isLocalProgram } from './local.ts';
import { operations } from './operations.ts';
import type { ApiSource, BrakeAnswer } from './source.ts';

type Who = { readonly reason: string; readonly by: string };
type Params = { readonly name: string };

/** Stops changes of a repository or a scope; what is served stays served. Only the machine itself can. */
export function suspend(app: FastifyInstance, source: ApiSource): void {
  type Query = Who & { readonly forMs?: number; readonly untilMs?: number };
  const options = { schema: operations.suspend };
  app.post<{ Params: Params; Querystring: Query }>('/hooks/v1/suspend/:name', options, (request, reply) => {
    const { reason, by, forMs = null, untilMs = null } = request.query;
    const asked = { name: request.params.name, reason, by, forMs, untilMs };
    return locally(request, reply, () => source.suspend(asked));
  });
}

export function resume(app: FastifyInstance, source: ApiSource): void {
  const options = { schema: operations.resume };
  app.post<{ Params: Params; Querystring: Who }>('/hooks/v1/resume/:name', options, (request, reply) => {
    const { reason, by } = request.query;
    return locally(request, reply, () => source.resume({ name: request.params.name, reason, by }));
  });
}

async function locally(
  request: FastifyRequest,
  reply: FastifyReply,
  act: () => Promise<BrakeAnswer>,
): Promise<FastifyReply> {
  if (!isLocalProgram(request)) {
    const message = 'only programs of this machine can stop changes here, or let them go on';
    const fix = 'run fairlead suspend or resume on the host that runs Fairlead';
    return refuse(reply, 403, { code: 'forbidden', message, fix });
  }
  const done = await act();
  if ('code' in done) return refuse(reply, done.code === 'not-found' ? 404 : 409, done);
  return answer(reply, 'Suspension', done.suspension);
}
