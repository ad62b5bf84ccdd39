import { PAGE_QUERY } from '../page.ts';
import { answerOf, json, named, operation, orNull, pageOf, ref, text, word } from '../schemas/index.ts';

const ORIGIN_QUERY = {
  type: 'object',
  required: ['typeUrl', 'name', 'version', 'pointer'],
  additionalProperties: false,
  properties: {
    typeUrl: word(200),
    name: word(1_000),
    version: word(100),
    pointer: { ...word(1_000), description: 'Into the JSON of the resource (RFC 6901).' },
  },
} as const;

export const proxies = {
  proxies: operation({
    operationId: 'listProxies',
    summary: 'Connected proxies, in the order of their ids.',
    tags: ['proxies'],
    querystring: PAGE_QUERY,
    ok: { 200: json('A page.', answerOf('ProxyList', pageOf('Proxy'))) },
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
        answerOf('ProxyConfig', { proxy: text, revision: text, ...pageOf('ProxyResource') }),
      ),
    },
    refusals: [404],
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
    refusals: [404],
  }),
} as const;
