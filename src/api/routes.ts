import type { FastifyInstance } from 'fastify';
import { byCodeUnit } from '../base/order.ts';
import { answer, notFound, refuse, sendText } from './answer.ts';
import { PAGE_QUERY, type PageQuery, page } from './page.ts';
import type { ApiSource } from './source.ts';
import { resume, suspend } from './suspend.ts';

type Route = (app: FastifyInstance, source: ApiSource) => void;

/** Does the process answer? Nothing else is asked: no remote, Redis or proxy gets better by a restart. */
const livez: Route = (app) => {
  // The older name of Kubernetes' probes.
  for (const path of ['/livez', '/healthz'])
    app.get(path, (_, reply) => answer(reply, 'Liveness', { live: true }));
};

/** Should proxies and hooks come here? */
const readyz: Route = (app, source) => {
  app.get('/readyz', (_, reply) => {
    const { ready, message } = source.ready();
    return answer(reply.code(ready ? 200 : 503), 'Readiness', { ready, message });
  });
};

/** Prometheus' text format is the one answer that is no JSON. */
const metrics: Route = (app, source) => {
  app.get('/metrics', async (_, reply) => {
    const text = await source.metrics();
    return reply
      .header('cache-control', 'no-store')
      .type('text/plain; version=0.0.4; charset=utf-8')
      .send(text);
  });
};

const repositories: Route = (app, source) => {
  app.get('/api/v1/repositories', (_, reply) =>
    answer(reply, 'RepositoryList', { items: source.repositories() }),
  );
};

const verification: Route = (app, source) => {
  const path = '/api/v1/repositories/:name/verification';
  app.get<{ Params: { name: string } }>(path, ({ params }, reply) => {
    const known = source.repositories().some(({ name }) => name === params.name);
    if (!known) return notFound(reply, `repository ${params.name}`, '/api/v1/repositories');
    const text = source.verification(params.name);
    if (text !== null) return sendText(reply, text);
    const message = `${params.name} has no verified state yet`;
    return refuse(reply, 503, { code: 'unavailable', message, fix: 'GET /api/v1/repositories says why' });
  });
};

const COMMIT_PARAMS = {
  type: 'object',
  properties: { name: { type: 'string' }, commit: { type: 'string', pattern: '^[0-9a-f]{40}$' } },
} as const;

/** For whoever has pushed something, and waits for it. */
const commit: Route = (app, source) => {
  const path = '/api/v1/repositories/:name/commits/:commit';
  type Params = { readonly name: string; readonly commit: string };
  app.get<{ Params: Params }>(path, { schema: { params: COMMIT_PARAMS } }, async ({ params }, reply) => {
    const followed = await source.follows(params.name, params.commit);
    if (followed === null) return notFound(reply, `repository ${params.name}`, '/api/v1/repositories');
    return answer(reply, 'Commit', { repository: params.name, commit: params.commit, followed });
  });
};

const scopes: Route = (app, source) => {
  app.get<{ Querystring: PageQuery }>(
    '/api/v1/scopes',
    { schema: { querystring: PAGE_QUERY } },
    (request, reply) =>
      answer(
        reply,
        'ScopeList',
        page(source.scopes(), ({ path }) => path, request.query),
      ),
  );
};

const proxies: Route = (app, source) => {
  app.get<{ Querystring: PageQuery }>(
    '/api/v1/proxies',
    { schema: { querystring: PAGE_QUERY } },
    (request, reply) =>
      answer(
        reply,
        'ProxyList',
        page(source.proxies(), ({ proxy }) => proxy, request.query),
      ),
  );
};

/** Large where the mesh is: in pages, each item with its resource as JSON. */
const proxyConfig: Route = (app, source) => {
  const path = '/api/v1/proxies/:proxy/config';
  const options = { schema: { querystring: PAGE_QUERY } };
  app.get<{ Params: { proxy: string }; Querystring: PageQuery }>(path, options, (request, reply) => {
    const { proxy } = request.params;
    const found = source.proxyConfig(proxy);
    if (found === null) return notFound(reply, `connected proxy ${proxy}`, '/api/v1/proxies');
    const key = ({ typeUrl, name }: { typeUrl: string; name: string }) => `${typeUrl} ${name}`;
    const items = found.resources.toSorted((a, b) => byCodeUnit(key(a), key(b)));
    const { revision } = found;
    return answer(reply, 'ProxyConfig', { proxy, revision, ...page(items, key, request.query) });
  });
};

const text = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength }) as const;

const ORIGIN_QUERY = {
  type: 'object',
  required: ['typeUrl', 'name', 'version', 'pointer'],
  properties: { typeUrl: text(200), name: text(1_000), version: text(100), pointer: text(1_000) },
} as const;

/** A line of a manifest is looked up when somebody asks for it: a configuration says the documents alone. */
const partOrigin: Route = (app, source) => {
  const path = '/api/v1/proxies/:proxy/origin';
  type Asked = Parameters<ApiSource['partOrigin']>[1];
  const options = { schema: { querystring: ORIGIN_QUERY } };
  app.get<{ Params: { proxy: string }; Querystring: Asked }>(path, options, ({ params, query }, reply) => {
    const { proxy } = params;
    const isConnected = source.proxies().some((one) => one.proxy === proxy);
    if (!isConnected) return notFound(reply, `connected proxy ${proxy}`, '/api/v1/proxies');
    return answer(reply, 'Origin', { proxy, origin: source.partOrigin(proxy, query) });
  });
};

const DECISIONS_QUERY = {
  type: 'object',
  required: ['scope'],
  properties: { scope: { type: 'array', items: text(1_000), maxItems: 100 } },
} as const;

const decisions: Route = (app, source) => {
  const options = { schema: { querystring: DECISIONS_QUERY } };
  app.get<{ Querystring: { scope: readonly string[] } }>('/api/v1/decisions', options, ({ query }, reply) =>
    answer(reply, 'DecisionList', { items: source.decisions(query.scope) }),
  );
};

const LINEAGE_QUERY = {
  type: 'object',
  required: ['scope'],
  properties: { scope: text(1_000) },
} as const;

const lineage: Route = (app, source) => {
  const options = { schema: { querystring: LINEAGE_QUERY } };
  app.get<{ Querystring: { scope: string } }>('/api/v1/lineage', options, ({ query }, reply) => {
    const found = source.lineage(query.scope);
    return found === null
      ? notFound(reply, `scope ${query.scope}`, '/api/v1/scopes')
      : answer(reply, 'Lineage', found);
  });
};

/** The second of anything is one entry here. */
export const routes: readonly Route[] = [
  livez,
  readyz,
  metrics,
  repositories,
  verification,
  commit,
  scopes,
  proxies,
  proxyConfig,
  partOrigin,
  decisions,
  lineage,
  suspend,
  resume,
];
