import { type DestinationRuleManifest, validateDestinationRule } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import { checkExportTo } from './export-to.ts';
import { defineKind, istioNetworking } from './kind.ts';

/** Istio DestinationRule: the subsets of a host. */
export const destinationRule = defineKind({
  name: 'DestinationRule',
  apiVersions: istioNetworking,
  validate: validateDestinationRule,
  check,
  resource: ({ spec }, about) => ({ ...about, kind: 'DestinationRule', spec }),
});

function* check({ spec }: DestinationRuleManifest): Generator<Finding> {
  yield* checkExportTo(spec.exportTo);
  const seen = new Set<string>();
  for (const [index, { name }] of (spec.subsets ?? []).entries()) {
    if (seen.has(name)) {
      yield {
        code: 'FL2212',
        message: `subset ${name} is given twice`,
        path: ['spec', 'subsets', index, 'name'],
      };
    }
    seen.add(name);
  }
}
