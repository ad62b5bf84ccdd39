import protobuf from 'protobufjs/minimal.js';
import { envoy } from '../generated/envoy.js';
import { limits } from './limits.ts';
import { Subscription, type SubscriptionRequest, type SubscriptionRules } from './subscription.ts';
import type { XdsResource } from './types.ts';
import type { Lane, RequestBase, Variant } from './variant.ts';
import {
  createEncoder,
  delimited,
  encodeAny,
  type Pieces,
  type ResponseFormat,
  requestBase,
  tag,
} from './wire.ts';

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
  createEncoder: () => createEncoder(format),
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
function encodeResource(resource: XdsResource): Pieces {
  const text = (field: number, value: string) => protobuf.Writer.create().uint32(tag(field)).string(value);
  const { version, name } = resource;
  return [text(1, version).finish(), ...delimited(2, encodeAny(resource)), text(3, name).finish()];
}

/** `DeltaDiscoveryResponse` {system_version_info = 1, resources = 2, type_url = 4, nonce = 5, removed_resources = 6}. */
const format: ResponseFormat = {
  resource: encodeResource,
  head: ({ revision }) => protobuf.Writer.create().uint32(tag(1)).string(revision),
  tail: ({ typeUrl, nonce, removed }) => {
    const writer = protobuf.Writer.create().uint32(tag(4)).string(typeUrl).uint32(tag(5)).string(nonce);
    for (const name of removed) writer.uint32(tag(6)).string(name);
    return writer;
  },
};
