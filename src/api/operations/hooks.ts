import { answerOf, json, named, operation, text } from '../schemas/index.ts';

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

export const hooks = {
  hook: operation({
    operationId: 'hook',
    summary: 'A hint that a repository has changed: nothing that it says is believed.',
    description:
      'Signed as the provider signs: X-Hub-Signature-256 (github, gitea, forgejo, bitbucket as X-Hub-Signature), X-Gitlab-Token or webhook-signature (gitlab), X-Signature (generic). Unsigned from this machine alone, to `generic`.',
    tags: ['hooks'],
    params: named('provider', 'repository'),
    querystring: HOOK_QUERY,
    body: { description: 'As the provider writes it; at most 1 MiB.' },
    consumes: ['*/*'],
    ok: { 202: json('Accepted.', answerOf('Accepted', { repository: text, result: text })) },
    refusals: [403, 404, 429],
  }),
} as const;
