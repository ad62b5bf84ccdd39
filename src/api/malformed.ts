import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ApiError, refuse } from './answer.ts';

export const BODY_LIMIT_BYTES = 1_048_576;
export const PARAM_LIMIT = 1_024;

const FIXES: Readonly<Record<number, string>> = {
  413: 'send at most 1 MiB (1048576 bytes)',
  414: `write at most ${PARAM_LIMIT} characters in each part of the path`,
  415: 'name the type of the body, such as Content-Type: application/json',
};

/** A path that cannot be taken apart; no route is known of it. */
export function refusePath({ statusCode = 400, message }: FastifyError, reply: FastifyReply): FastifyReply {
  const fix = FIXES[statusCode] ?? 'write the path in UTF-8, percent-encoded';
  return refuse(reply, statusCode, { code: 'bad-request', message, fix });
}

/** A request has one Host, but for those of HTTP/1.0 (RFC 9112, 3.2); Node would say so with an empty answer. Null: it is well. */
export function refuseHost({ raw }: FastifyRequest, reply: FastifyReply): FastifyReply | null {
  // Of several Node shows the first.
  const { length } = raw.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  if (length === 1 || (length === 0 && raw.httpVersion !== '1.1')) return null;
  const message = `the request has ${length === 0 ? 'no Host' : 'several of the header Host'}`;
  const error = { code: 'bad-request', message, fix: 'say whom it is for: one Host' };
  return refuse(reply.header('connection', 'close'), 400, error);
}

/** What a route does not take: its body, or what its schema says against. */
export function refuseRequest(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { statusCode = 400, message } = error;
  const code = statusCode === 413 ? 'too-large' : 'bad-request';
  const fix = FIXES[statusCode] ?? 'GET /openapi.json says what can be asked';
  return refuse(reply, statusCode, invalid(error, request) ?? { code, message, fix });
}

type Property = {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly items?: Property;
};

/** Null where it is not the schema of the route that says no. */
function invalid(error: FastifyError, { routeOptions }: FastifyRequest): ApiError | null {
  const { message, validation: [first] = [], validationContext: part } = error;
  if (first === undefined || (part !== 'querystring' && part !== 'params')) return null;
  const schema = routeOptions.schema?.[part] as
    | { properties?: Readonly<Record<string, Property>> }
    | undefined;
  const known = schema?.properties ?? {};
  const { additionalProperty, missingProperty } = first.params;
  if (typeof additionalProperty === 'string') {
    const names = Object.keys(known).join(', ');
    return {
      code: 'bad-request',
      message: `there is no query parameter ${additionalProperty.slice(0, 100)} here`,
      fix: names === '' ? 'leave it out: none is known' : `leave it out; known: ${names}`,
    };
  }
  const name = typeof missingProperty === 'string' ? missingProperty : first.instancePath.split('/')[1];
  const property = known[name ?? ''];
  if (name === undefined || property === undefined) return null;
  return { code: 'bad-request', message, fix: `write ${name} as ${words(property)}` };
}

/** What may be written, in words. */
function words({ type, enum: some, items, maxItems, ...limits }: Property): string {
  if (some !== undefined) return `one of: ${some.join(', ')}`;
  if (items !== undefined) return `${words(items)}, at most ${maxItems} times`;
  const { minimum, maximum, minLength = 0, maxLength, pattern } = limits;
  if (type === 'integer') return `an integer from ${minimum} to ${maximum}`;
  const length = maxLength === undefined ? 'text' : `${minLength} to ${maxLength} characters`;
  return pattern === undefined ? length : `${length} that match ${pattern}`;
}
