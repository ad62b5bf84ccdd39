import type { FastifyReply } from 'fastify';

const API_VERSION = 'fairlead.dev/v1alpha1';

/** The one shape of an error: a stable code, what happened, and what to do. */
export type ApiError = { readonly code: string; readonly message: string; readonly fix: string };

export function answer(reply: FastifyReply, kind: string, body: object): FastifyReply {
  return sendText(reply, textOf({ apiVersion: API_VERSION, kind, ...body }));
}

export function refuse(reply: FastifyReply, status: number, error: ApiError): FastifyReply {
  return sendText(reply.code(status), errorText(error));
}

export function errorText(error: ApiError): string {
  return textOf({ apiVersion: API_VERSION, kind: 'Error', ...error });
}

export function notFound(reply: FastifyReply, what: string, list: string): FastifyReply {
  return refuse(reply, 404, {
    code: 'not-found',
    message: `there is no ${what}`,
    fix: `GET ${list} lists them`,
  });
}

/** Two spaces and a final line feed, like the CLI's: an answer can be compared with a file. */
function textOf(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function sendText(reply: FastifyReply, json: string): FastifyReply {
  return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(json);
}
