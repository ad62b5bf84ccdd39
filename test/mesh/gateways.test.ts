import { describe, expect, test } from 'vitest';
import { bound, gateway, istio, routes, service, to } from './manifests.ts';
import { codesOf, meshOf } from './world.ts';

const acme = (files: string | Record<string, string>) => ({ path: 'acme', files });
const cart = service('cart', 'shop');
const www = 'www.acme.example';

test('what a gateway opens, and what is bound to it', () => {
  const files =
    gateway(
      'edge',
      'shop',
      '["*.ACME.example", ./a.example, web/b.example]',
      ', bind: "0.0.0.0", tls: {httpsRedirect: true}',
    ) +
    bound(
      'www',
      'shop',
      www,
      '[edge, mesh]',
      '[{match: [{gateways: [mesh]}], route: [{destination: {host: cart}}]}]',
    );
  const { mesh, problems } = meshOf(acme(cart + files));
  expect(problems).toEqual([]);
  expect(mesh.gateways).toMatchObject([
    {
      id: 'shop/edge',
      selector: { app: 'edge' },
      servers: [
        {
          port: 80,
          bind: null,
          insistsOnHttps: true,
          offers: [
            { host: '*.acme.example', to: null },
            { host: 'a.example', to: 'shop' },
            { host: 'b.example', to: 'web' },
          ],
        },
      ],
    },
  ]);
  expect(mesh.routings).toMatchObject([
    { host: www, entrances: ['shop/edge', 'mesh'], rules: [{ matches: [{ entrances: ['mesh'] }] }] },
  ]);
});

describe('one host', () => {
  const edge = gateway('edge', 'shop', '["*"]');

  test('of two routings at one gateway is a conflict, of which neither is honoured', () => {
    const files = {
      'a.yaml': cart + edge + bound('a', 'shop', www, '[edge]', to('cart')),
      'b.yaml': bound('b', 'shop', www, '[shop/edge]', to('cart')),
    };
    const built = meshOf(acme(files));
    expect(codesOf(built)).toEqual(['FL3202 acme/a.yaml:14', 'FL3202 acme/b.yaml:4']);
    expect(built.problems[0]?.message).toContain('acme/b.yaml:4');
    expect(built.mesh.routings).toEqual([]);
  });

  test('is routed by one manifest in the mesh and by another at a gateway', () => {
    const files =
      cart + edge + bound('a', 'shop', www, '[edge]', to('cart')) + routes('b', 'shop', www, to('cart'));
    expect(meshOf(acme(files)).problems).toEqual([]);
  });
});

describe('one host and port of two gateways', () => {
  test.each([
    ['the same', gateway('b', 'shop', `[${www}]`), 2],
    [
      'with other labels beside',
      istio(
        'Gateway',
        'b',
        'shop',
        `{selector: {tier: x}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: [${www}]}]}`,
      ),
      2,
    ],
    [
      'of other proxies',
      istio(
        'Gateway',
        'b',
        'shop',
        `{selector: {app: x}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: [${www}]}]}`,
      ),
      0,
    ],
    ['another port', gateway('b', 'shop', `[${www}]`, '', 81), 0],
    ['another address', gateway('b', 'shop', `[${www}]`, ', bind: 10.0.0.1'), 0],
    ['another host', gateway('b', 'shop', '["*.acme.example"]'), 0],
    ['another namespace’s routings', gateway('b', 'shop', `[web/${www}]`), 0],
  ])('%s', (_what, other, count) => {
    const files =
      cart + gateway('a', 'shop', `[shop/${www}]`) + other + bound('x', 'shop', www, '[a]', to('cart'));
    const built = meshOf(acme(files));
    expect(codesOf(built).filter((code) => code.startsWith('FL3331'))).toHaveLength(count);
    expect(built.problems).toHaveLength(count);
    expect(built.mesh.gateways).toHaveLength(2 - count);
  });

  test('two manners on one port are a conflict, of which neither is honoured', () => {
    const tls = istio(
      'Gateway',
      'b',
      'shop',
      '{servers: [{port: {number: 80, name: s, protocol: HTTPS}, hosts: [b.example], tls: {mode: SIMPLE, credentialName: x}}]}',
    );
    const built = meshOf(acme({ 'a.yaml': gateway('a', 'shop', `[${www}]`), 'b.yaml': tls }));
    expect(codesOf(built)).toEqual(['FL3333 acme/a.yaml:4', 'FL3333 acme/b.yaml:4']);
    expect(built.problems[0]?.message).toBe('port 80 carries plain HTTP here, and TLS at acme/b.yaml:4');
    expect(built.mesh.gateways).toEqual([]);
  });

  test('where it is encrypted, whoever may be bound to it', () => {
    const at = (name: string, host: string) =>
      istio(
        'Gateway',
        name,
        'shop',
        `{servers: [{port: {number: 443, name: s, protocol: HTTPS}, hosts: [${host}], tls: {mode: SIMPLE, credentialName: x}}]}`,
      );
    expect(codesOf(meshOf(acme(at('a', `shop/${www}`) + at('b', `web/${www}`))))).toHaveLength(2);
    expect(codesOf(meshOf(acme(at('a', `shop/${www}, web/${www}`))))).toEqual([]);
    expect(codesOf(meshOf(acme(at('a', www) + at('b', '"*.acme.example"'))))).toEqual([]);
  });

  test('of two scopes are none: each has proxies of its own', () => {
    const other = {
      path: 'acme.payments',
      namespaces: ['payments'],
      hosts: [],
      files: gateway('b', 'payments', `[${www}]`),
    };
    expect(meshOf(acme(gateway('a', 'shop', `[${www}]`)), other).problems).toEqual([]);
  });
});

describe('a routing that a gateway does not serve', () => {
  test.each([
    ['unknown', '[nowhere]', 'FL3330'],
    ['in another namespace', '[web/edge]', 'FL3330'],
    ['with other hosts', '[edge]', 'FL3332'],
    ['for other namespaces', '[closed]', 'FL3332'],
  ])('%s', (_what, gateways, code) => {
    const files =
      cart +
      gateway('edge', 'shop', '[a.example]') +
      gateway('closed', 'shop', `[web/${www}]`) +
      bound('www', 'shop', www, gateways, to('cart'));
    const built = meshOf(acme(files));
    expect(built.problems.map((problem) => problem.code)).toEqual([code]);
    expect(built.mesh.routings).toHaveLength(1);
  });

  test('is no mistake where the host is served elsewhere, and the gateway serves another', () => {
    const of = (hosts: string, gateways: string) => {
      const spec = `{hosts: [${hosts}], gateways: ${gateways}, http: ${to('cart')}}`;
      const files = gateway('edge', 'shop', '[a.example]') + gateway('other', 'shop', '[b.example]');
      const { problems } = meshOf(acme(cart + files + istio('VirtualService', 'x', 'shop', spec)));
      return problems.map(({ code, message }) => `${code} ${message.split(' ').slice(0, 5).join(' ')}`);
    };
    expect(of('cart, a.example', '[mesh, edge]')).toEqual([]);
    expect(of('a.example, b.example', '[edge, other]')).toEqual([]);
    expect(of('cart', '[mesh, edge]')).toEqual([
      'FL3332 shop/edge does not offer cart.shop.svc.cluster.local',
    ]);
    expect(of('cart, a.example', '[edge]')).toEqual([
      'FL3332 shop/edge does not offer cart.shop.svc.cluster.local',
    ]);
  });

  test('because its scope alone may see the host', () => {
    const payments = {
      path: 'acme.payments',
      namespaces: ['payments'],
      hosts: [],
      files: service('pay', 'payments') + bound('x', 'payments', 'nobody.example', '[shop/edge]', to('pay')),
    };
    const root = { path: 'acme', namespaces: ['shop'], hosts: [], files: gateway('edge', 'shop', '["*"]') };
    expect(meshOf(root, payments).problems.map(({ code }) => code)).toEqual(['FL3104', 'FL3332']);
  });
});

test('nobody else routes a host at a gateway, least of all by *', () => {
  const payments = {
    path: 'acme.payments',
    namespaces: ['payments'],
    hosts: ['pay.acme.example'],
    files: service('pay', 'payments') + bound('x', 'payments', 'shop.acme.example', '[shop/edge]', to('pay')),
  };
  const root = acme(
    cart + gateway('edge', 'shop', '["*"]') + bound('all', 'shop', '*', '[edge]', to('cart')),
  );
  const codes = codesOf(meshOf(root, payments));
  expect(codes.map((code) => code.split(' ')[0])).toEqual(['FL3102', 'FL3103']);
  expect(meshOf(root).problems).toEqual([]);
});

test('a destination without a port has to have that of the gateway', () => {
  const two = service('cart', 'shop', '', '[{name: http, port: 80}, {name: http-b, port: 81}]');
  const at = (number: number) =>
    codesOf(
      meshOf(
        acme(
          two +
            gateway('edge', 'shop', `[${www}]`, '', number) +
            bound('x', 'shop', www, '[edge]', to('cart')),
        ),
      ),
    );
  expect(at(81)).toEqual([]);
  expect(at(8080).map((code) => code.split(' ')[0])).toEqual(['FL3303']);
});

describe('connections', () => {
  const tcp = (name: string, hosts: string, port = 9000) =>
    istio(
      'Gateway',
      name,
      'shop',
      `{servers: [{port: {number: ${port}, name: t, protocol: TCP}, hosts: [${hosts}]}]}`,
    );
  const streams = (name: string, host: string, match = '') =>
    istio(
      'VirtualService',
      name,
      'shop',
      `{hosts: [${host}], gateways: [a], tcp: [{${match}route: [{destination: {host: cart}}]}]}`,
    );

  test('of two TCP servers on one port are told apart by nothing', () => {
    expect(
      codesOf(meshOf(acme({ 'a.yaml': tcp('a', 'a.example'), 'b.yaml': tcp('b', 'b.example') }))),
    ).toEqual(['FL3333 acme/a.yaml:4', 'FL3333 acme/b.yaml:4']);
    expect(codesOf(meshOf(acme(tcp('a', 'a.example') + tcp('b', 'b.example', 9001))))).toEqual([]);
  });

  test('are not routed twice, whatever the hosts', () => {
    const files = (more: string) => cart + tcp('a', '"*"') + streams('x', 'a.example') + more;
    const codes = (more: string) => codesOf(meshOf(acme(files(more)))).map((code) => code.split(' ')[0]);
    expect(codes(streams('y', 'b.example'))).toEqual(['FL3202', 'FL3202']);
    expect(codes(streams('y', 'b.example', 'match: [{port: 9000}], '))).toEqual([]);
    expect(codes(streams('y', 'b.example, c.example', 'match: [{port: 9000}], '))).toEqual([]);
  });

  test('need a server that carries them', () => {
    const files = cart + gateway('a', 'shop', '["*"]') + streams('x', www);
    expect(codesOf(meshOf(acme(files))).map((code) => code.split(' ')[0])).toEqual(['FL3332']);
  });
});
