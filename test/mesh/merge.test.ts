import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requestsMeet } from '../../src/mesh/disjoint.ts';
import { createEncounters } from '../../src/mesh/encounters.ts';
import {
  build,
  createBuilder,
  heard,
  mergeByHost,
  mergedRouting,
  type Routing,
} from '../../src/mesh/index.ts';
import { bound, gateway, istio, routes, service } from './manifests.ts';
import { anyMatch, anyRequest, holds } from './requests.ts';
import { codesOf, meshOf, scope } from './world.ts';

/** Several VirtualServices for one host. */

const cart = 'cart.shop.svc.cluster.local';
const say = (match: string, body: string) =>
  `{match: [${match}], directResponse: {status: 200, body: {string: ${body}}}}`;
const rest = (body: string) => `{directResponse: {status: 200, body: {string: ${body}}}}`;
const files = (...documents: readonly string[]) =>
  Object.fromEntries([service('cart', 'shop'), ...documents].map((text, index) => [`${index}.yaml`, text]));
const acme = (...documents: readonly string[]) => ({ path: 'acme', files: files(...documents) });
const one = (...steps: readonly string[]) => routes('one', 'shop', 'cart', `[${steps.join(', ')}]`);
const two = (...steps: readonly string[]) => routes('two', 'shop', cart, `[${steps.join(', ')}]`);

/** What is answered, in the order in which it is tried. */
const bodies = ({ rules }: Pick<Routing, 'rules'>) =>
  rules.map(({ action }) => (action.does === 'respond' && action.body !== null ? action.body : null));
const inOrder = (...documents: readonly string[]) => {
  const { mesh, problems } = meshOf(acme(...documents));
  expect(problems).toEqual([]);
  const [merged, ...others] = mergeByHost(mesh.routings);
  expect(others).toEqual([]);
  return merged === undefined
    ? []
    : bodies(merged).map((body) => (body && 'text' in body ? body.text : null));
};

describe('where no request fits two of them', () => {
  test.each([
    ['paths', '{uri: {prefix: /a}}', '{uri: {prefix: /b}}'],
    ['a path and an expression', '{uri: {prefix: /a}}', '{uri: {regex: "/b/[0-9]+"}}'],
    ['whatever the case', '{uri: {prefix: /A}, ignoreUriCase: true}', '{uri: {exact: /b}}'],
    ['a header', '{headers: {x: {exact: a}}}', '{headers: {x: {exact: b}}}'],
    ['with and without a header', '{headers: {x: {exact: ab}}}', '{withoutHeaders: {x: {prefix: a}}}'],
    ['a method', '{method: {exact: GET}}', '{method: {exact: PUT}}'],
    ['a parameter', '{queryParams: {x: {exact: a}}}', '{queryParams: {x: {prefix: b}}}'],
    ['a port', '{port: 80}', '{port: 81}'],
    ['clients', '{sourceNamespace: a}', '{sourceNamespace: b}'],
    ['their labels', '{sourceLabels: {app: a}}', '{sourceLabels: {app: b}}'],
  ])('they are one, told apart by %s', (_, left, right) => {
    expect(inOrder(two(say(right, 'b')), one(say(left, 'a')))).toEqual(['a', 'b']);
    expect(inOrder(one(say(left, 'a')), two(say(right, 'b')))).toEqual(['a', 'b']);
  });

  test('what one says of the rest comes last', () => {
    const some = say('{uri: {prefix: /b}}', 'b');
    expect(inOrder(one(rest('all')), two(some))).toEqual(['b', 'all']);
    expect(inOrder(one(say('{uri: {exact: /}}, {uri: {prefix: /}}', 'all')), two(some))).toEqual([
      'all',
      'b',
      'all',
    ]);
  });

  test('what nothing reached before, nothing reaches', () => {
    const first = one(say('{uri: {prefix: /}}', 'all'), say('{uri: {prefix: /c}}', 'never'));
    expect(inOrder(first, two(say('{uri: {prefix: /b}}', 'b')))).toEqual(['b', 'all']);
  });

  test('the same ones are the same object, whatever the order', () => {
    const { mesh } = meshOf(acme(one(rest('a')), two(say('{uri: {prefix: /b}}', 'b'))));
    expect(mergedRouting(mesh.routings)).toBe(mergedRouting(mesh.routings.toReversed()));
  });
});

describe('where order would count', () => {
  test.each([
    ['a prefix within another', say('{uri: {prefix: /a}}', 'a'), say('{uri: {exact: /a/b}}', 'b')],
    [
      'an expression',
      say('{uri: {regex: "/a.*"}}', 'a'),
      say('{uri: {exact: /b}}, {uri: {exact: /ab}}', 'b'),
    ],
    ['a choice', say('{uri: {regex: "/a|/b"}}', 'a'), say('{uri: {exact: /b}}', 'b')],
    ['what may be missing', say('{uri: {regex: "/ab?c"}}', 'a'), say('{uri: {exact: /ac}}', 'b')],
    ['different fields', say('{uri: {prefix: /a}}', 'a'), say('{headers: {x: {}}}', 'b')],
    ['the rest twice', rest('a'), rest('b')],
    ['the rest of a port, and the rest', say('{port: 80}', 'a'), rest('b')],
  ])('neither is honoured, and both files are named: %s', (_, left, right) => {
    const built = meshOf(acme(one(left), two(right)));
    expect(codesOf(built)).toEqual(['FL3202 acme/1.yaml:4', 'FL3202 acme/2.yaml:4']);
    expect(built.problems[0]?.message).toContain('also fit acme/2.yaml:4');
    expect(built.problems[1]?.message).toContain('also fit acme/1.yaml:4');
    expect(built.problems[0]?.fix).toContain('one VirtualService');
    expect(built.mesh.routings).toEqual([]);
  });

  test('a third that contradicts none stays', () => {
    const third = routes('three', 'shop', 'cart', `[${say('{uri: {prefix: /c}}', 'c')}]`);
    const { mesh } = meshOf(acme(one(rest('a')), two(rest('b')), third));
    expect(mesh.routings.map(({ origin }) => origin.document)).toEqual(['VirtualService/shop/three']);
  });

  test('a rule of a delegate is named where the host is', () => {
    const inner = istio('VirtualService', 'inner', 'shop', `{http: [${say('{uri: {prefix: /a/b}}', 'c')}]}`);
    const handing = one('{match: [{uri: {prefix: /a}}], delegate: {name: inner}}');
    const built = meshOf(acme(handing, two(say('{uri: {prefix: /a/b}}', 'b')), inner));
    expect(codesOf(built)).toEqual(['FL3202 acme/1.yaml:4', 'FL3202 acme/2.yaml:4']);
  });

  test('more than can be compared are not', () => {
    const many = (name: string) => {
      const steps = Array.from({ length: 5 }, (_, step) => {
        return say(
          Array.from({ length: 201 }, (_, at) => `{uri: {exact: /${name}${step}/${at}}}`).join(),
          name,
        );
      });
      return routes(name, 'shop', 'cart', `[${steps.join(', ')}]`);
    };
    const built = meshOf(acme(many('one'), many('two')));
    expect(codesOf(built)).toEqual(['FL3202 acme/1.yaml:4', 'FL3202 acme/2.yaml:4']);
    expect(built.problems[0]?.message).toContain('more than 2000');
  });
});

describe('clients and entrances', () => {
  const both = [one(rest('a')), two(rest('b'))] as const;
  const exported = (text: string, to: string) => text.replace('http:', `exportTo: ["${to}"], http:`);

  test('of which nobody sees two contradict nothing', () => {
    const { problems, mesh } = meshOf(acme(exported(both[0], '.'), exported(both[1], 'other')));
    expect([problems, mesh.routings.length]).toEqual([[], 2]);
  });

  describe('what is private to another namespace', () => {
    const desk = (name: string, ...steps: readonly string[]) =>
      exported(routes(name, 'desk', cart, `[${steps.join(', ')}]`), '.');

    test('stands there for what everybody else hears', () => {
      const { problems, mesh } = meshOf(acme(one(rest('a')), desk('own', say('{uri: {prefix: /b}}', 'b'))));
      expect([problems, mesh.routings.length]).toEqual([[], 2]);
      expect(heard(mesh.routings).map(({ namespace }) => namespace)).toEqual(['desk']);
      const others = mesh.routings.filter(({ visibility }) => visibility.to === 'everybody');
      expect(heard(others)).toBe(others);
    });

    test('contradicts what is there, private or not', () => {
      const codes = (...documents: readonly string[]) => codesOf(meshOf(acme(...documents)));
      const twice = ['FL3202 acme/1.yaml:4', 'FL3202 acme/2.yaml:4'];
      expect(codes(desk('own', rest('a')), desk('more', rest('b')), two(rest('c')))).toEqual(twice);
      expect(codes(routes('open', 'desk', cart, `[${rest('a')}]`), desk('own', rest('b')))).toEqual(twice);
      const shared = one(rest('a')).replace('http:', 'exportTo: [".", desk], http:');
      expect(codes(shared, desk('own', rest('b')))).toEqual([]);
    });

    test('is compared at a gateway', () => {
      const at = (text: string) => text.replace('http:', 'gateways: [mesh, shop/x], http:');
      const built = meshOf(
        acme(gateway('x', 'shop', '["*"]'), at(one(rest('a'))), at(desk('own', rest('b')))),
      );
      expect(codesOf(built).filter((code) => code.startsWith('FL3202'))).toHaveLength(2);
    });
  });

  test('each client has those that it sees', () => {
    const { problems, mesh } = meshOf(
      acme(exported(one(say('{uri: {prefix: /a}}', 'a')), '.'), two(say('{uri: {prefix: /b}}', 'b'))),
    );
    expect(problems).toEqual([]);
    expect(mesh.routings.map(({ visibility }) => visibility.to).sort()).toEqual(['everybody', 'namespaces']);
  });

  test('at one gateway, or at none in common', () => {
    const edge = (name: string, port: number) => gateway(name, 'shop', '["*"]', '', port);
    const at = (name: string, where: string) =>
      bound(name, 'shop', 'www.acme.example', where, `[${rest(name)}]`);
    const gateways = [edge('x', 80), edge('y', 81)];
    expect(codesOf(meshOf(acme(...gateways, at('one', '[x]'), at('two', '[y, mesh]'))))).toEqual([]);
    expect(
      codesOf(meshOf(acme(...gateways, at('one', '[x, y]'), at('two', '[y, mesh]')))).map((code) =>
        code.slice(0, 6),
      ),
    ).toEqual(['FL3202', 'FL3202']);
  });

  describe('at two gateways of one port', () => {
    const host = 'www.acme.example';
    const of = (name: string, ...steps: readonly string[]) =>
      bound(name, name, host, `[shop/${name}]`, `[${steps.join(', ')}]`);
    const opens = (name: string, port = 80, offered = host) =>
      gateway(name, 'shop', `["${name}/${offered}"]`, '', port);
    const both = [opens('one'), opens('two')];
    const all = [of('one', rest('a')), of('two', rest('b'))];
    const found = (...documents: readonly string[]) => codesOf(meshOf(acme(...documents)));

    test('that offer a host to two namespaces, a request is for the routings of both', () => {
      const { problems, mesh } = meshOf(acme(...both, ...all));
      expect(problems.map(({ code, file, line }) => `${code} ${file}:${line}`)).toEqual([
        'FL3202 acme/3.yaml:4',
        'FL3202 acme/4.yaml:4',
      ]);
      expect(problems[0]?.message).toContain('also fit acme/4.yaml:4');
      expect(mesh.routings).toEqual([]);
      expect(found(...both, ...all.toReversed())).toHaveLength(2);
    });

    test.each([
      ['other proxies', [opens('one'), opens('two').replace('app: edge', 'app: other')], all],
      ['other ports', [opens('one'), opens('two', 81)], all],
      ['the closer of two hosts', [opens('one'), opens('two', 80, '*.acme.example')], all],
      ['a match of another port', both, [of('one', rest('a')), of('two', say('{port: 81}', 'b'))]],
      [
        'other paths',
        both,
        [of('one', say('{uri: {prefix: /a}}', 'a')), of('two', say('{uri: {prefix: /b}}', 'b'))],
      ],
    ])('unless they are for %s', (_, gateways, routings) => {
      expect(found(...gateways, ...routings)).toEqual([]);
    });

    test('which another scope may open, and close', () => {
      const edge = { path: 'edge', namespaces: ['shop'], hosts: [], files: both.join('') };
      const own = { path: 'acme', namespaces: ['one', 'two'], hosts: [host], files: all.join('') };
      const builder = createBuilder();
      const codes = (files: string) =>
        builder([scope({ ...edge, files }), read]).problems.map(({ code }) => code);
      const read = scope(own);
      expect(codes(both.join(''))).toEqual(['FL3202', 'FL3202']);
      expect(codes(opens('one') + opens('two', 81))).toEqual([]);
      expect(codes(both.join(''))).toEqual(['FL3202', 'FL3202']);
    });
  });

  test('a match that is for another entrance contradicts nothing', () => {
    const steps = (name: string, where: string) =>
      bound(
        name,
        'shop',
        'www.acme.example',
        '[x, mesh]',
        `[{match: [{gateways: [${where}]}], directResponse: {status: 200}}]`,
      );
    const all = [gateway('x', 'shop', '["*"]'), steps('one', 'x'), steps('two', 'mesh')];
    expect(codesOf(meshOf(acme(...all)))).toEqual([]);
  });
});

describe('connections', () => {
  const streams = (name: string, rules: string) =>
    istio('VirtualService', name, 'shop', `{hosts: [${cart}], ${rules}}`);
  const tcp = (match: string) => `tcp: [{${match}route: [{destination: {host: cart}}]}]`;
  const tls = (name: string) =>
    `tls: [{match: [{sniHosts: [${name}]}], route: [{destination: {host: cart}}]}]`;
  const codes = (left: string, right: string) => {
    const built = meshOf({
      path: 'acme',
      files: files(streams('one', left), streams('two', right)),
    });
    return codesOf(built)
      .map((code) => code.slice(0, 6))
      .filter((code) => code === 'FL3202');
  };

  test.each([
    ['ports', tcp('match: [{port: 80}], '), tcp('match: [{port: 81}], ')],
    [
      'ranges, of which the narrower counts',
      tcp('match: [{destinationSubnets: [10.0.0.0/8]}], '),
      tcp('match: [{destinationSubnets: [10.1.0.0/16]}], '),
    ],
    ['a range and the rest', tcp(''), tcp('match: [{destinationSubnets: [10.1.0.0/16]}], ')],
    ['requests and connections', tcp(''), `http: [${rest('a')}]`],
    ['TLS and other bytes', tcp(''), tls(cart)],
  ])('are told apart by %s', (_, left, right) => {
    expect(codes(left, right)).toEqual([]);
  });

  test.each([
    ['the rest', tcp(''), tcp('')],
    [
      'a range',
      tcp('match: [{destinationSubnets: [10.0.0.0/8]}], '),
      tcp('match: [{destinationSubnets: [10.0.0.0/8]}], '),
    ],
    ['a name', tls(cart), tls(cart)],
  ])('%s of two is a contradiction', (_, left, right) => {
    expect(codes(left, right)).toEqual(['FL3202', 'FL3202']);
  });

  test('the rest is the last', () => {
    const { mesh } = meshOf(
      acme(streams('one', tcp('')), streams('two', tcp('match: [{destinationSubnets: [10.1.0.0/16]}], '))),
    );
    const streamed = mergedRouting(mesh.routings)?.streams ?? [];
    expect(streamed.map(({ matches }) => matches.length)).toEqual([1, 0]);
  });
});

const inMesh = createEncounters([{ left: 'mesh', right: 'mesh', port: null }]);

test('told apart means that no request fits both', () => {
  fc.assert(
    fc.property(anyMatch, anyMatch, anyRequest, (left, right, asked) => {
      const meet = requestsMeet(left, right, inMesh);
      expect(requestsMeet(right, left, inMesh)).toBe(meet);
      if (!meet) expect(holds(left, asked) && holds(right, asked)).toBe(false);
    }),
    { numRuns: 20_000 },
  );
});

test('other scopes of a host are refused, with the owner’s name and the way to ask him', () => {
  const owner = scope({ path: 'acme.shop', namespaces: ['shop'], hosts: [], files: files(one(rest('a'))) });
  const stranger = scope({
    path: 'acme.team',
    namespaces: ['team'],
    hosts: [],
    files: routes('mine', 'team', cart, `[${say('{uri: {prefix: /mine}}', 'b')}]`),
  });
  const { problems, mesh } = build([owner, stranger]);
  expect(problems).toMatchObject([
    {
      code: 'FL3102',
      file: 'acme.team/mesh.yaml',
      message: `${cart} is owned by acme.shop, not by acme.team`,
      fix: `ask acme.shop for it: propose the change in its own files, for its anchors to sign; or use a host that acme.team owns`,
    },
  ]);
  expect(mesh.routings.map(({ origin }) => origin.document)).toEqual(['VirtualService/shop/one']);
});
