import { EventEmitter, once } from 'node:events';
import { Client, type ClientDuplexStream, credentials, type StatusObject } from '@grpc/grpc-js';
import { type Draft, envoy } from '../../src/generated/envoy.js';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse } = envoy.service.discovery.v3;
type Request = Draft<envoy.service.discovery.v3.DeltaDiscoveryRequest>;
type Response = envoy.service.discovery.v3.DeltaDiscoveryResponse;

const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
export const NODE = { id: 'sidecar~10.0.0.1~web-1.default~default.svc.cluster.local' };

/** A real gRPC client of delta ADS, for one stream. */
export class AdsClient {
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #events = new EventEmitter();
  readonly #responses: Response[] = [];
  #status: StatusObject | null = null;

  constructor(port: number) {
    const bytes = (message: Buffer) => message;
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    this.#call = this.#client.makeBidiStreamRequest(PATH, bytes, bytes);
    this.#call.on('data', (message: Buffer) => {
      this.#responses.push(DeltaDiscoveryResponse.decode(message));
      this.#events.emit('change');
    });
    this.#call.on('error', () => {}); // the same is in 'status'
    this.#call.on('status', (status: StatusObject) => {
      this.#status = status;
      this.#events.emit('change');
    });
  }

  send(request: Request): void {
    this.sendBytes(DeltaDiscoveryRequest.encode(request).finish());
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
  async next(): Promise<Response> {
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

  ack({ typeUrl, nonce }: Response): void {
    this.send({ typeUrl, responseNonce: nonce });
  }

  nack({ typeUrl, nonce }: Response, message: string): void {
    this.send({ typeUrl, responseNonce: nonce, errorDetail: { code: 3, message } });
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}
