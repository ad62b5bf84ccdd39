import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import type { Log } from '../base/log.ts';
import type { Proxy as MeshProxy, Snapshot } from '../translate/index.ts';
import type { SessionStatus } from './status.ts';
import { type Ack, type XdsCall, XdsStream } from './stream.ts';
import { createResponseEncoder } from './wire.ts';

/** Bytes in, bytes out: resources are encoded once elsewhere, and garbage ends one stream, not the server. */
const identity = (bytes: Buffer): Buffer => bytes;

const SERVICE: ServiceDefinition = {
  DeltaAggregatedResources: {
    path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
    requestStream: true,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
};

const OPTIONS = {
  /** A reconnect lists every version that the client has: 50,000 of them exceed the default of 4 MiB. */
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
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
  /** Ends the streams with OK and the server with them. */
  close(): Promise<void>;
}

/** Delta ADS over grpc-js. Streams that come before the first `publish` wait for it: no proxy ever starts empty. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const { snapshotFor, log, now, removalTimeoutMs = 30_000 } = options;
  const streams = new Set<XdsStream>();
  const stale = new Set<XdsStream>();
  const listeners = new Set<(ack: Ack) => void>();
  const encoder = createResponseEncoder();
  const server = new Server(OPTIONS);
  let revision: string | null = null;
  let connected = 0;
  let scheduled: NodeJS.Immediate | null = null;

  const environment = {
    ...{ snapshotFor, encoder, log, now, removalTimeoutMs },
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

  server.addService(SERVICE, {
    DeltaAggregatedResources: (call: XdsCall) => {
      connected += 1;
      streams.add(new XdsStream(`${connected}`, call, environment));
    },
  });

  return {
    listen: (host, port) => bind(server, host, port),
    publish: (published) => {
      revision = published;
      encoder.rotate();
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
      for (const stream of streams) stream.end();
      await shutDown(server);
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
