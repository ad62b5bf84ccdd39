import { validateGatewayClass } from '../../generated/schemas/index.ts';
import { defineKind, gatewayApi } from './kind.ts';

/** Gateway API GatewayClass: who serves Gateways. It stands in no namespace. */
export const gatewayClass = defineKind({
  name: 'GatewayClass',
  apiVersions: gatewayApi,
  isClusterWide: true,
  validate: validateGatewayClass,
  check: () => [],
  resource: ({ spec }, about) => ({ ...about, kind: 'GatewayClass', spec }),
});
