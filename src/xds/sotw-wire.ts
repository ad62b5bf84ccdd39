import protobuf from 'protobufjs/minimal.js';
import { envoy } from '../generated/envoy.js';
import { openSotw, type SotwRequest } from './sotw.ts';
import type { XdsResource } from './types.ts';
import type { Response, Variant } from './variant.ts';
import { createEncoder, requestBase, tag, writeAny } from './wire.ts';

/** State of the world: every request lists all names, every LDS and CDS response all resources. */
export const sotw: Variant<SotwRequest> = {
  name: 'sotw',
  message: 'envoy.service.discovery.v3.DiscoveryRequest',
  decode,
  open: openSotw,
  resumes: ({ version, nonce }) => version !== '' && nonce === '',
  names: ({ names }) => names,
  createEncoder: () => createEncoder(encodeResource, writeResponse),
};

function decode(bytes: Uint8Array): SotwRequest {
  const message = envoy.service.discovery.v3.DiscoveryRequest.decode(bytes);
  return { ...requestBase(message), names: message.resourceNames, version: message.versionInfo };
}

function encodeResource(resource: XdsResource): Uint8Array {
  return writeAny(protobuf.Writer.create(), resource).finish();
}

/** `DiscoveryResponse` {version_info = 1, resources = 2 (Any), type_url = 4, nonce = 5}. */
function writeResponse(writer: protobuf.Writer, response: Response, resources: readonly Uint8Array[]): void {
  writer.uint32(tag(1)).string(response.version);
  for (const bytes of resources) writer.uint32(tag(2)).bytes(bytes);
  writer.uint32(tag(4)).string(response.typeUrl).uint32(tag(5)).string(response.nonce);
}
