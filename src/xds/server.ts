import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import type { Log } from '../base/log.ts';
import { type Proxy as MeshProxy, parseProxy, type Snapshot } from '../translate/index.ts';
import { createClients } from './client.ts';
import { delta } from './delta.ts';
import { limits } from './limits.ts';
import { XDS_SERVICES, type XdsService } from './services.ts';
import { sotw } from './sotw-wire.ts';
import type { SessionStatus } from './status.ts';
import { type Ack, GrpcStream, type Identified, type XdsCall, type XdsStream } from './stream.ts';
import type { Node, RequestBase, ResponseEncoder, Variant } from './variant.ts';

const OPTIONS = {
  'grpc.max_receive_message_length': limits.messageBytes,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.enable_channelz': 0,
};

/** How long one turn of the event loop may compute snapshots before streams get to speak. */
const SLICE_MS = 10;
/** How long `close` waits for connections to end by themselves. */
const GRACE_MS = 2_000;

type XdsServerOptions = {
  /** What the proxy should have now. It may throw: then the proxy keeps what it has, and the log says why. */
  readonly snapshotFor: (proxy: MeshProxy) => Snapshot;
  readonly log: Log;
  /** Milliseconds. */
  readonly now: () => number;
  /** How long a removal waits for its users' ACK; 30,000 ms (formats.md, Proxies). */
  readonly removalTimeoutMs?: number;
};

export interface XdsServer {
  /** Serves plain gRPC on `host`; port 0 takes a free one. The port taken. */
  listen(host: string, port: number): Promise<number>;
  /** `snapshotFor` answers for this revision now; every stream takes it over, soon and only as far as it differs. */
  publish(revision: string): void;
  sessions(): readonly SessionStatus[];
  /** Calls back when a session has ACKed all of a revision, once for each. The result ends it. */
  onAck(listener: (ack: Ack) => void): () => void;
  /** Takes no new connection, tells every client to go elsewhere, and ends the streams with UNAVAILABLE. */
  close(): Promise<void>;
}

/** All services in both variants over grpc-js. Streams that come before the first `publish` wait for it: no proxy ever starts empty. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const { snapshotFor, log, now, removalTimeoutMs = 30_000 } = options;
  const streams = new Set<XdsStream>();
  const stale = new Set<XdsStream>();
  const listeners = new Set<(ack: Ack) => void>();
  const encoders: ResponseEncoder[] = [];
  const server = new Server(OPTIONS);
  let revision: string | null = null;
  let connected = 0;
  let scheduled: NodeJS.Immediate | null = null;

  const environment = {
    ...{ log, now, clientOf: createClients(removalTimeoutMs) },
    identify: (node: Node) => identify(node, snapshotFor),
    revision: () => revision,
    acked: (ack: Ack) => {
      for (const listener of listeners) listener(ack);
    },
    closed: (stream: XdsStream) => {
      streams.delete(stream);
      stale.delete(stream);
    },
  };

  const refreshSome = () => {
    scheduled = null;
    const startMs = performance.now();
    for (const stream of stale) {
      if (performance.now() - startMs > SLICE_MS) break;
      stale.delete(stream);
      stream.refresh();
    }
    schedule();
  };
  const schedule = () => {
    if (stale.size > 0) scheduled ??= setImmediate(refreshSome);
  };

  const serve = <Q extends RequestBase>(variant: Variant<Q>) => {
    const encoder = variant.createEncoder();
    encoders.push(encoder);
    for (const service of XDS_SERVICES) {
      server.addService(definition(service, variant.name), {
        [service.methods[variant.name]]: (call: XdsCall) => {
          connected += 1;
          streams.add(new GrpcStream(`${connected}`, call, { service, variant, encoder }, environment));
        },
      });
    }
  };
  serve(delta);
  serve(sotw);

  return {
    listen: (host, port) => bind(server, host, port),
    publish: (published) => {
      revision = published;
      for (const encoder of encoders) encoder.rotate();
      for (const stream of streams) stale.add(stream);
      schedule();
    },
    sessions: () => [...streams].flatMap((stream) => stream.status() ?? []),
    onAck: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {
      if (scheduled !== null) clearImmediate(scheduled);
      stale.clear();
      const done = shutDown(server);
      for (const stream of streams) stream.drain();
      await done;
    },
  };
}

/** The proxy that a node is, in a mesh; a text: why it is none. */
function identify(node: Node, snapshotFor: (proxy: MeshProxy) => Snapshot): Identified | string {
  if (node.id === '') return `the first request of a stream must carry node.id, such as ${EXAMPLE}`;
  const parsed = parseProxy(node.id, node.metadata, node.extensions);
  if (!parsed.ok) return `node.id must be like ${EXAMPLE}: ${parsed.reason}`;
  const { proxy } = parsed;
  return { id: proxy.id, resources: () => snapshotFor(proxy).resources };
}

const EXAMPLE = 'sidecar~10.0.0.1~web-1.default~default.svc.cluster.local';

/** Bytes in, bytes out: resources are encoded once elsewhere, and garbage ends one stream, not the server. */
const identity = (bytes: Buffer): Buffer => bytes;

function definition({ name, methods }: XdsService, variant: 'delta' | 'sotw'): ServiceDefinition {
  const method = methods[variant];
  return {
    [method]: {
      path: `/${name}/${method}`,
      requestStream: true,
      responseStream: true,
      requestSerialize: identity,
      requestDeserialize: identity,
      responseSerialize: identity,
      responseDeserialize: identity,
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
