import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { Log } from '../base/log.ts';
import type { Client } from './client.ts';
import type { ClientState } from './csds.ts';
import { limits } from './limits.ts';
import type { XdsObserver } from './observer.ts';
import { resourceStatuses } from './resource-status.ts';
import type { XdsService } from './services.ts';
import { Session } from './session.ts';
import { rejectedResources, type SessionStatus, typeStatuses } from './status.ts';
import type { Resources } from './types.ts';
import type { Node, RequestBase, ResponseEncoder, Variant } from './variant.ts';

export type XdsCall = ServerDuplexStream<Buffer, Buffer>;

/** A whole push arrived at a proxy: it ACKed everything, or had nothing to get. */
export type Ack = { readonly proxy: string; readonly revision: string; readonly atMs: number };

/** Who a node is, and what it should have now; `resources` may throw. */
export type Identified = { readonly id: string; readonly resources: () => Resources };

/** A revision may be published again: `push`, which counts them, tells it from the time before. */
export type Published = { readonly revision: string; readonly push: number };

/** What a stream needs from its server. */
export type StreamEnvironment = {
  /** A text: why the node is refused. */
  readonly identify: (node: Node) => Identified | string;
  /** What was published last; `null` before the first. */
  readonly published: () => Published | null;
  readonly log: Log;
  readonly now: () => number;
  /** For what is due, and for durations. */
  readonly steadyMs: () => number;
  readonly observer: XdsObserver;
  /** The client that the streams of this node on this connection are. */
  readonly clientOf: (service: XdsService, peer: string, id: string) => Client;
  readonly acked: (ack: Ack) => void;
  readonly closed: (stream: XdsStream) => void;
};

/** How a stream is spoken to. */
export type Speech<Q extends RequestBase> = {
  readonly service: XdsService;
  readonly variant: Variant<Q>;
  readonly encoder: ResponseEncoder;
};

/** One gRPC stream, in whatever variant. */
export interface XdsStream {
  /** `null` until the first request has said who the client is. */
  status(): SessionStatus | null;
  /** Whose stream it is; `null` as above. */
  readonly client: Client | null;
  /** As in its status. */
  readonly fullyAcked: SessionStatus['fullyAcked'];
  /** When that was, by the steady clock; 0 before the first. */
  readonly arrivedSteadyMs: number;
  /** For CSDS; `null` as above. */
  state(): ClientState | null;
  /** Takes over the published revision. When no snapshot can be made, the last good one stays. */
  refresh(): void;
  /** Ends the stream with UNAVAILABLE, after what is being written: the client is welcome elsewhere, or later. */
  drain(): void;
}

type Open<Q extends RequestBase> = {
  readonly proxy: Identified;
  readonly client: Client;
  readonly session: Session<Q>;
  readonly detach: () => void;
};

/**
 * One gRPC stream around one `Session`. It never queues: a response is made only when the one before it has left,
 * so a slow client gets the newest state and costs the memory of one message.
 */
export class GrpcStream<Q extends RequestBase> implements XdsStream {
  readonly #call: XdsCall;
  readonly #speech: Speech<Q>;
  readonly #environment: StreamEnvironment;
  readonly #id: string;
  readonly #connectedAtMs: number;
  readonly #wake = () => {
    if (!this.#content()) this.#guard(() => this.#pump());
  };
  #open: Open<Q> | null = null;
  #writing = false;
  #ending = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #fullyAcked: SessionStatus['fullyAcked'] = null;
  #arrivedSteadyMs = 0;
  /** What the session was given last; 0 before the first. */
  #push = 0;

  constructor(id: string, call: XdsCall, speech: Speech<Q>, environment: StreamEnvironment) {
    this.#id = id;
    this.#call = call;
    this.#speech = speech;
    this.#environment = environment;
    this.#connectedAtMs = environment.now();
    call.on('data', (bytes: Buffer) => this.#guard(() => this.#receive(bytes)));
    call.on('end', () => this.#guard(() => this.#halfClosed()));
    for (const over of ['cancelled', 'close', 'error'] as const) call.on(over, () => this.#drop());
  }

  get client(): Client | null {
    return this.#open?.client ?? null;
  }

  get fullyAcked(): SessionStatus['fullyAcked'] {
    return this.#fullyAcked;
  }

  get arrivedSteadyMs(): number {
    return this.#arrivedSteadyMs;
  }

  status(): SessionStatus | null {
    if (this.#open === null) return null;
    const { session, proxy } = this.#open;
    const { service, variant } = this.#speech;
    // Sessions know the steady clock alone.
    const epochMs = this.#environment.now() - this.#environment.steadyMs();
    const types = typeStatuses(session, service.typeUrl).map(({ unansweredSinceMs: sinceMs, ...type }) => {
      return { ...type, unansweredSinceMs: sinceMs === null ? null : Math.round(epochMs + sinceMs) };
    });
    const conditions = session.conditions().map(({ sinceMs, ...condition }) => {
      return { ...condition, sinceMs: Math.round(epochMs + sinceMs) };
    });
    return {
      id: this.#id,
      proxy: proxy.id,
      protocol: variant.name,
      service: service.service,
      connectedAtMs: this.#connectedAtMs,
      revision: session.revision,
      fullyAcked: this.#fullyAcked,
      types,
      rejected: rejectedResources(session),
      conditions,
    };
  }

  state(): ClientState | null {
    if (this.#open === null) return null;
    const { session, proxy } = this.#open;
    const types = session
      .subscriptions()
      .map(([typeUrl, each]) => [typeUrl, resourceStatuses(each)] as const);
    return { id: this.#id, node: proxy.id, types };
  }

  refresh(): void {
    const published = this.#environment.published();
    if (this.#closed || this.#open === null || published === null) return;
    const { revision, push } = published;
    const { proxy, client, session } = this.#open;
    let resources: Resources;
    try {
      resources = client.resources(push, proxy.resources);
    } catch (error) {
      this.#environment.log.error(
        { err: error, proxy: proxy.id, revision },
        'no snapshot for this proxy; it keeps its last one',
      );
      return;
    }
    this.#guard(() => {
      session.publish(resources, revision, push);
      this.#push = push;
      this.#pump();
    });
  }

  drain(): void {
    this.#fail(status.UNAVAILABLE, 'this server is shutting down; come back, there or elsewhere');
  }

  #receive(bytes: Buffer): void {
    if (this.#closed) return;
    const request = this.#decoded(bytes);
    const open = typeof request === 'string' ? request : this.#admit(request);
    if (typeof request === 'string' || typeof open === 'string') {
      this.#refuse(typeof open === 'string' ? open : '');
      return;
    }
    this.#observe(open, request, open.session.receive(request));
    if (open.session.size > limits.names) {
      const over = `at most ${limits.names} names per stream`;
      this.#environment.log.warn(
        { session: this.#id, proxy: open.proxy.id, over },
        'xDS stream over a limit',
      );
      this.#fail(status.RESOURCE_EXHAUSTED, over);
      return;
    }
    this.#pump();
    open.client.wakeOthers(this.#wake);
  }

  /** What a stream of one type does not say, it means. */
  #decoded(bytes: Buffer): Q | string {
    const { service, variant } = this.#speech;
    try {
      const request = variant.decode(bytes);
      const error = request.error === null ? null : request.error.slice(0, limits.errorLength);
      return {
        ...request,
        error,
        typeUrl: request.typeUrl === '' ? (service.typeUrl ?? '') : request.typeUrl,
      };
    } catch {
      return `these bytes are no ${variant.message}`;
    }
  }

  /** The open stream; a text: why this request ends it. */
  #admit(request: Q): Open<Q> | string {
    return this.#unacceptable(request) ?? this.#open ?? this.#introduce(request);
  }

  /** C1: the node counts on the first request of the stream only. */
  #introduce({ node }: Q): Open<Q> | string {
    const { identify, clientOf, log, observer } = this.#environment;
    const proxy = identify(node ?? { id: '', metadata: {}, extensions: [], locality: '' });
    if (typeof proxy === 'string') return proxy;
    const { service, variant } = this.#speech;
    const client = clientOf(service, this.#call.getPeer(), proxy.id);
    if (client.isEmpty) observer.connected(proxy.id);
    const session = new Session(variant, client);
    const open = { proxy, client, session, detach: client.attach(this.#wake) };
    this.#open = open;
    log.info({ proxy: proxy.id, session: this.#id }, 'proxy connected');
    this.refresh();
    return open;
  }

  #unacceptable(request: Q): string | null {
    const { typeUrl, node } = request;
    const { service, variant } = this.#speech;
    if (typeUrl === '') return 'type_url must be set on every request of an aggregated stream';
    if (service.typeUrl !== null && typeUrl !== service.typeUrl) {
      return `type_url must be ${service.typeUrl} on a stream of ${service.name}`;
    }
    const types = this.#open?.session.types;
    if (types !== undefined && !types.has(typeUrl) && types.size >= limits.types) {
      return `at most ${limits.types} types per stream`;
    }
    for (const name of [typeUrl, node?.id ?? '', ...variant.names(request)]) {
      if (name.length > limits.nameLength) return `at most ${limits.nameLength} characters in a name`;
    }
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
        { err: error, session: this.#id, proxy: this.#open?.proxy.id },
        'xDS stream broke',
      );
      this.#fail(status.INTERNAL, 'the server failed on this stream; its log says why');
    }
  }

  #fail(code: status, details: string): void {
    if (!this.#closed) this.#call.emit('error', { code, details });
    this.#drop();
  }

  #observe({ session, proxy }: Open<Q>, { typeUrl, error }: Q, sentMs: number | null): void {
    const { observer, log, steadyMs } = this.#environment;
    if (error !== null) {
      const rejected = rejectedResources(session).filter((resource) => resource.typeUrl === typeUrl);
      const nack = { proxy: proxy.id, typeUrl, error, rejected };
      log.warn(nack, 'proxy refused resources');
      observer.nacked(nack);
    } else if (sentMs !== null) observer.acked(typeUrl, steadyMs() - sentMs);
  }

  /** Nothing of what other streams learn can matter: a client may have a thousand of them. */
  #content(): boolean {
    const session = this.#open?.session;
    return session !== undefined && !session.pending && this.#push === this.#fullyAcked?.push;
  }

  #pump(): void {
    if (this.#closed || this.#writing || this.#open === null) return;
    const nowMs = this.#environment.steadyMs();
    const response = this.#open.session.next(nowMs);
    if (response === null) {
      this.#rest(this.#open, nowMs);
      return;
    }
    this.#writing = true;
    this.#environment.observer.pushed(response.typeUrl);
    this.#call.write(this.#speech.encoder.encode(response), (error?: Error | null) => {
      this.#writing = false;
      if (!error) this.#guard(() => this.#pump());
    });
  }

  /** Nothing to send: either the revision has arrived, or time may change something. */
  #rest({ session, proxy }: Open<Q>, nowMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const [push, { revision }] = [this.#push, session];
    if (push !== this.#fullyAcked?.push && session.settled()) {
      const atMs = this.#environment.now();
      this.#fullyAcked = { revision, push, atMs };
      this.#arrivedSteadyMs = nowMs;
      this.#environment.acked({ proxy: proxy.id, revision, atMs });
    }
    const deadlineMs = session.deadlineMs(nowMs);
    if (deadlineMs !== null) this.#timer = setTimeout(this.#wake, deadlineMs - nowMs).unref();
    if (this.#ending) this.#end();
  }

  /** The client has no more to say: it hears what can be said without its answer, and the stream ends with OK. */
  #halfClosed(): void {
    this.#ending = true;
    if (this.#open === null) this.#end();
    else this.#pump();
  }

  #end(): void {
    if (!this.#closed) this.#call.end();
    this.#drop();
  }

  #drop(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#open !== null) {
      const { proxy, client, session, detach } = this.#open;
      detach();
      session.end();
      client.wakeOthers(this.#wake);
      if (client.isEmpty) this.#environment.observer.left(proxy.id);
      this.#environment.log.info({ proxy: proxy.id, session: this.#id }, 'proxy left');
    }
    this.#environment.closed(this);
  }
}
