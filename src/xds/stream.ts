import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { Log } from '../base/log.ts';
import { type Proxy as MeshProxy, parseProxy, type Snapshot } from '../translate/index.ts';
import { Session } from './session.ts';
import { rejectedResources, type SessionStatus, typeStatuses } from './status.ts';
import { type DeltaRequest, decodeRequest, type ResponseEncoder } from './wire.ts';

export type XdsCall = ServerDuplexStream<Buffer, Buffer>;

/** A whole revision arrived at a proxy: it ACKed everything, or had nothing to get. */
export type Ack = { readonly proxy: string; readonly revision: string; readonly atMs: number };

/** What a stream needs from its server. */
export type StreamEnvironment = {
  readonly snapshotFor: (proxy: MeshProxy) => Snapshot;
  /** The revision published last; `null` before the first. */
  readonly revision: () => string | null;
  readonly encoder: ResponseEncoder;
  readonly log: Log;
  readonly now: () => number;
  readonly removalTimeoutMs: number;
  readonly acked: (ack: Ack) => void;
  readonly closed: (stream: XdsStream) => void;
};

const EXAMPLE = 'sidecar~10.0.0.1~web-1.default~default.svc.cluster.local';
/** More types than Envoy has; a bound on what one stream can make this server remember. */
const MAX_TYPES = 64;

/**
 * One gRPC stream around one `Session`. It never queues: a response is made only when the one before it has left,
 * so a slow client gets the newest state and costs the memory of one message.
 */
export class XdsStream {
  readonly #call: XdsCall;
  readonly #environment: StreamEnvironment;
  readonly #session: Session;
  readonly #id: string;
  readonly #connectedAtMs: number;
  #proxy: MeshProxy | null = null;
  #writing = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #fullyAcked: SessionStatus['fullyAcked'] = null;

  constructor(id: string, call: XdsCall, environment: StreamEnvironment) {
    this.#id = id;
    this.#call = call;
    this.#environment = environment;
    this.#session = new Session(environment);
    this.#connectedAtMs = environment.now();
    call.on('data', (bytes: Buffer) => this.#guard(() => this.#receive(bytes)));
    call.on('end', () => this.end());
    for (const over of ['cancelled', 'close', 'error'] as const) call.on(over, () => this.#drop());
  }

  /** `null` until the first request has said who the client is. */
  status(): SessionStatus | null {
    if (this.#proxy === null) return null;
    return {
      id: this.#id,
      proxy: this.#proxy.id,
      connectedAtMs: this.#connectedAtMs,
      revision: this.#session.revision,
      fullyAcked: this.#fullyAcked,
      types: typeStatuses(this.#session),
      rejected: rejectedResources(this.#session),
      conditions: this.#session.conditions(),
    };
  }

  /** Takes over the published revision. When no snapshot can be made, the last good one stays. */
  refresh(): void {
    const revision = this.#environment.revision();
    if (this.#closed || this.#proxy === null || revision === null) return;
    const { log, snapshotFor } = this.#environment;
    let snapshot: Snapshot;
    try {
      snapshot = snapshotFor(this.#proxy);
    } catch (error) {
      log.error(
        { err: error, proxy: this.#proxy.id, revision },
        'no snapshot for this proxy; it keeps its last one',
      );
      return;
    }
    this.#guard(() => {
      this.#session.publish(snapshot, revision);
      this.#pump();
    });
  }

  /** Ends the stream with OK: the client is welcome to come back. */
  end(): void {
    if (!this.#closed) this.#call.end();
    this.#drop();
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return;
    const request = decoded(bytes);
    const refusal = typeof request === 'string' ? request : this.#admit(request);
    if (refusal !== null || typeof request === 'string') {
      this.#refuse(refusal ?? '');
      return;
    }
    this.#session.receive(request.typeUrl, request);
    if (request.error !== null) this.#logNack(request);
    this.#pump();
  }

  /** Why this request ends the stream; `null`: it does not. */
  #admit(request: DeltaRequest): string | null {
    return this.#unacceptable(request) ?? (this.#proxy === null ? this.#introduce(request) : null);
  }

  /** C1: the node counts on the first request of the stream only. */
  #introduce(request: DeltaRequest): string | null {
    if (request.node === null || request.node.id === '') {
      return `the first request of a stream must carry node.id, such as ${EXAMPLE}`;
    }
    const parsed = parseProxy(request.node.id, request.node.metadata, request.node.extensions);
    if (!parsed.ok) return `node.id must be like ${EXAMPLE}: ${parsed.reason}`;
    this.#proxy = parsed.proxy;
    this.#environment.log.info({ proxy: parsed.proxy.id, session: this.#id }, 'proxy connected');
    this.refresh();
    return null;
  }

  #unacceptable({ typeUrl }: DeltaRequest): string | null {
    if (typeUrl === '') return 'type_url must be set on every request of an aggregated stream';
    const { subscriptions } = this.#session;
    if (!subscriptions.has(typeUrl) && subscriptions.size >= MAX_TYPES)
      return `at most ${MAX_TYPES} types per stream`;
    return null;
  }

  #refuse(details: string): void {
    this.#environment.log.warn(
      { session: this.#id, peer: this.#call.getPeer(), details },
      'xDS stream refused',
    );
    this.#fail(status.INVALID_ARGUMENT, details);
  }

  /** A bug shall cost one stream, not the server. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#environment.log.error(
        { err: error, session: this.#id, proxy: this.#proxy?.id },
        'xDS stream broke',
      );
      this.#fail(status.INTERNAL, 'the server failed on this stream; its log says why');
    }
  }

  #fail(code: status, details: string): void {
    if (!this.#closed) this.#call.emit('error', { code, details });
    this.#drop();
  }

  #logNack({ typeUrl, error }: DeltaRequest): void {
    const rejected = rejectedResources(this.#session).filter((resource) => resource.typeUrl === typeUrl);
    this.#environment.log.warn(
      { proxy: this.#proxy?.id, typeUrl, error, rejected },
      'proxy refused resources',
    );
  }

  #pump(): void {
    if (this.#closed || this.#writing) return;
    const nowMs = this.#environment.now();
    const response = this.#session.next(nowMs);
    if (response === null) {
      this.#rest(nowMs);
      return;
    }
    this.#writing = true;
    this.#call.write(this.#environment.encoder.encode(response), (error?: Error | null) => {
      this.#writing = false;
      if (!error) this.#guard(() => this.#pump());
    });
  }

  /** Nothing to send: either the revision has arrived, or time may change something. */
  #rest(nowMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { revision } = this.#session;
    if (this.#proxy !== null && revision !== this.#fullyAcked?.revision && this.#session.settled()) {
      this.#fullyAcked = { revision, atMs: nowMs };
      this.#environment.acked({ proxy: this.#proxy.id, revision, atMs: nowMs });
    }
    const deadlineMs = this.#session.deadlineMs(nowMs);
    if (deadlineMs !== null)
      this.#timer = setTimeout(() => this.#guard(() => this.#pump()), deadlineMs - nowMs).unref();
  }

  #drop(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#proxy !== null)
      this.#environment.log.info({ proxy: this.#proxy.id, session: this.#id }, 'proxy left');
    this.#environment.closed(this);
  }
}

function decoded(bytes: Buffer): DeltaRequest | string {
  try {
    return decodeRequest(bytes);
  } catch {
    return 'these bytes are no envoy.service.discovery.v3.DeltaDiscoveryRequest';
  }
}
