import { DestinationRule } from '@kubernetes-models/istio/networking.istio.io/v1/DestinationRule';
import { Gateway } from '@kubernetes-models/istio/networking.istio.io/v1/Gateway';
import { ServiceEntry } from '@kubernetes-models/istio/networking.istio.io/v1/ServiceEntry';
import { Sidecar } from '@kubernetes-models/istio/networking.istio.io/v1/Sidecar';
import { VirtualService } from '@kubernetes-models/istio/networking.istio.io/v1/VirtualService';
import { WorkloadEntry } from '@kubernetes-models/istio/networking.istio.io/v1/WorkloadEntry';
import { EnvoyFilter } from '@kubernetes-models/istio/networking.istio.io/v1alpha3/EnvoyFilter';
import { ProxyConfig } from '@kubernetes-models/istio/networking.istio.io/v1beta1/ProxyConfig';
import { Telemetry } from '@kubernetes-models/istio/telemetry.istio.io/v1/Telemetry';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { envoyFilters } from './envoy-filter-documents.ts';
import { destinationRules, gateways, virtualServices } from './istio-documents.ts';
import { serviceEntries, sidecars, workloadEntries } from './istio-service-documents.ts';
import { proxyConfigs, telemetries } from './istio-telemetry-documents.ts';
import { read } from './scope.ts';

/**
 * Our schemas beside the compiled validators of Istio's own (its CRDs, without their CEL rules): right documents are right
 * to both, and of documents with one thing changed each disagreement is listed here with its reason.
 */

const kinds = {
  VirtualService: { specs: virtualServices, Model: VirtualService },
  DestinationRule: { specs: destinationRules, Model: DestinationRule },
  Gateway: { specs: gateways, Model: Gateway },
  ServiceEntry: { specs: serviceEntries, Model: ServiceEntry },
  WorkloadEntry: { specs: workloadEntries, Model: WorkloadEntry },
  Sidecar: { specs: sidecars, Model: Sidecar },
  EnvoyFilter: { specs: envoyFilters, Model: EnvoyFilter },
  ProxyConfig: { specs: proxyConfigs, Model: ProxyConfig },
  Telemetry: { specs: telemetries, Model: Telemetry },
} as const;
type Kind = keyof typeof kinds;

const versions: Partial<Readonly<Record<Kind, string>>> = {
  EnvoyFilter: 'networking.istio.io/v1alpha3',
  ProxyConfig: 'networking.istio.io/v1beta1',
  Telemetry: 'telemetry.istio.io/v1',
};

function documentOf(kind: Kind, spec: unknown): object {
  const apiVersion = versions[kind] ?? 'networking.istio.io/v1';
  return { apiVersion, kind, metadata: { name: 'a', namespace: 'shop' }, spec };
}

/** Codes of the errors that we find. */
function ours(document: object): readonly string[] {
  const { problems } = read({ 'a.yaml': JSON.stringify(document) });
  return [...new Set(problems.filter(({ severity }) => severity === 'error').map(({ code }) => code))];
}

/** What they complain about; null: nothing. */
function theirs(kind: Kind, document: object): string | null {
  try {
    new kinds[kind].Model(document as never).validate();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

type Change = { readonly at: string; readonly to: string; readonly spec: unknown };

const values = [null, '', 'x y', -1, 0, 1.5, 2 ** 40, true, [], {}, 'a', ['a'], { a: 'b' }] as const;

/** Every place of a value, by its keys. */
function placesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner, [...path, key]))];
}

/** A document with one thing changed: another value, nothing, or one more field. */
function changed(spec: unknown, pick: number, how: number): Change {
  const places = placesOf(spec).slice(1);
  const path = places[pick % places.length] ?? [];
  const copy = structuredClone(spec);
  const parent = path.slice(0, -1).reduce((inner, key) => inner[key] as Tree, copy as Tree);
  const key = path.at(-1) ?? '';
  const at = path.map((name) => (/^[0-9]+$/.test(name) ? '[]' : name)).join('.');
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

type Tree = { [key: string]: unknown };

describe.each(Object.keys(kinds) as Kind[])('%s', (kind) => {
  test('what is right is right to both', () => {
    fc.assert(
      fc.property(kinds[kind].specs, (spec) => {
        const document = documentOf(kind, spec);
        expect([theirs(kind, document), ours(document)]).toEqual([null, []]);
      }),
      { seed: 6, numRuns: 150 },
    );
  });
});

type Reason = { readonly of: RegExp; readonly because: string };

/** What we refuse and they do not, by our code: to what a value was changed, and why. */
const stricter: Readonly<Record<string, Reason>> = {
  FL2105: { of: /^(more|\{"a":"b"\})$/, because: 'a cluster drops what it does not know, and says nothing' },
  FL2106: {
    of: /^(nothing|\[\]|\{.*\})$/,
    because: 'without it the field means nothing, or Istio leaves it out',
  },
  FL2107: { of: /^null$/, because: 'a cluster reads null as nothing said; in git it is a slip' },
  FL2108: { of: /^("x y"|"a"|""|null|\["a"\])$/, because: 'words that they describe, and take any text for' },
  FL2109: { of: /./, because: 'texts and numbers that Envoy refuses, or that no name can be' },
  FL2110: { of: /^("|null)/, because: 'a duration is any text to them' },
  FL2111: { of: /^0$/, because: 'no port has the number 0' },
  FL2201: { of: /^0$/, because: 'a rule between fields: Istio refuses it when it is applied' },
  FL2207: {
    of: /^nothing$/,
    because: 'a rule between fields: without a resolution it is NONE, which has no endpoints',
  },
  FL2208: { of: /^("x y"|"a"|nothing)$/, because: 'an address is any text to them' },
  FL2221: { of: /^(nothing|null)$/, because: 'a rule between fields: what is left has no effect' },
  FL2241: { of: /^(nothing|\{.*\})$/, because: 'a rule between fields: nothing says what to hash' },
  FL2247: { of: /^(nothing|more|[0-9]+)$/, because: 'a rule between fields: shares add up to 100' },
  FL2261: {
    of: /^(nothing|\[?"a"\]?|\[\])$/,
    because: 'a rule between fields: the match is for no gateway of the manifest',
  },
  FL2262: { of: /./, because: 'a rule between fields: Istio refuses it when it is applied' },
  FL2263: { of: /^(nothing|\[\])$/, because: 'a rule between fields: without hosts it is a delegate' },
  FL2270: { of: /^nothing$/, because: 'a rule between fields: Istio refuses it when it is applied' },
  FL2286: { of: /^"/, because: 'an expression is any text to them; Envoy would refuse its listener' },
};

/** A message of Envoy, which is any object to them, and read as that message by us. */
const anything = /^EnvoyFilter configPatches\.\[\]\.patch\.value\./;

/** Fields of Istio's API (1.31) that the package does not have yet, so that it takes anything for them. */
const newer =
  /http2KeepAlive|budgetInterval|outlierDetectionHttpErrorCodes|prefixRewrite|^Gateway .*insecureSkipVerify|disableContextPropagation/;

test('of documents with one thing changed, we refuse what they refuse, and what else we refuse has its reason', () => {
  const [lax, unexplained]: [string[], string[]] = [[], []];
  const explained = new Set<string>();
  let refusedByBoth = 0;
  for (const kind of Object.keys(kinds) as Kind[]) {
    const changes = fc.tuple(kinds[kind].specs, fc.nat(), fc.nat(values.length + 1));
    for (const [spec, pick, how] of fc.sample(changes, { seed: 7, numRuns: 1500 })) {
      const { at, to, spec: made } = changed(spec, pick, how);
      const document = documentOf(kind, made);
      const [they, we] = [theirs(kind, document), ours(document)];
      if (they !== null && we.length > 0) refusedByBoth += 1;
      if (they !== null && we.length === 0) lax.push(`${kind} ${at} is ${to}: ${they}`);
      const place = `${kind} ${at}`;
      if (anything.test(place) || newer.test(place)) continue;
      for (const code of they === null ? we : []) {
        if (stricter[code]?.of.test(to)) explained.add(code);
        else unexplained.push(`${code} ${kind} ${at} is ${to}`);
      }
    }
  }
  expect({ lax, unexplained: [...new Set(unexplained)] }).toEqual({ lax: [], unexplained: [] });
  expect([...explained].sort()).toEqual(Object.keys(stricter));
  expect(refusedByBoth).toBeGreaterThan(500);
});
