import type { FastifyInstance } from 'fastify';
import { byCodeUnit } from '../base/order.ts';
import { answer, notFound, refuse, sendText } from './answer.ts';
import { faultOf } from './hooks/index.ts';
import { operations } from './operations/index.ts';
import { type PageQuery, page } from './page.ts';
import type { ApiSource } from './source.ts';
import { resume, suspend } from './suspend.ts';

type Route = (app: FastifyInstance, source: ApiSource) => void;

/** Does the process answer? Nothing else is asked: no remote, Redis or proxy gets better by a restart. */
const livez: Route = (app) => {
  // The older name of Kubernetes' probes is another route, and not another answer.
  for (const name of ['livez', 'healthz'] as const)
    app.get(`/${name}`, { schema: operations[name] }, (_, reply) =>
      answer(reply, 'Liveness', { live: true }),
    );
};

/** Should proxies and hooks come here? */
const readyz: Route = (app, source) => {
  app.get('/readyz', { schema: operations.readyz }, (_, reply) => {
    const { ready, message } = source.ready();
    return answer(reply.code(ready ? 200 : 503), 'Readiness', { ready, message });
  });
};

/** Prometheus' text format is the one answer that is no JSON. */
const metrics: Route = (app, source) => {
  app.get('/metrics', { schema: operations.metrics }, async (_, reply) => {
    const text = await source.metrics();
    return reply
      .header('cache-control', 'no-store')
      .type('text/plain; version=0.0.4; charset=utf-8')
      .send(text);
  });
};

const repositories: Route = (app, source) => {
  app.get('/api/v1/repositories', { schema: operations.repositories }, async (_, reply) => {
    const hooks = source.hooks();
    const items = source.repositories().map(async (one) => {
      const hook = hooks.get(one.name);
      const fault = hook === undefined ? null : await faultOf(hook);
      const webhookFault = fault && { code: fault.code, message: fault.message, fix: fault.fix };
      return { ...one, webhookFault };
    });
    return answer(reply, 'RepositoryList', { items: await Promise.all(items) });
  });
};

const verification: Route = (app, source) => {
  const path = '/api/v1/repositories/:name/verification';
  app.get<{ Params: { name: string } }>(path, { schema: operations.verification }, ({ params }, reply) => {
    const known = source.repositories().some(({ name }) => name === params.name);
    if (!known) return notFound(reply, `repository ${params.name}`, '/api/v1/repositories');
    const text = source.verification(params.name);
    if (text !== null) return sendText(reply, text);
    const message = `${params.name} has no verified state yet`;
    return refuse(reply, 503, { code: 'unavailable', message, fix: 'GET /api/v1/repositories says why' });
  });
};

/** For whoever has pushed something, and waits for it. */
const commit: Route = (app, source) => {
  const path = '/api/v1/repositories/:name/commits/:commit';
  type Params = { readonly name: string; readonly commit: string };
  app.get<{ Params: Params }>(path, { schema: operations.commit }, async ({ params }, reply) => {
    const followed = await source.follows(params.name, params.commit);
    if (followed === null) return notFound(reply, `repository ${params.name}`, '/api/v1/repositories');
    return answer(reply, 'Commit', { repository: params.name, commit: params.commit, followed });
  });
};

const scopes: Route = (app, source) => {
  app.get<{ Querystring: PageQuery }>('/api/v1/scopes', { schema: operations.scopes }, (request, reply) =>
    answer(
      reply,
      'ScopeList',
      page(source.scopes(), ({ path }) => path, request.query),
    ),
  );
};

const proxies: Route = (app, source) => {
  app.get<{ Querystring: PageQuery }>('/api/v1/proxies', { schema: operations.proxies }, (request, reply) =>
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
  const options = { schema: operations.proxyConfig };
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

/** A line of a manifest is looked up when somebody asks for it: a configuration says the documents alone. */
const partOrigin: Route = (app, source) => {
  const path = '/api/v1/proxies/:proxy/origin';
  type Asked = Parameters<ApiSource['partOrigin']>[1];
  const options = { schema: operations.origin };
  app.get<{ Params: { proxy: string }; Querystring: Asked }>(path, options, ({ params, query }, reply) => {
    const { proxy } = params;
    const isConnected = source.proxies().some((one) => one.proxy === proxy);
    if (!isConnected) return notFound(reply, `connected proxy ${proxy}`, '/api/v1/proxies');
    return answer(reply, 'Origin', { proxy, origin: source.partOrigin(proxy, query) });
  });
};

const decisions: Route = (app, source) => {
  const options = { schema: operations.decisions };
  app.get<{ Querystring: { scope: readonly string[] } }>('/api/v1/decisions', options, ({ query }, reply) =>
    answer(reply, 'DecisionList', { items: source.decisions(query.scope) }),
  );
};

const lineage: Route = (app, source) => {
  const options = { schema: operations.lineage };
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
