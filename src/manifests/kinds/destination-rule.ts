import { type DestinationRuleManifest, validateDestinationRule } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
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

/** A rule counts for everybody who sees its host: only what says just that is honoured. */
function* checkExportTo(exportTo: readonly string[] = []): Generator<Finding> {
  for (const [index, namespace] of exportTo.entries()) {
    if (namespace === '*') continue;
    const message = `Fairlead knows exportTo ${namespace}, but does not honour it for rules yet`;
    yield { code: 'FL2104', message, path: ['spec', 'exportTo', index] };
  }
}
