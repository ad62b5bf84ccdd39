import { fastify, type RouteOptions } from 'fastify';
import { version } from '../base/version.ts';
import { components } from './schemas/index.ts';

/** A route as it was registered. */
export type Described = Pick<RouteOptions, 'method' | 'url' | 'schema'>;

const TAGS = {
  health: 'Is it well?',
  status: 'Repositories and scopes, how fresh they are, and what happens.',
  governance: 'Verdicts, and who decided.',
  proxies: 'What proxies have, and what they say.',
  hooks: 'Hints to look. Nothing that they say is believed.',
  operator: 'What operators stop, and let go on. Nothing here changes what is served.',
} as const;

/**
 * The OpenAPI 3.1 document of these routes. Made when somebody asks for it, in an application of its own that serves
 * nothing: a server that nobody asks does not load what makes it.
 */
export async function openApi(routes: readonly Described[]): Promise<object> {
  const { default: swagger } = await import('@fastify/swagger');
  const app = fastify({ exposeHeadRoutes: false });
  app.setValidatorCompiler(() => () => true).setSerializerCompiler(() => JSON.stringify);
  for (const component of components) app.addSchema(component);
  await app.register(swagger, {
    stripBasePath: false,
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id }) => String($id) },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Fairlead',
        version: version(),
        description: 'Read-only: no request changes what is served. HEAD is answered wherever GET is.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          operatorToken: { type: 'http', scheme: 'bearer', description: 'Of `operator-token` in `dataDir`.' },
        },
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
  });
  for (const { method, url, schema = {} } of routes) {
    if (method !== 'HEAD') app.route({ method, url, schema, handler: async () => undefined });
  }
  await app.ready();
  const document = app.swagger();
  await app.close();
  return document;
}
