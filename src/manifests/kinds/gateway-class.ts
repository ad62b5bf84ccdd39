import { validateGatewayClass } from '../../generated/schemas/index.ts';
import { defineKind, gatewayApi } from './kind.ts';

/** What a GatewayClass has to say so that its Gateways are ours. */
export const controllerName = 'fairlead.dev/gateway-controller';

/** Gateway API GatewayClass: who serves Gateways. It stands in no namespace. */
export const gatewayClass = defineKind({
  name: 'GatewayClass',
  apiVersions: gatewayApi,
  isClusterWide: true,
  validate: validateGatewayClass,
  *check({ spec }) {
    if (spec.controllerName !== controllerName || spec.parametersRef === undefined) return;
    const message = 'Gateways of Fairlead have no parameters: it says nothing';
    yield { code: 'FL2285', message, path: ['spec', 'parametersRef'], on: 'key' };
  },
  resource: ({ spec }, about) => ({ ...about, kind: 'GatewayClass', spec }),
});
