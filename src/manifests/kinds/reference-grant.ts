import { validateReferenceGrant } from '../../generated/schemas/index.ts';
import { defineKind, gatewayApi } from './kind.ts';

/** Gateway API ReferenceGrant: which routes of other namespaces may name what is in this one. */
export const referenceGrant = defineKind({
  name: 'ReferenceGrant',
  apiVersions: gatewayApi,
  validate: validateReferenceGrant,
  check: () => [],
  resource: ({ spec }, about) => ({ ...about, kind: 'ReferenceGrant', spec }),
});
