import { PAGE_QUERY } from './page.ts';
import {
  answerOf,
  commit,
  count,
  flag,
  json,
  list,
  operation,
  orNull,
  ref,
  type Schema,
  said,
  suspension,
  text,
} from './schemas/index.ts';

const named = (...names: readonly string[]): Schema => ({
  type: 'object',
  properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
});

const page = (item: string): Readonly<Record<string, Schema>> => ({
  items: list(ref(item)),
  total: said('Of all pages.', count),
  next: said('`after` of the next page; null: this is the last.', orNull(text)),
});

const word = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength }) as const;
/** On one line, and printable. */
const line = (maxLength: number) => ({ ...word(maxLength), pattern: '^\\P{C}+$' }) as const;

const ORIGIN_QUERY = {
  type: 'object',
  required: ['typeUrl', 'name', 'version', 'pointer'],
  properties: {
    typeUrl: word(200),
    name: word(1_000),
    version: word(100),
    pointer: { ...word(1_000), description: 'Into the JSON of the resource (RFC 6901).' },
  },
} as const;

const DECISIONS_QUERY = {
  type: 'object',
  required: ['scope'],
  properties: { scope: { type: 'array', items: word(1_000), maxItems: 100 } },
} as const;

const LINEAGE_QUERY = {
  type: 'object',
  required: ['scope'],
  properties: { scope: { ...word(1_000), description: 'Dotted path, or uid.' } },
} as const;

const EVENTS_QUERY = {
  type: 'object',
  properties: {
    after: { type: 'string', maxLength: 100, default: '', description: 'Only what came after this id.' },
  },
} as const;

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

const HOOK_QUERY = {
  type: 'object',
  properties: {
    what: {
      type: 'string',
      enum: ['source', 'judgement'],
      description: 'Of a script on this machine: `judgement` judges anew what was fetched last.',
    },
  },
} as const;

/** Of the security schemes in `openapi.ts`. */
const OPERATOR = [{ operatorToken: [] }] as const;

/** What the hint or the suspension came to. */
const accepted = json('Accepted.', answerOf('Accepted', { repository: text, result: text }));
const inForce = json('In force now.', answerOf('Suspension', suspension));

/** One for each route. */
export const operations = {
  livez: operation({
    operationId: 'livez',
    summary: 'Does the process answer?',
    tags: ['health'],
    ok: { 200: json('It does.', answerOf('Liveness', { live: flag })) },
  }),
  healthz: operation({
    operationId: 'healthz',
    summary: "As /livez, by the older name of Kubernetes' probes.",
    tags: ['health'],
    ok: { 200: json('It does.', answerOf('Liveness', { live: flag })) },
  }),
  readyz: operation({
    operationId: 'readyz',
    summary: 'Is what was verified being served?',
    tags: ['health'],
    ok: {
      200: json('It is.', answerOf('Readiness', { ready: flag, message: text })),
      503: json('Not yet.', answerOf('Readiness', { ready: flag, message: text })),
    },
  }),
  metrics: operation({
    operationId: 'metrics',
    summary: 'Metrics for Prometheus; docs/metrics.md has each.',
    tags: ['health'],
    ok: {
      200: { description: "Prometheus' text format, 0.0.4.", content: { 'text/plain': { schema: text } } },
    },
  }),
  openapi: operation({
    operationId: 'openapi',
    summary: 'This document.',
    tags: ['health'],
    ok: { 200: json('OpenAPI 3.1.', { type: 'object' }) },
  }),
  repositories: operation({
    operationId: 'listRepositories',
    summary: 'The repositories that are followed.',
    tags: ['status'],
    ok: { 200: json('All of them.', answerOf('RepositoryList', { items: list(ref('Repository')) })) },
  }),
  verification: operation({
    operationId: 'getVerification',
    summary: 'What a repository came to: the same bytes as `fairlead verify -o json`.',
    tags: ['governance'],
    params: named('name'),
    ok: {
      200: json(
        'The verification of the followed tip.',
        answerOf('Verification', {
          genesis: commit,
          path: text,
          tip: commit,
          index: count,
          scopes: list(ref('VerifiedScope')),
        }),
      ),
    },
    refusals: [404, 503],
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
    refusals: [400, 404],
  }),
  scopes: operation({
    operationId: 'listScopes',
    summary: 'Scopes of all repositories, in the order of their paths.',
    tags: ['status'],
    querystring: PAGE_QUERY,
    ok: { 200: json('A page.', answerOf('ScopeList', page('Scope'))) },
    refusals: [400],
  }),
  proxies: operation({
    operationId: 'listProxies',
    summary: 'Connected proxies, in the order of their ids.',
    tags: ['proxies'],
    querystring: PAGE_QUERY,
    ok: { 200: json('A page.', answerOf('ProxyList', page('Proxy'))) },
    refusals: [400],
  }),
  proxyConfig: operation({
    operationId: 'getProxyConfig',
    summary: 'What a connected proxy should have, in the order of type and name.',
    tags: ['proxies'],
    params: named('proxy'),
    querystring: PAGE_QUERY,
    ok: {
      200: json(
        'A page.',
        answerOf('ProxyConfig', { proxy: text, revision: text, ...page('ProxyResource') }),
      ),
    },
    refusals: [400, 404],
  }),
  origin: operation({
    operationId: 'getOrigin',
    summary: 'Where the rule is written that a part of a resource was made of.',
    tags: ['proxies'],
    params: named('proxy'),
    querystring: ORIGIN_QUERY,
    ok: {
      200: json('Null: of none.', answerOf('Origin', { proxy: text, origin: orNull(ref('Origin')) })),
    },
    refusals: [400, 404],
  }),
  decisions: operation({
    operationId: 'listDecisions',
    summary: 'Who decided what is served of some scopes.',
    tags: ['governance'],
    querystring: DECISIONS_QUERY,
    ok: {
      200: json(
        'Of those of which something is served.',
        answerOf('DecisionList', { items: list(ref('Decision')) }),
      ),
    },
    refusals: [400],
  }),
  lineage: operation({
    operationId: 'getLineage',
    summary: 'What a scope has accepted, held and lifted, since its genesis.',
    tags: ['governance'],
    querystring: LINEAGE_QUERY,
    ok: {
      200: json(
        'All of it.',
        answerOf('Lineage', { scope: text, uid: text, entries: list(ref('LineageEntry')) }),
      ),
    },
    refusals: [400, 404],
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
    refusals: [400, 503],
  }),
  suspend: operation({
    operationId: 'suspend',
    summary: 'Stops changes of a repository or a scope; what is served stays served.',
    description:
      '`name`: a repository, a scope, or `repository/<name>`, `scope/<path>`. For who has the secret in the data folder of the server.',
    tags: ['operator'],
    security: OPERATOR,
    params: named('name'),
    querystring: SUSPEND_QUERY,
    ok: { 200: inForce },
    refusals: [400, 401, 404, 409],
  }),
  resume: operation({
    operationId: 'resume',
    summary: 'Lets changes go on.',
    description: 'For who has the secret in the data folder of the server.',
    tags: ['operator'],
    security: OPERATOR,
    params: named('name'),
    querystring: RESUME_QUERY,
    ok: { 200: inForce },
    refusals: [400, 401, 404, 409],
  }),
  hook: operation({
    operationId: 'hook',
    summary: 'A hint that a repository has changed: nothing that it says is believed.',
    description:
      'Signed as the provider signs: X-Hub-Signature-256 (github, gitea, forgejo, bitbucket as X-Hub-Signature), X-Gitlab-Token or webhook-signature (gitlab), X-Signature (generic). Unsigned from this machine alone, to `generic`.',
    tags: ['hooks'],
    params: named('provider', 'repository'),
    querystring: HOOK_QUERY,
    body: { description: 'As the provider writes it; at most 1 MB.' },
    consumes: ['*/*'],
    ok: { 202: accepted },
    refusals: [400, 403, 404, 413, 429],
  }),
} as const;
