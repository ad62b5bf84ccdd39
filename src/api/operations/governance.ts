import { answerOf, commit, count, json, list, named, operation, ref, text, word } from '../schemas/index.ts';

const DECISIONS_QUERY = {
  type: 'object',
  required: ['scope'],
  additionalProperties: false,
  properties: { scope: { type: 'array', items: word(1_000), maxItems: 100 } },
} as const;

const LINEAGE_QUERY = {
  type: 'object',
  required: ['scope'],
  additionalProperties: false,
  properties: { scope: { ...word(1_000), description: 'Dotted path, or uid.' } },
} as const;

export const governance = {
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
    refusals: [404],
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
    refusals: [404],
  }),
} as const;
