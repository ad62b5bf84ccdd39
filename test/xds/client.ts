import { EventEmitter, once } from 'node:events';
import { Client, type ClientDuplexStream, credentials, type StatusObject } from '@grpc/grpc-js';
import { type Draft, envoy } from '../../src/generated/envoy.js';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse } =
  envoy.service.discovery.v3;
type DeltaRequest = Draft<envoy.service.discovery.v3.DeltaDiscoveryRequest>;
type DeltaResponse = envoy.service.discovery.v3.DeltaDiscoveryResponse;
type SotwRequest = Draft<envoy.service.discovery.v3.DiscoveryRequest>;
type SotwResponse = envoy.service.discovery.v3.DiscoveryResponse;

export const NODE = { id: 'sidecar~10.0.0.1~web-1.default~default.svc.cluster.local' };

type Codecs<Q, R> = { encode(request: Q): Uint8Array; decode(bytes: Buffer): R };

/** A connection that several streams can share, as those of one Envoy do. */
export function connection(port: number): Client {
  return new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.use_local_subchannel_pool': 1,
  });
}

/** A real gRPC client of one xDS stream. */
class StreamClient<Q, R extends { readonly typeUrl: string; readonly nonce: string }> {
  readonly #client: Client;
  readonly #codecs: Codecs<Q, R>;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #events = new EventEmitter();
  readonly #responses: R[] = [];
  #status: StatusObject | null = null;

  constructor(client: Client, path: string, codecs: Codecs<Q, R>) {
    const bytes = (message: Buffer) => message;
    this.#client = client;
    this.#codecs = codecs;
    this.#call = this.#client.makeBidiStreamRequest(path, bytes, bytes);
    this.#call.on('data', (message: Buffer) => {
      this.#responses.push(codecs.decode(message));
      this.#events.emit('change');
    });
    this.#call.on('error', () => {}); // the same is in 'status'
    this.#call.on('status', (status: StatusObject) => {
      this.#status = status;
      this.#events.emit('change');
    });
  }

  send(request: Q): void {
    this.sendBytes(this.#codecs.encode(request));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#call.write(Buffer.from(bytes));
  }

  /** Stops taking messages off the wire, until `resume`. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** The next response that was not read yet; throws when the stream ended instead. */
  async next(): Promise<R> {
    for (;;) {
      const response = this.#responses.shift();
      if (response !== undefined) return response;
      if (this.#status !== null) throw new Error(`the stream ended: ${this.#status.details}`);
      await once(this.#events, 'change');
    }
  }

  /** How many responses have come that nobody read. */
  get unread(): number {
    return this.#responses.length;
  }

  /** How the stream ended. */
  async status(): Promise<StatusObject> {
    while (this.#status === null) await once(this.#events, 'change');
    return this.#status;
  }

  /** Says nothing more; the server may go on. */
  halfClose(): void {
    this.#call.end();
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}

const ADS = 'envoy.service.discovery.v3.AggregatedDiscoveryService';

/** Delta: ADS, unless another path is given. */
export class AdsClient extends StreamClient<DeltaRequest, DeltaResponse> {
  constructor(to: number | Client, path = `/${ADS}/DeltaAggregatedResources`) {
    super(typeof to === 'number' ? connection(to) : to, path, {
      encode: (request) => DeltaDiscoveryRequest.encode(request).finish(),
      decode: (bytes) => DeltaDiscoveryResponse.decode(bytes),
    });
  }

  ack({ typeUrl, nonce }: DeltaResponse): void {
    this.send({ typeUrl, responseNonce: nonce });
  }

  nack({ typeUrl, nonce }: DeltaResponse, message: string): void {
    this.send({ typeUrl, responseNonce: nonce, errorDetail: { code: 3, message } });
  }
}

/** State of the world: ADS, unless another path is given. */
export class SotwClient extends StreamClient<SotwRequest, SotwResponse> {
  constructor(to: number | Client, path = `/${ADS}/StreamAggregatedResources`) {
    super(typeof to === 'number' ? connection(to) : to, path, {
      encode: (request) => DiscoveryRequest.encode(request).finish(),
      decode: (bytes) => DiscoveryResponse.decode(bytes),
    });
  }

  ack({ typeUrl, nonce, versionInfo }: SotwResponse, resourceNames: readonly string[] = []): void {
    this.send({ typeUrl, responseNonce: nonce, versionInfo, resourceNames });
  }
}
