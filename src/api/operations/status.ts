import { PAGE_QUERY } from '../page.ts';
import { answerOf, flag, json, list, operation, pageOf, ref, said, text } from '../schemas/index.ts';

const EVENTS_QUERY = {
  type: 'object',
  additionalProperties: false,
  properties: {
    after: { type: 'string', maxLength: 100, default: '', description: 'Only what came after this id.' },
  },
} as const;

export const status = {
  repositories: operation({
    operationId: 'listRepositories',
    summary: 'The repositories that are followed.',
    tags: ['status'],
    ok: { 200: json('All of them.', answerOf('RepositoryList', { items: list(ref('Repository')) })) },
  }),
  commit: operation({
    operationId: 'getCommit',
    summary: 'Does the followed tip have this commit below it, merged or not?',
    tags: ['status'],
    params: {
      type: 'object',
      properties: { name: { type: 'string' }, commit: { type: 'string', pattern: '^[0-9a-f]{40}$' } },
    },
    ok: {
      200: json('Yes or no.', answerOf('Commit', { repository: text, commit: text, followed: flag })),
    },
    refusals: [404],
  }),
  scopes: operation({
    operationId: 'listScopes',
    summary: 'Scopes of all repositories, in the order of their paths.',
    tags: ['status'],
    querystring: PAGE_QUERY,
    ok: { 200: json('A page.', answerOf('ScopeList', pageOf('Scope'))) },
  }),
  events: operation({
    operationId: 'listEvents',
    summary:
      'What happened, the oldest first; with `Accept: text/event-stream` also what happens from now on.',
    description:
      'Of the stream, each event has its `id`, its type as `event`, and as `data` an `Event` in JSON. A reader that is cut off sends the last id as `Last-Event-ID`. Lines that begin with a colon keep the connection open.',
    tags: ['status'],
    querystring: EVENTS_QUERY,
    headers: {
      type: 'object',
      properties: { 'last-event-id': { type: 'string', description: 'Instead of `after`.' } },
    },
    ok: {
      200: {
        description: 'A list, or a stream.',
        content: {
          'application/json': {
            schema: answerOf('EventList', {
              items: list(ref('Event')),
              complete: said('None is missing since `after`.', flag),
            }),
          },
          'text/event-stream': { schema: text },
        },
      },
    },
  }),
} as const;
