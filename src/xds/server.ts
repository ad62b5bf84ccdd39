import {
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { CSDS, csdsDefinition, csdsHandlers } from './csds.ts';
import { delta } from './delta.ts';
import { sendFramed, unframed } from './framing.ts';
import { createHealth } from './health.ts';
import { limits } from './limits.ts';
import type { ProxyStatus } from './proxies.ts';
import { addReflection } from './reflection.ts';
import { XDS_SERVICES, type XdsService } from './services.ts';
import { sotw } from './sotw-wire.ts';
import type { SessionStatus } from './status.ts';
import type { Ack, XdsCall } from './stream.ts';
import { Streams, type StreamsOptions } from './streams.ts';
import type { RequestBase, ResponseEncoder, Variant } from './variant.ts';

/** How long connections have to end by themselves, at `close` and of age; an xDS stream never would. */
const GRACE_MS = 2_000;

const OPTIONS = {
  interceptors: [sendFramed],
  'grpc.max_receive_message_length': limits.messageBytes,
  'grpc.max_send_message_length': -1,
  'grpc.max_connection_age_grace_ms': GRACE_MS,
  'grpc.enable_channelz': 0,
};

export type ServerOptions = StreamsOptions & {
  /** After so long (±10 %) a connection is asked to come back, so that replicas share the load, and ended; null: never. */
  readonly maxConnectionAgeMs: number | null;
  /** How often each connection is asked whether its other end is still there; who says nothing for a third of that is gone. */
  readonly keepaliveMs: number;
};

export interface XdsServer {
  /** Serves plain gRPC on `host`; port 0 takes a free one. The port taken. */
  listen(host: string, port: number): Promise<number>;
  /**
   * There is something to serve for this revision now; every stream takes it over, soon and only as far as it differs.
   * Its number, from 1 on. No-op after `close`.
   */
  publish(revision: string): number;
  sessions(): readonly SessionStatus[];
  /** The same by proxy: with ADS a stream is one, else all streams of a node on one connection. */
  proxies(): readonly ProxyStatus[];
  /**
   * When the last connected proxy had acknowledged all of a push, or of a later one, by the steady clock; null where one
   * has not, or none is connected.
   */
  ackedSteadyMs(push: number): number | null;
  /** Calls back when a session has ACKed all of a revision, once for each. The result ends it. */
  onAck(listener: (ack: Ack) => void): () => void;
  /**
   * Says NOT_SERVING, takes no new connection, has clients look elsewhere (GOAWAY), and ends the streams with
   * UNAVAILABLE after what is being written. Whoever does not take it in `GRACE_MS` is cut off.
   */
  close(): Promise<void>;
}

/**
 * All xDS services in both variants, CSDS, health and reflection over grpc-js. Streams that come before the first
 * `publish` wait for it: no proxy ever starts empty.
 */
export function serveXds(options: ServerOptions): XdsServer {
  // Its lines are no JSON, and what they say of a port, its error says too.
  setLogVerbosity(logVerbosity.NONE);
  const streams = new Streams(options);
  const server = new Server({ ...OPTIONS, ...connectionTimes(options) });
  const encoders = [addVariant(server, streams, delta), addVariant(server, streams, sotw)];
  const states = () => streams.states();
  server.addService(csdsDefinition, csdsHandlers(states));
  const offered = [...XDS_SERVICES.map(({ name }) => name), CSDS];
  const health = createHealth(server, offered);
  addReflection(server);
  const addresses: string[] = [];
  let closing = false;
  return {
    listen: async (host, port) => {
      const bound = await bind(server, authority(host, port));
      addresses.push(authority(host, bound));
      return bound;
    },
    publish: (revision) => {
      if (closing) return 0;
      for (const encoder of encoders) encoder.rotate();
      health.set('SERVING');
      return streams.publish(revision);
    },
    sessions: () => streams.sessions(),
    proxies: () => streams.proxies(),
    ackedSteadyMs: (push) => streams.ackedSteadyMs(push),
    onAck: (listener) => streams.onAck(listener),
    close: async () => {
      closing = true;
      health.set('NOT_SERVING');
      const done = shutDown(server, addresses);
      streams.drain();
      await done;
    },
  };
}

function connectionTimes({ maxConnectionAgeMs: age, keepaliveMs }: ServerOptions) {
  return {
    'grpc.keepalive_time_ms': keepaliveMs,
    'grpc.keepalive_timeout_ms': Math.ceil(keepaliveMs / 3),
    ...(age === null ? {} : { 'grpc.max_connection_age_ms': age }),
  };
}

/** Its services, over one cache of encoded resources. */
function addVariant<Q extends RequestBase>(
  server: Server,
  streams: Streams,
  variant: Variant<Q>,
): ResponseEncoder {
  const encoder = variant.createEncoder();
  for (const service of XDS_SERVICES) {
    server.addService(definition(service, variant.name), {
      [service.methods[variant.name]]: (call: XdsCall) => streams.add(call, { service, variant, encoder }),
    });
  }
  return encoder;
}

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
      responseSerialize: unframed,
      responseDeserialize: identity,
    },
  };
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

/** Without channelz, grpc-js forgets connections in `forceShutdown`; `drain` does end them after the grace. */
function shutDown(server: Server, addresses: readonly string[]): Promise<void> {
  for (const address of addresses) server.drain(address, GRACE_MS);
  return new Promise((resolve) => server.tryShutdown(() => resolve()));
}
