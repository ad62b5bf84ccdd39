import type { FastifyInstance } from 'fastify';
import { sendText } from './answer.ts';
import { type Described, openApi } from './openapi.ts';
import { operations } from './operations/index.ts';

export type { Described };

/** What the API is, for programs; made once, when somebody asks. `described`: all routes, once there are. */
export function openApiRoute(app: FastifyInstance, described: readonly Described[]): void {
  let document: Promise<string> | null = null;
  app.get('/openapi.json', { schema: operations.openapi }, async (_, reply) => {
    document ??= openApi(described).then((made) => `${JSON.stringify(made, null, 2)}\n`);
    return sendText(reply, await document);
  });
}
