import protobuf from 'protobufjs/minimal.js';
import { envoy } from '../generated/envoy.js';
import { limits } from './limits.ts';
import { Subscription, type SubscriptionRequest, type SubscriptionRules } from './subscription.ts';
import type { XdsResource } from './types.ts';
import type { Lane, RequestBase, Response, Variant } from './variant.ts';
import { createEncoder, requestBase, tag, writeAny } from './wire.ts';

/** A `DeltaDiscoveryRequest`, narrowed once. */
export type DeltaRequest = RequestBase & SubscriptionRequest;

/** Delta (incremental) xDS: the state machine's own language. */
export const delta: Variant<DeltaRequest> = {
  name: 'delta',
  message: 'envoy.service.discovery.v3.DeltaDiscoveryRequest',
  decode,
  open,
  resumes: ({ initialVersions }) => initialVersions.size > 0,
  names,
  createEncoder: () => createEncoder(encodeResource, writeResponse),
};

function decode(bytes: Uint8Array): DeltaRequest {
  const message = envoy.service.discovery.v3.DeltaDiscoveryRequest.decode(bytes);
  return {
    ...requestBase(message),
    subscribe: message.resourceNamesSubscribe,
    unsubscribe: message.resourceNamesUnsubscribe,
    initialVersions: new Map(Object.entries(message.initialResourceVersions)),
  };
}

function open(rules: SubscriptionRules): Lane<DeltaRequest> {
  const subscription = new Subscription<XdsResource>(rules);
  return {
    subscription,
    receive: (request) => subscription.receive(request),
    retarget: (target) => subscription.retarget(target),
    next: (nonce, gate) => {
      if (subscription.holdings.inFlight >= limits.unanswered) return null;
      const said = subscription.next(nonce, gate);
      return said === null ? null : { ...said, changed: said.resources, version: '' };
    },
  };
}

function* names({ subscribe, unsubscribe, initialVersions }: DeltaRequest): Iterable<string> {
  yield* subscribe;
  yield* unsubscribe;
  yield* initialVersions.keys();
}

/** `envoy.service.discovery.v3.Resource` {version = 1, resource = 2 (Any), name = 3}. */
function encodeResource(resource: XdsResource): Uint8Array {
  const writer = protobuf.Writer.create().uint32(tag(1)).string(resource.version);
  writeAny(writer.uint32(tag(2)).fork(), resource).ldelim();
  return writer.uint32(tag(3)).string(resource.name).finish();
}

/** `DeltaDiscoveryResponse` {system_version_info = 1, resources = 2, type_url = 4, nonce = 5, removed_resources = 6}. */
function writeResponse(writer: protobuf.Writer, response: Response, resources: readonly Uint8Array[]): void {
  writer.uint32(tag(1)).string(response.revision);
  for (const bytes of resources) writer.uint32(tag(2)).bytes(bytes);
  writer.uint32(tag(4)).string(response.typeUrl).uint32(tag(5)).string(response.nonce);
  for (const name of response.removed) writer.uint32(tag(6)).string(name);
}
