import {
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { type Draft, envoy, type google } from '../generated/envoy.js';
import { isKnown } from './holdings.ts';
import { limits } from './limits.ts';
import { type NodeTest, nodeTest } from './node-matcher.ts';
import type { ResourceStatus } from './resource-status.ts';
import type { XdsResource } from './types.ts';

const { ClientStatusRequest, ClientStatusResponse } = envoy.service.status.v3;
type Request = envoy.service.status.v3.ClientStatusRequest;
type GenericConfig = Draft<envoy.service.status.v3.ClientConfig.GenericXdsConfig>;

export const CSDS = 'envoy.service.status.v3.ClientStatusDiscoveryService';

/** One stream of a client, as this service shows it. */
export type ClientState = {
  /** Of the stream; a node may have several. */
  readonly id: string;
  readonly node: string;
  readonly types: readonly (readonly [typeUrl: string, resources: readonly ResourceStatus<XdsResource>[]])[];
};

/** `envoy.service.status.v3.ConfigStatus`, `envoy.admin.v3.ClientResourceStatus`. */
const CONFIG = { SYNCED: 1, NOT_SENT: 2, STALE: 3, ERROR: 4 } as const;
const CLIENT = { REQUESTED: 1, DOES_NOT_EXIST: 2, ACKED: 3, NACKED: 4 } as const;

/** Private keys stay out of what anyone may read who reaches the port. */
const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

const identity = (bytes: Buffer): Buffer => bytes;
const codecs = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};

export const csdsDefinition = {
  StreamClientStatus: {
    path: `/${CSDS}/StreamClientStatus`,
    requestStream: true,
    responseStream: true,
    ...codecs,
  },
  FetchClientStatus: {
    path: `/${CSDS}/FetchClientStatus`,
    requestStream: false,
    responseStream: false,
    ...codecs,
  },
} satisfies ServiceDefinition;

/** What each connected client has acknowledged and refused: the server's own view, for `grpcdebug` and the like. */
export function csdsHandlers(states: () => readonly ClientState[]) {
  return {
    FetchClientStatus(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
      const response = respond(call.request, states);
      if (Buffer.isBuffer(response)) answer(null, response);
      else answer(response);
    },
    /** One response for each request; the next request is read when the response has left. */
    StreamClientStatus(call: ServerDuplexStream<Buffer, Buffer>) {
      call.on('data', (bytes: Buffer) => {
        const response = respond(bytes, states);
        if (!Buffer.isBuffer(response)) {
          call.emit('error', response);
          return;
        }
        call.pause();
        call.write(response, () => call.resume());
      });
      call.on('end', () => call.end());
    },
  };
}

type Refusal = { readonly code: status; readonly details: string };

const invalid = (details: string): Refusal => ({ code: status.INVALID_ARGUMENT, details });

function respond(bytes: Buffer, states: () => readonly ClientState[]): Buffer | Refusal {
  const request = decoded(bytes);
  if (typeof request === 'string') return invalid(request);
  const tests: NodeTest[] = [];
  for (const matcher of request.nodeMatchers) {
    const test = nodeTest(matcher);
    if (typeof test === 'string') return invalid(test);
    tests.push(test);
  }
  const shown = states().filter(({ node }) => tests.length === 0 || tests.some((test) => test(node)));
  if (size(shown, !request.excludeResourceContents) > limits.statusBytes) return TOO_LARGE;
  const config = shown.map(({ id, node, types }) => ({
    node: { id: node },
    clientScope: `stream ${id}`,
    genericXdsConfigs: types.flatMap(([typeUrl, resources]) =>
      resources.map((resource) => generic(typeUrl, resource, !request.excludeResourceContents)),
    ),
  }));
  return Buffer.from(ClientStatusResponse.encode({ config }).finish());
}

const TOO_LARGE: Refusal = {
  code: status.RESOURCE_EXHAUSTED,
  details: `over ${limits.statusBytes} bytes: match fewer nodes by node_matchers, or set exclude_resource_contents`,
};

/** About the bytes that an answer takes: all of it is made at once, and a mesh may hold gigabytes. */
function size(shown: readonly ClientState[], withContents: boolean): number {
  let bytes = 0;
  for (const [, resources] of shown.flatMap(({ types }) => types)) {
    for (const { name, acked, rejection } of resources) {
      bytes += ENTRY_BYTES + name.length;
      if (withContents && acked !== null && isKnown(acked)) bytes += acked.any.length;
      if (withContents) bytes += rejection?.resource?.any.length ?? 0;
    }
  }
  return bytes;
}

/** Type, version and states of one resource. */
const ENTRY_BYTES = 128;

function decoded(bytes: Buffer): Request | string {
  try {
    return ClientStatusRequest.decode(bytes);
  } catch {
    return 'these bytes are no envoy.service.status.v3.ClientStatusRequest';
  }
}

function generic(
  typeUrl: string,
  { name, client, config, acked, rejection }: ResourceStatus<XdsResource>,
  withContents: boolean,
): GenericConfig {
  const open = withContents && typeUrl !== SECRET;
  const content = open && acked !== null && isKnown(acked) ? anyOf(acked) : null;
  const failed = open && rejection?.resource ? { failedConfiguration: anyOf(rejection.resource) } : {};
  return {
    ...{ typeUrl, name, versionInfo: acked?.version ?? '' },
    ...(content === null ? {} : { xdsConfig: content }),
    ...{ configStatus: CONFIG[config], clientStatus: CLIENT[client] },
    ...(rejection === null
      ? {}
      : {
          errorState: {
            ...failed,
            details: rejection.message,
            versionInfo: rejection.resource?.version ?? '',
          },
        }),
  };
}

function anyOf({ typeUrl, any }: XdsResource): Draft<google.protobuf.Any> {
  return { type_url: typeUrl, value: any };
}
