import { type DestinationRuleManifest, validateDestinationRule } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import { defineKind, istioNetworking } from './kind.ts';
import { checkPolicy } from './traffic-policy.ts';

/** Istio DestinationRule: the subsets of a host, and how its clients treat it. */
export const destinationRule = defineKind({
  name: 'DestinationRule',
  apiVersions: istioNetworking,
  validate: validateDestinationRule,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'DestinationRule', spec }),
});

function* check({ spec }: DestinationRuleManifest): Generator<Finding> {
  yield* checkPolicy(spec.trafficPolicy, ['spec', 'trafficPolicy']);
  const seen = new Set<string>();
  for (const [index, { name, trafficPolicy }] of (spec.subsets ?? []).entries()) {
    const path = ['spec', 'subsets', index];
    if (seen.has(name)) {
      yield { code: 'FL2212', message: `subset ${name} is given twice`, path: [...path, 'name'] };
    }
    seen.add(name);
    yield* checkPolicy(trafficPolicy, [...path, 'trafficPolicy']);
  }
}
