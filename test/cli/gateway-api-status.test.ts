import { expect, test } from 'vitest';
import { gatewayApiText } from '../../src/cli/gateway-api-text.ts';
import { apiStatuses } from '../../src/mesh/index.ts';
import {
  apiGateway,
  gatewayApi,
  hostRoute,
  httpRoute,
  listener,
  parent,
  routes,
  service,
  to,
} from '../mesh/manifests.ts';
import { meshOf } from '../mesh/world.ts';

const forward = (name: string, more = '') => `[{backendRefs: [{name: ${name}, port: 80${more}}]}]`;
const grpc = ', allowedRoutes: {kinds: [{kind: GRPCRoute}]}';
const text = (files: string) =>
  gatewayApiText(apiStatuses(meshOf({ path: 'acme', files })))
    ?.split('\n')
    .slice(1, -1)
    .map((line) => line.replaceAll(/ {2,}/g, '  '));

test('says where each route is in force, or why not, and how many each listener has', () => {
  const files = [
    service('cart', 'edge'),
    service('far', 'shop'),
    apiGateway(
      'web',
      'edge',
      listener('a'),
      listener('b', grpc, 81),
      listener('c', ', hostname: c.example', 82),
    ),
    apiGateway('bad', 'edge', listener('a'), listener('b'), listener('c', '', 81)),
    gatewayApi('Gateway', 'other', 'edge', `{gatewayClassName: istio, listeners: [${listener('a')}]}`),
    hostRoute('good', 'edge', '{name: web, sectionName: a}', 'a.example', forward('cart')),
    hostRoute('everywhere', 'edge', '{name: web}', 'c.example', forward('cart')),
    hostRoute('nowhere', 'edge', '{name: missing}, {name: other}', '', forward('cart')),
    hostRoute('host', 'edge', '{name: web, port: 82}', 'd.example', forward('cart')),
    hostRoute('kind', 'edge', '{name: web, sectionName: b}', '', forward('cart')),
    hostRoute(
      'refused',
      'edge',
      '{name: web, sectionName: a}',
      'b.example',
      forward('far', ', namespace: shop'),
    ),
    hostRoute('dangling', 'edge', '{name: web, sectionName: a}', 'e.example', forward('none')),
    hostRoute('one', 'edge', '{name: bad, sectionName: c}', 'f.example', forward('cart')),
    hostRoute('two', 'edge', '{name: bad, sectionName: c}', 'f.example', forward('cart')),
    httpRoute('mesh', 'edge', parent('cart'), forward('cart')),
    routes('rival', 'edge', 'cart', to('cart')),
  ];
  expect(text(files.join(''))).toEqual([
    'Gateway edge/bad  a  HostnameConflict  True  0',
    'Gateway edge/bad  b  HostnameConflict  True  0',
    'Gateway edge/bad  c  True  True  0',
    'Gateway edge/web  a  True  True  4',
    'Gateway edge/web  b  True  True  0',
    'Gateway edge/web  c  True  True  1',
    'HTTPRoute edge/dangling  Gateway edge/web/a  True  BackendNotFound  -',
    'HTTPRoute edge/everywhere  Gateway edge/web  True  True  -',
    'HTTPRoute edge/good  Gateway edge/web/a  True  True  -',
    'HTTPRoute edge/host  Gateway edge/web:82  NoMatchingListenerHostname  -  -',
    'HTTPRoute edge/kind  Gateway edge/web/b  NotAllowedByListeners  -  -',
    'HTTPRoute edge/mesh  Service edge/cart  Conflicted  -  -',
    'HTTPRoute edge/nowhere  Gateway edge/missing  NoMatchingParent  -  -',
    'HTTPRoute edge/one  Gateway edge/bad/c  Conflicted  -  -',
    'HTTPRoute edge/refused  Gateway edge/web/a  True  RefNotPermitted  -',
    'HTTPRoute edge/two  Gateway edge/bad/c  Conflicted  -  -',
  ]);
});

test('a Gateway is accepted while some listener of it is', () => {
  const status = (...listeners: readonly string[]) => {
    const built = meshOf({ path: 'acme', files: apiGateway('web', 'edge', ...listeners) });
    const [found] = apiStatuses(built);
    return found?.kind === 'Gateway'
      ? found.conditions.map((one) => `${one.type} ${one.status} ${one.reason}`)
      : [];
  };
  expect(status(listener('a'))).toEqual(['Accepted True Accepted', 'Programmed True Programmed']);
  expect(status(listener('a'), listener('b'), listener('c', '', 81))).toEqual([
    'Accepted True ListenersNotValid',
    'Programmed True Programmed',
  ]);
  expect(status(listener('a'), listener('b'))).toEqual([
    'Accepted False ListenersNotValid',
    'Programmed False Invalid',
  ]);
});
