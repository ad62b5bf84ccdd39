import { answerOf, json, named, operation, type Schema, suspension, word } from '../schemas/index.ts';

/** On one line, and printable. */
const line = (maxLength: number): Schema => ({ ...word(maxLength), pattern: '^\\P{C}+$' });

const WHO_AND_WHY = { reason: line(500), by: line(100) } as const;

const SUSPEND_QUERY = {
  type: 'object',
  required: ['reason', 'by'],
  additionalProperties: false,
  properties: {
    ...WHO_AND_WHY,
    forMs: { type: 'integer', minimum: 1, maximum: 2 ** 48, description: 'From now.' },
    untilMs: { type: 'integer', minimum: 1, maximum: 2 ** 48, description: 'Since the Unix epoch.' },
  },
} as const;

const RESUME_QUERY = {
  type: 'object',
  required: ['reason', 'by'],
  additionalProperties: false,
  properties: WHO_AND_WHY,
} as const;

/** Who may, of what, and what it came to. The scheme stands in `openapi.ts`. */
const brake = {
  tags: ['operator'],
  security: [{ operatorToken: [] }],
  params: named('name'),
  ok: { 200: json('In force now.', answerOf('Suspension', suspension)) },
  refusals: [401, 404, 409],
} as const;

export const operator = {
  suspend: operation({
    operationId: 'suspend',
    summary: 'Stops changes of a repository or a scope; what is served stays served.',
    description:
      '`name`: a repository, a scope, or `repository/<name>`, `scope/<path>`. For who has the secret in the data folder of the server.',
    querystring: SUSPEND_QUERY,
    ...brake,
  }),
  resume: operation({
    operationId: 'resume',
    summary: 'Lets changes go on.',
    description: 'For who has the secret in the data folder of the server.',
    querystring: RESUME_QUERY,
    ...brake,
  }),
} as const;
