import { type Arbitrary, array, record } from 'fast-check';
import { build } from '../../src/mesh/index.ts';
import { translate } from '../../src/translate/index.ts';
import { document, type Path, paths, scopes } from '../mesh/documents.ts';
import { scope } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { proxyAt } from './world.ts';

type Documents = readonly ((namespace: string) => string)[];

/** What each scope of a mesh says, whatever it is worth. Nobody owns a host, so that everybody may define it for themselves. */
export const worlds: Arbitrary<Readonly<Record<Path, Documents>>> = record({
  acme: array(document, { maxLength: 6 }),
  'acme.shop': array(document, { minLength: 8, maxLength: 24 }),
  'acme.pay': array(document, { minLength: 8, maxLength: 24 }),
});

const clients = [
  proxyAt('10.1.0.1', 'shop'),
  proxyAt('10.1.0.2', 'pay', { FAIRLEAD: { capture: 'redirect' } }),
  proxyAt('10.9.0.1', 'shop', { FAIRLEAD: { capture: 'redirect' }, LABELS: { app: 'a' }, NODE_NAME: 'n1' }),
  proxyAt('10.9.0.1', 'shop', {}, 'router'),
];

/** What an Envoy says to what each of some proxies hears of a world: the complaints, with what was said; none: it takes all. */
export async function complaints(world: Readonly<Record<Path, Documents>>): Promise<readonly string[]> {
  const files = (path: Path) =>
    Object.fromEntries(world[path].map((text, index) => [`${index}.yaml`, text(scopes[path])]));
  const { mesh, endpoints } = build(
    paths.map((path) => scope({ path, namespaces: [scopes[path]], hosts: [], files: files(path) })),
  );
  const said = await Promise.all(
    clients.map(async (client) => validate(staticBootstrap(translate(mesh, endpoints, client)))),
  );
  return said.filter((answer) => answer !== 'OK');
}
