import { Gateway } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway';
import { GatewayClass } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GatewayClass';
import { GRPCRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute';
import { HTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute';
import { ReferenceGrant } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/ReferenceGrant';
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { read } from './scope.ts';

/**
 * Our schemas beside the compiled validators of the Gateway API's own (its types, without their CEL rules): right documents are right to
 * both, and of documents with one thing changed each disagreement is listed here with its reason.
 */

const { constantFrom, record, array, integer } = fc;
const few = <T>(item: Arbitrary<T>) => array(item, { minLength: 1, maxLength: 2 });
const one = <T>(item: Arbitrary<T>) => item.map((value) => [value]);
const name = constantFrom('a', 'web', 'a-b');
const host = constantFrom('www.acme.example', '*.acme.example');
const port = integer({ min: 1, max: 65535 });
const labels = constantFrom({ a: 'b' }, { 'acme.example/tier': 'front' });
const optional = { requiredKeys: [] };

const selector = record(
  { matchLabels: labels, matchExpressions: one(fc.constant({ key: 'a', operator: 'In', values: ['b'] })) },
  optional,
);
const namespaces = fc.oneof(
  record({ from: constantFrom('Same', 'All') }),
  record({ from: fc.constant('Selector'), selector }),
);
const kinds = one(
  constantFrom({ kind: 'HTTPRoute' }, { group: 'gateway.networking.k8s.io', kind: 'GRPCRoute' }),
);
const common = { name, port, hostname: host, allowedRoutes: record({ namespaces, kinds }, optional) };
const required = { requiredKeys: ['name', 'port', 'protocol'] as ['name', 'port', 'protocol'] };
const listeners = one(
  fc.oneof(
    record({ ...common, protocol: fc.constant('HTTP') }, required),
    record({
      ...common,
      protocol: fc.constant('HTTPS'),
      tls: record({ mode: fc.constant('Terminate'), certificateRefs: one(record({ name })) }),
    }),
  ),
);

const changes = record(
  {
    set: one(fc.constant({ name: 'x-a', value: 'b' })),
    add: one(fc.constant({ name: 'x-b', value: 'c' })),
    remove: one(fc.constant('x-c')),
  },
  optional,
);
const backendRef = record({ name, namespace: name, port }, { requiredKeys: ['name', 'port'] });
const mirror = record(
  { backendRef, percent: integer({ min: 0, max: 100 }) },
  { requiredKeys: ['backendRef'] },
);
const grpcFilter = fc.oneof(
  record({ type: fc.constant('RequestHeaderModifier'), requestHeaderModifier: changes }),
  record({ type: fc.constant('ResponseHeaderModifier'), responseHeaderModifier: changes }),
  record({ type: fc.constant('RequestMirror'), requestMirror: mirror }),
);
const path = fc.constant({ type: 'ReplaceFullPath', replaceFullPath: '/a' });
const httpFilter = fc.oneof(
  grpcFilter,
  record({
    type: fc.constant('URLRewrite'),
    urlRewrite: record({ hostname: fc.constant('a.example'), path }),
  }),
);
const redirect = record({
  type: fc.constant('RequestRedirect'),
  requestRedirect: record(
    { scheme: constantFrom('http', 'https'), port, statusCode: constantFrom(301, 302, 303, 307, 308), path },
    optional,
  ),
});
const weighted = record(
  { name, port, weight: integer({ min: 0, max: 1_000_000 }) },
  { requiredKeys: ['name', 'port'] },
);
const named = one(
  record({
    name: constantFrom('x-a', 'b'),
    type: constantFrom('Exact', 'RegularExpression'),
    value: constantFrom('c', 'd.*'),
  }),
);
const httpMatch = record(
  {
    path: record({
      type: constantFrom('Exact', 'PathPrefix', 'RegularExpression'),
      value: constantFrom('/', '/a/b'),
    }),
    headers: named,
    queryParams: named,
    method: constantFrom('GET', 'POST', 'DELETE'),
  },
  optional,
);
const timeouts = record(
  { request: constantFrom('10s', '1m30s'), backendRequest: constantFrom('1s', '250ms') },
  optional,
);
const retry = record(
  {
    codes: one(integer({ min: 400, max: 599 })),
    attempts: integer({ min: 0, max: 5 }),
    backoff: constantFrom('100ms', '1s'),
  },
  optional,
);
const httpRule = fc.oneof(
  record(
    { name, matches: few(httpMatch), filters: one(httpFilter), backendRefs: few(weighted), timeouts, retry },
    optional,
  ),
  record({ matches: few(httpMatch), filters: one(redirect) }),
);
const grpcMatch = record(
  {
    method: record({
      type: constantFrom('Exact', 'RegularExpression'),
      service: constantFrom('a.B', 'C'),
      method: constantFrom('Get', 'Put'),
    }),
    headers: named,
  },
  optional,
);
const grpcRule = record(
  { name, matches: few(grpcMatch), filters: one(grpcFilter), backendRefs: few(weighted) },
  optional,
);
const parents = one(
  fc.oneof(
    record({ name, namespace: name, sectionName: name, port }, { requiredKeys: ['name'] }),
    record({ group: fc.constant(''), kind: fc.constant('Service'), name, port }),
  ),
);
const routeOf = (rules: Arbitrary<unknown>) =>
  record({ parentRefs: parents, hostnames: one(host), rules: few(rules) }, { requiredKeys: ['parentRefs'] });
const from = one(
  record({
    group: fc.constant('gateway.networking.k8s.io'),
    kind: constantFrom('HTTPRoute', 'GRPCRoute'),
    namespace: name,
  }),
);
const to = one(
  record({ group: fc.constant(''), kind: fc.constant('Service'), name }, { requiredKeys: ['group', 'kind'] }),
);

const all = {
  GatewayClass: {
    specs: record({
      controllerName: fc.constant('fairlead.dev/gateway-controller'),
      description: fc.constant('ours'),
    }),
    Model: GatewayClass,
  },
  Gateway: { specs: record({ gatewayClassName: name, listeners }), Model: Gateway },
  HTTPRoute: { specs: routeOf(httpRule), Model: HTTPRoute },
  GRPCRoute: { specs: routeOf(grpcRule), Model: GRPCRoute },
  ReferenceGrant: { specs: record({ from, to }), Model: ReferenceGrant },
} as const;
type Kind = keyof typeof all;

function documentOf(kind: Kind, spec: unknown): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind,
    metadata: { name: 'a', namespace: 'shop' },
    spec,
  };
}

/** Codes of the errors that we find. */
function ours(document: object): readonly string[] {
  const { problems } = read({ 'a.yaml': JSON.stringify(document) });
  return [...new Set(problems.filter(({ severity }) => severity === 'error').map(({ code }) => code))];
}

/** Whether they have nothing to complain about. */
function theirs(kind: Kind, document: object): boolean {
  try {
    new all[kind].Model(document as never).validate();
    return true;
  } catch {
    return false;
  }
}

type Tree = { [key: string]: unknown };
type Change = { readonly at: string; readonly to: string; readonly spec: unknown };

const values = [null, '', 'x y', -1, 0, 1.5, 2 ** 40, true, [], {}, 'a', ['a'], { a: 'b' }] as const;

/** Every place of a value, by its keys. */
function placesOf(value: unknown, above: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [above];
  return [above, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...above, key]))];
}

/** A document with one thing changed: another value, nothing, or one more field. */
function changed(spec: unknown, pick: number, how: number): Change {
  const places = placesOf(spec).slice(1);
  const place = places[pick % places.length] ?? [];
  const copy = structuredClone(spec);
  const parent = place.slice(0, -1).reduce((inner, key) => inner[key] as Tree, copy as Tree);
  const key = place.at(-1) ?? '';
  const at = place.map((step) => (/^[0-9]+$/.test(step) ? '[]' : step)).join('.');
  if (how === values.length) {
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
    return { at, to: 'nothing', spec: copy };
  }
  if (how > values.length) {
    parent[Array.isArray(parent) ? parent.length : 'unheardOf'] = 1;
    return { at, to: 'more', spec: copy };
  }
  parent[key] = values[how];
  return { at, to: JSON.stringify(values[how]), spec: copy };
}

/** What only we refuse, and why. */
const stricter: readonly (readonly [RegExp, string])[] = [
  [/^FL2105 /, 'a field that nobody knows: Kubernetes drops it silently'],
  [/^FL2107 .* is null$/, 'Kubernetes takes the null of an optional field for its absence'],
  [/^FL2107 description is /, 'they do not look at the type'],
  [/^FL2104 parentRefs\.\[\]\.(group|kind) is /, 'of parents, only Gateways and Services are honoured'],
  [/^FL210[69] parentRefs/, 'a route without parents says nothing'],
  [/^FL2109 rules(\.\[\])? is (\[\]|nothing)$/, 'rules that are none say nothing'],
  [/^FL2106 .*(backendRefs\.\[\]|backendRef)\.port is nothing$/, 'a CEL rule: a Service needs a port'],
  [/^FL210[69] .*tls(\.certificateRefs(\.\[\])?)? is /, 'a CEL rule: HTTPS needs a certificate'],
  [/^FL2106 .*selector is nothing$/, 'a selector that is asked and not there'],
  [/^FL2221 .*namespaces\.from is nothing$/, 'a selector that is not asked'],
  [/^FL(2106|2221) .*matchExpressions/, 'Kubernetes checks expressions when they are used'],
  [/^FL2108 .*operator is /, 'Kubernetes checks expressions when they are used'],
  [/^FL2108 .*protocol is /, 'a protocol of another implementation'],
  [/^FL2106 .*method is \{\}$/, 'a CEL rule: a service or a method'],
  [
    /^FL(2231|2109|2106) .*(filters|path)\.?.* is /,
    'CEL rules: the field of its type, paths and header names',
  ],
  [/^FL2109 .*(method|service) is /, 'CEL rules: names of gRPC'],
  [/^FL2109 .*retry\.attempts is -1$/, 'fewer tries than none'],
  [/^FL2109 .* is "(x y)?"$/, 'names of Kubernetes, which it checks where the object is made'],
];

const needed = new Set<RegExp>();

describe.each(Object.keys(all) as Kind[])('%s', (kind) => {
  test('what is right is right to both', () => {
    fc.assert(
      fc.property(all[kind].specs as Arbitrary<unknown>, (spec) => {
        const document = documentOf(kind, spec);
        expect([theirs(kind, document), ours(document)]).toEqual([true, []]);
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  test('with one thing changed, they agree but where the reason is listed', () => {
    const lax: string[] = [];
    const strict: string[] = [];
    const edits = fc.tuple(all[kind].specs as Arbitrary<unknown>, fc.nat(), fc.nat(values.length + 1));
    for (const [spec, pick, how] of fc.sample(edits, { seed: 6, numRuns: 2000 })) {
      const change = changed(spec, pick, how);
      const document = documentOf(kind, change.spec);
      const [they, we] = [theirs(kind, document), ours(document)];
      if (!they && we.length === 0) lax.push(`${change.at} is ${change.to}`);
      if (they) for (const code of we) strict.push(`${code} ${change.at} is ${change.to}`);
    }
    expect(lax).toEqual([]);
    for (const line of strict) for (const [pattern] of stricter) if (pattern.test(line)) needed.add(pattern);
    const unlisted = strict.filter((line) => !stricter.some(([pattern]) => pattern.test(line)));
    expect([...new Set(unlisted)]).toEqual([]);
  });
});

test('every reason is needed', () => {
  expect(stricter.filter(([pattern]) => !needed.has(pattern)).map(([, reason]) => reason)).toEqual([]);
});
