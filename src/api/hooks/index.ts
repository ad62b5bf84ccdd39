/**
 * Webhooks: `POST /hooks/v1/{provider}/{repository}`. Guarantees: a delivery is never more than a hint to fetch, so nothing in
 * it is believed; who does not know the secret learns nothing of which repositories there are; what is remembered is bounded.
 */
export { createDeliveries, type Deliveries, faultOf, forgeOf, type HookTarget } from './deliveries.ts';
export { HOOK_LIMITS } from './limits.ts';
export { type HookRequest, hookRequest } from './provider.ts';
