import { describe, expect, test } from 'vitest';
import { apiStatuses } from '../../src/mesh/index.ts';
import { ownErrors } from '../../src/mesh/own-errors.ts';
import { apiGateway, gatewayApi, hostRoute, listener, service } from './manifests.ts';
import { meshOf, type ScopeText, scope } from './world.ts';

/** Listeners that cannot be served as they are written: the others of their Gateway are. */

const acme = (files: string): ScopeText => ({ path: 'acme', files });
const good = listener('good');
const of = (protocol: string, more = '') => `{name: bad, port: 81, protocol: ${protocol}${more}}`;
const tls = (more: string) => of('HTTPS', `, tls: {${more}}`);
const kinds = (...all: readonly string[]) =>
  of('HTTP', `, allowedRoutes: {kinds: [${all.map((kind) => `{kind: ${kind}}`).join(', ')}]}`);
const secret = 'certificateRefs: [{name: www}]';

/** `type reason` of the conditions of a listener that are not as they should be. */
function wrong(files: string, name: string): readonly string[] {
  const [gateway] = apiStatuses(meshOf(acme(files)));
  if (gateway?.kind !== 'Gateway') throw new Error('there is no Gateway');
  const found = gateway.listeners.find((one) => one.name === name);
  return (found?.conditions ?? [])
    .filter(({ type, status }) => (status === 'True') === (type === 'Conflicted'))
    .map(({ type, reason }) => `${type} ${reason}`);
}

describe('a listener is left out, with its conditions', () => {
  test.each([
    ['TLS', of('TLS', `, tls: {mode: Passthrough}`), 'Accepted UnsupportedProtocol'],
    ['TLS that ends', of('TLS', `, tls: {${secret}}`), 'Accepted UnsupportedProtocol'],
    ['TCP', of('TCP'), 'Accepted UnsupportedProtocol'],
    ['UDP', of('UDP'), 'Accepted UnsupportedProtocol'],
    ['of somebody else', of('example.com/quic'), 'Accepted UnsupportedProtocol'],
    ['HTTPS that is passed on', tls('mode: Passthrough'), 'Accepted UnsupportedProtocol'],
    [
      'a certificate that is no Secret',
      tls('certificateRefs: [{kind: ConfigMap, name: a}]'),
      'ResolvedRefs InvalidCertificateRef',
    ],
    [
      'a certificate of another group',
      tls('certificateRefs: [{group: a.b, name: a}]'),
      'ResolvedRefs InvalidCertificateRef',
    ],
    ['no certificate', tls('options: {a.b/c: d}'), 'ResolvedRefs InvalidCertificateRef'],
    [
      'a Secret of another namespace',
      tls('certificateRefs: [{name: a, namespace: shop}]'),
      'ResolvedRefs RefNotPermitted',
    ],
    ['routes of another kind', kinds('TCPRoute'), 'ResolvedRefs InvalidRouteKinds'],
  ])('%s', (_what, bad, condition) => {
    const files = apiGateway('web', 'edge', good, bad);
    const { mesh, problems } = meshOf(acme(files));
    expect(mesh.gateways.map(({ id }) => id)).toEqual(['edge/web/good']);
    expect(problems.map(({ code, severity }) => `${code} ${severity}`)).toEqual(['FL3339 warning']);
    expect(problems[0]?.column).toBeGreaterThan(files.split('\n')[3]?.indexOf('{name: bad') ?? 0);
    expect(wrong(files, 'bad')).toEqual([condition, 'Programmed Invalid']);
    expect(wrong(files, 'good')).toEqual([]);
    expect(ownErrors(scope(acme(files)))).toEqual([]);
    const [status] = apiStatuses(meshOf(acme(files)));
    expect(status).toMatchObject({ conditions: [{ status: 'True', reason: 'ListenersNotValid' }, {}] });
  });
});

test('routes of another kind beside those that are honoured leave it in force for these', () => {
  const files =
    service('cart', 'edge') +
    apiGateway('web', 'edge', kinds('TCPRoute', 'HTTPRoute')) +
    hostRoute('x', 'edge', '{name: web}', 'a.example', '[{backendRefs: [{name: cart, port: 80}]}]');
  const { mesh, problems } = meshOf(acme(files));
  expect(mesh.routings).toHaveLength(1);
  expect(problems.map(({ code }) => code)).toEqual(['FL3339']);
  expect(wrong(files, 'bad')).toEqual(['ResolvedRefs InvalidRouteKinds']);
  const [gateway] = apiStatuses(meshOf(acme(files)));
  expect(gateway).toMatchObject({ listeners: [{ supportedKinds: ['HTTPRoute'], attachedRoutes: 1 }] });
});

describe('clients with certificates', () => {
  const gateway = (frontend: string, ...listeners: readonly string[]) =>
    gatewayApi(
      'Gateway',
      'web',
      'edge',
      `{gatewayClassName: fairlead, tls: {frontend: ${frontend}}, listeners: [${listeners.join(', ')}]}`,
    );
  const asked = '{validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: ca}]}}';
  const served = (files: string) => meshOf(acme(files)).mesh.gateways.map(({ id }) => id.slice(9));

  test('are asked of nobody, so that listeners that want them are not served', () => {
    const files = gateway(`{default: ${asked}}`, good, tls(secret));
    expect(served(files)).toEqual(['good']);
    expect(wrong(files, 'bad')).toEqual([
      'Accepted NoValidCACertificate',
      'ResolvedRefs InvalidCACertificateKind',
      'Programmed Invalid',
    ]);
  });

  test('clients with certificates, but of another port', () => {
    const perPort = (port: number, text: string) => `perPort: [{port: ${port}, tls: ${text}}]`;
    expect(served(gateway(`{default: {}, ${perPort(81, asked)}}`, good, tls(secret)))).toEqual(['good']);
    expect(served(gateway(`{default: {}, ${perPort(82, asked)}}`, good, tls(secret)))).toEqual([
      'bad',
      'good',
    ]);
    expect(served(gateway(`{default: ${asked}, ${perPort(81, '{}')}}`, good, tls(secret)))).toEqual([
      'bad',
      'good',
    ]);
  });
});

describe('a Gateway is left out as a whole that asks for', () => {
  test.each([
    ['addresses', 'addresses: [{value: 10.0.0.1}]', 'UnsupportedAddress'],
    ['parameters', 'infrastructure: {parametersRef: {group: a.b, kind: C, name: d}}', 'InvalidParameters'],
  ])('%s', (_what, field, reason) => {
    const files =
      service('cart', 'edge') +
      gatewayApi('Gateway', 'web', 'edge', `{gatewayClassName: fairlead, ${field}, listeners: [${good}]}`) +
      apiGateway('other', 'edge', good) +
      hostRoute(
        'x',
        'edge',
        '{name: web}, {name: other}',
        'a.example',
        '[{backendRefs: [{name: cart, port: 80}]}]',
      );
    const built = meshOf(acme(files));
    expect(built.mesh.gateways.map(({ id }) => id)).toEqual(['edge/other/good']);
    expect(built.mesh.routings.map(({ entrances }) => entrances)).toEqual([['edge/other/good']]);
    expect(built.problems.map(({ code }) => code)).toEqual(['FL3339']);
    const status = apiStatuses(built).find(({ name }) => name === 'web');
    expect(status).toMatchObject({
      conditions: [
        { type: 'Accepted', status: 'False', reason },
        { type: 'Programmed', status: 'False', reason: 'Invalid' },
      ],
    });
  });
});

describe('beside others', () => {
  const route = (parent: string) =>
    hostRoute('x', 'edge', parent, 'a.example', '[{backendRefs: [{name: cart, port: 80}]}]');
  const cart = service('cart', 'edge');

  test('it contradicts none of its port', () => {
    const files = apiGateway('web', 'edge', good, of('TCP').replace('81', '80'));
    expect(meshOf(acme(files)).mesh.gateways).toHaveLength(1);
    expect(wrong(files, 'good')).toEqual([]);
  });

  test('a route at all of them is in force at the others', () => {
    const files =
      cart +
      apiGateway('web', 'edge', good, tls('certificateRefs: [{kind: A, name: a}]')) +
      route('{name: web}');
    const { mesh, problems } = meshOf(acme(files));
    expect(mesh.routings.map(({ entrances }) => entrances)).toEqual([['edge/web/good']]);
    expect(problems.map(({ code }) => code)).toEqual(['FL3339']);
  });

  test('a route at it alone is told so by its status, and needs no other problem', () => {
    const bad = tls('certificateRefs: [{kind: A, name: a}]');
    const files = cart + apiGateway('web', 'edge', good, bad) + route('{name: web, sectionName: bad}');
    const built = meshOf(acme(files));
    expect(built.problems.map(({ code }) => code)).toEqual(['FL3339']);
    expect(apiStatuses(built).at(-1)).toMatchObject({
      parents: [{ conditions: [{ type: 'Accepted', status: 'False', reason: 'NoMatchingParent' }] }],
    });
  });

  test('a listener of TLS takes no HTTPRoute', () => {
    const files = cart + apiGateway('web', 'edge', good, of('TLS')) + route('{name: web, sectionName: bad}');
    const built = meshOf(acme(files));
    expect(built.problems.map(({ code }) => code).sort()).toEqual(['FL3335', 'FL3339']);
    expect(apiStatuses(built).at(-1)).toMatchObject({
      parents: [{ conditions: [{ reason: 'NotAllowedByListeners' }] }],
    });
  });
});

describe('of a filter that is not honoured', () => {
  const extension = 'filters: [{type: ExtensionRef, extensionRef: {group: a.b, kind: C, name: d}}]';
  const auth =
    'filters: [{type: ExternalAuth, externalAuth: {}}, {type: RequestRedirect, requestRedirect: {port: 1}}]';
  const backends = 'backendRefs: [{name: cart, port: 80}]';
  const routed = (rules: string) =>
    meshOf(
      acme(
        service('cart', 'edge') +
          apiGateway('web', 'edge', good) +
          hostRoute('x', 'edge', '{name: web}', 'a.example', rules),
      ),
    );
  const refused = { does: 'respond', status: 500 };

  test.each([
    ['all rules', `[{${extension}, ${backends}}]`, [refused], ['Accepted False UnsupportedValue']],
    [
      'ExternalAuth, and not the redirect beside it',
      `[{${auth}}]`,
      [refused],
      ['Accepted False UnsupportedValue'],
    ],
    [
      'one of two',
      `[{matches: [{path: {value: /a}}], ${extension}, ${backends}}, {${backends}}]`,
      [refused, { does: 'forward' }],
      ['Accepted True Accepted', 'PartiallyInvalid True UnsupportedValue'],
    ],
    [
      'a backend: its share',
      `[{backendRefs: [{name: cart, port: 80, ${extension}}, {name: cart, port: 80, weight: 3}]}]`,
      [{ does: 'forward', refusedWeight: 1, destinations: [{ weight: 3 }] }],
      ['Accepted True Accepted'],
    ],
  ])('requests are answered 500: %s', (_which, rules, actions, conditions) => {
    const built = routed(rules);
    expect(built.problems).toEqual([]);
    expect(built.mesh.routings[0]?.rules.map(({ action }) => action)).toMatchObject(actions);
    const route = apiStatuses(built).at(-1);
    const found = route !== undefined && 'parents' in route ? (route.parents[0]?.conditions ?? []) : [];
    expect(found.map(({ type, status, reason }) => `${type} ${status} ${reason}`).slice(0, -1)).toEqual(
      conditions,
    );
  });
});
