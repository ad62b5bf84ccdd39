/**
 * Many delta ADS streams, a connection each, that ask as Envoy does and ACK at once. Prints a line of JSON when all have
 * everything; then, for each line on stdin, what they were sent since the last one (`take`), or comes back anew (`storm`),
 * or when the first and the last of them heard the next routes (`next`: says that it listens, and then when).
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { createInterface } from 'node:readline';
import protobuf from 'protobufjs/minimal.js';
import { envoy } from '../../src/generated/envoy.js';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../src/xds/types.ts';
import { kindOf } from './clients.ts';
import { scopeName } from './history.ts';

const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;
const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** All in the one that is named, or spread over so many. */
const [port = '', clients = '1', namespaces = '1', named = ''] = process.argv.slice(2);

type Taken = { messages: number; bytes: number; names: Map<string, number>; firstMs: number; lastMs: number };
const nothing = (): Taken => ({ messages: 0, bytes: 0, names: new Map(), firstMs: 0, lastMs: 0 });
let taken = nothing();
let heardMs = 0;
/** Who has not heard the routes that are awaited. */
const deaf = new Set<LoadClient>();
let firstMs = 0;

type Response = { readonly typeUrl: string; readonly nonce: string; readonly names: readonly string[] };

/** A `DeltaDiscoveryResponse` without the bodies of its resources. */
function parse(bytes: Buffer): Response {
  const reader = protobuf.Reader.create(bytes);
  const names: string[] = [];
  let [typeUrl, nonce] = ['', ''];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 2) names.push(nameOf(reader, reader.uint32() + reader.pos));
    else if (tag >>> 3 === 4) typeUrl = reader.string();
    else if (tag >>> 3 === 5) nonce = reader.string();
    else if (tag >>> 3 === 6) names.push(`- ${reader.string()}`);
    else reader.skipType(tag & 7);
  }
  return { typeUrl, nonce, names };
}

function nameOf(reader: protobuf.Reader, end: number): string {
  let name = '';
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag >>> 3 === 3) name = reader.string();
    else reader.skipType(tag & 7);
  }
  return name;
}

/** One stream. `onSynced` is called when it has had clusters, endpoints and routes. */
class LoadClient {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #onSynced: () => void;
  readonly #asked = new Set<string>();
  readonly #missing = new Set([CLUSTER, ENDPOINT, LISTENER, ROUTE]);
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(index: number, onSynced: () => void) {
    this.#onSynced = onSynced;
    this.#session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 4 << 20 } });
    this.#session.once('connect', () => this.#session.setLocalWindowSize(16 << 20));
    this.#stream = this.#session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: METHOD,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      [constants.HTTP2_HEADER_TE]: 'trailers',
    });
    this.#stream.on('data', (chunk: Buffer) => this.#take(chunk));
    for (const each of [this.#stream, this.#session]) each.on('error', broken);
    const namespace = named === '' ? scopeName(index % Number(namespaces)) : named;
    const id = `sidecar~10.1.${index >> 8}.${index & 255}~app-${index}.${namespace}~${namespace}.svc.cluster.local`;
    this.#send({ node: { id }, typeUrl: CLUSTER });
    this.#send({ typeUrl: LISTENER });
  }

  close(): void {
    this.#stream.removeAllListeners('error').on('error', () => {});
    this.#session.removeAllListeners('error').on('error', () => {});
    this.#session.destroy();
  }

  #send(request: Parameters<typeof DeltaDiscoveryRequest.encode>[0]): void {
    const bytes = DeltaDiscoveryRequest.encode(request).finish();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes.length, 1);
    this.#stream.write(Buffer.concat([head, bytes]));
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (let next = this.#next(); next !== null; next = this.#next()) this.#hear(next);
  }

  #next(): Buffer | null {
    if (this.#length < 5) return null;
    if ((this.#chunks[0]?.length ?? 0) < 5) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = 5 + (this.#chunks[0]?.readUInt32BE(1) ?? 0);
    if (this.#length < length) return null;
    const [first = Buffer.alloc(0), ...others] = this.#chunks;
    const all = others.length === 0 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(5, length);
  }

  #hear(bytes: Buffer): void {
    heardMs = performance.now();
    const { typeUrl, nonce, names } = parse(bytes);
    this.#send({ typeUrl, responseNonce: nonce });
    taken.messages += 1;
    taken.bytes += bytes.length;
    for (const name of names) {
      const what = `${kindOf(typeUrl)} ${name}`;
      taken.names.set(what, (taken.names.get(what) ?? 0) + 1);
    }
    if (typeUrl === CLUSTER) this.#subscribe(names);
    if (typeUrl === ROUTE && deaf.has(this)) listened(this);
    if (this.#missing.delete(typeUrl) && this.#missing.size === 0) this.#onSynced();
  }

  #subscribe(clusters: readonly string[]): void {
    if (this.#asked.size === 0) this.#send({ typeUrl: ROUTE, resourceNamesSubscribe: ['http_proxy'] });
    const added = clusters.filter((name) => name.startsWith('outbound') && !this.#asked.has(name));
    for (const name of added) this.#asked.add(name);
    if (added.length > 0) this.#send({ typeUrl: ENDPOINT, resourceNamesSubscribe: added });
  }
}

/** A proxy would come back; here nothing would be measured any more. */
function broken(error: Error): void {
  process.stderr.write(`a stream broke off: ${error.message}\n`);
  process.exit(1);
}

let all: readonly LoadClient[] = [];

/** Milliseconds until the last had everything. */
async function storm(): Promise<number> {
  for (const client of all) client.close();
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    let open = Number(clients);
    const onSynced = () => {
      open -= 1;
      if (open === 0) resolve();
    };
    all = Array.from({ length: open }, (_, index) => new LoadClient(index, onSynced));
  });
  return performance.now() - startMs;
}

/** Nothing has come for a while. */
async function quiet(): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 50));
  while (performance.now() - heardMs < 300);
}

/** Milliseconds since the epoch, as finely as the machine has them. */
const now = () => performance.timeOrigin + performance.now();

function listened(client: LoadClient): void {
  if (deaf.size === all.length) firstMs = now();
  deaf.delete(client);
  if (deaf.size === 0) print({ firstMs, lastMs: now() });
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

print({ syncMs: await storm() });
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'storm') {
    print({ syncMs: await storm() });
    continue;
  }
  if (line === 'next') {
    for (const client of all) deaf.add(client);
    print({ listening: all.length });
    continue;
  }
  await quiet();
  print({ messages: taken.messages, bytes: taken.bytes, names: Object.fromEntries(taken.names) });
  taken = nothing();
}
