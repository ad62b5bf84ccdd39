import protobuf from 'protobufjs/minimal.js';
import { envoy } from '../generated/envoy.js';
import { openSotw, type SotwRequest } from './sotw.ts';
import type { Variant } from './variant.ts';
import { createEncoder, encodeAny, type ResponseFormat, requestBase, tag } from './wire.ts';

/** State of the world: every request lists all names, every LDS and CDS response all resources. */
export const sotw: Variant<SotwRequest> = {
  name: 'sotw',
  message: 'envoy.service.discovery.v3.DiscoveryRequest',
  decode,
  open: openSotw,
  resumes: ({ version, nonce }) => version !== '' && nonce === '',
  names: ({ names }) => names,
  createEncoder: () => createEncoder(format),
};

function decode(bytes: Uint8Array): SotwRequest {
  const message = envoy.service.discovery.v3.DiscoveryRequest.decode(bytes);
  return { ...requestBase(message), names: message.resourceNames, version: message.versionInfo };
}

/** `DiscoveryResponse` {version_info = 1, resources = 2 (Any), type_url = 4, nonce = 5}. */
const format: ResponseFormat = {
  resource: encodeAny,
  head: ({ version }) => protobuf.Writer.create().uint32(tag(1)).string(version),
  tail: ({ typeUrl, nonce }) =>
    protobuf.Writer.create().uint32(tag(4)).string(typeUrl).uint32(tag(5)).string(nonce),
};
