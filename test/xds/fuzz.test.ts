import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { envoy } from '../../src/generated/envoy.js';
import type { Snapshot } from '../../src/translate/index.ts';
import { delta } from '../../src/xds/delta.ts';
import { createXdsServer } from '../../src/xds/index.ts';
import { XDS_SERVICES } from '../../src/xds/services.ts';
import { sotw } from '../../src/xds/sotw-wire.ts';
import { Streams } from '../../src/xds/streams.ts';
import type { RequestBase, Variant } from '../../src/xds/variant.ts';
import { AdsClient, NODE, SotwClient } from './client.ts';
import { FakeCall } from './fake-call.ts';
import { bytesInUse } from './memory.ts';
import {
  CLUSTER,
  cluster,
  ENDPOINT,
  endpoints,
  LISTENER,
  listener,
  ROUTE,
  route,
  snapshot,
} from './resources.ts';

const { DeltaDiscoveryRequest, DiscoveryRequest } = envoy.service.discovery.v3;

const REQUESTS = 100_000;
const SEED = 20_261_121;
const PUBLISH_EVERY = 500;
const OPEN_STREAMS = 24;
/** What the server may say of a request that it does not like; anything else is a mistake of ours. */
const REFUSALS: readonly status[] = [status.INVALID_ARGUMENT, status.RESOURCE_EXHAUSTED];

const SNAPSHOTS: readonly Snapshot[] = [
  snapshot(cluster('a'), endpoints('a'), listener('l', '1', ['r']), route('r', '1', ['a'])),
  snapshot(
    cluster('a', '2'),
    endpoints('a'),
    cluster('b'),
    endpoints('b'),
    listener('l', '2', ['r']),
    route('r', '2', ['b']),
  ),
  snapshot(cluster('b'), endpoints('b', '2')),
  snapshot(),
];

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Requests that make sense in part, and bytes that do not. */
function createFuzz(seed: number) {
  const random = randomFrom(seed);
  const chance = (share: number) => random() < share;
  const below = (limit: number) => Math.floor(random() * limit);
  const text = (length: number) => String.fromCodePoint(...Array.from({ length }, () => 32 + below(50_000)));
  const pick = <T>(items: readonly [T, ...T[]]): T => items[below(items.length)] ?? items[0];
  const name = () =>
    pick(['a', 'b', 'l', 'r', '*', '', 'ghost', '__proto__', text(below(9)), 'x'.repeat(below(6_000))]);
  const names = () => Array.from({ length: below(4) }, name);
  const typeUrl = () =>
    pick([CLUSTER, ENDPOINT, LISTENER, ROUTE, CLUSTER, ENDPOINT, LISTENER, ROUTE, '', text(8)]);
  const node = () => pick([NODE, NODE, NODE, { id: text(12) }, {}]);
  const nonce = () => pick(['', `${below(9)}`, `${below(99)}`, text(3)]);
  const common = (first: boolean) => ({
    ...(first || chance(0.1) ? { node: first && chance(0.95) ? NODE : node() } : {}),
    ...{ typeUrl: typeUrl(), responseNonce: nonce() },
    ...(chance(0.2)
      ? { errorDetail: { code: below(17), message: `Error adding ${name()}: ${text(5)}` } }
      : {}),
  });
  const deltaRequest = (first: boolean) =>
    DeltaDiscoveryRequest.encode({
      ...common(first),
      resourceNamesSubscribe: names(),
      resourceNamesUnsubscribe: names(),
      ...(chance(0.2)
        ? { initialResourceVersions: Object.fromEntries(names().map((each) => [each, pick(['1', '2', ''])])) }
        : {}),
    }).finish();
  const sotwRequest = (first: boolean) =>
    DiscoveryRequest.encode({
      ...common(first),
      resourceNames: names(),
      versionInfo: text(below(4)),
    }).finish();
  const mutate = (bytes: Uint8Array): Buffer => {
    const copy = [...bytes];
    for (let times = 1 + below(4); times > 0; times -= 1) {
      const at = below(copy.length + 1);
      const change = below(4);
      if (change === 0) copy[at] = below(256);
      if (change === 1) copy.splice(at, below(8));
      if (change === 2) copy.splice(at, 0, ...Array.from({ length: below(8) }, () => below(256)));
      if (change === 3) copy.push(...copy.slice(0, below(40)));
    }
    return Buffer.from(copy.map((byte) => byte ?? 0));
  };
  const spoil = (bytes: Uint8Array) => (chance(0.3) ? mutate(bytes) : Buffer.from(bytes));
  return {
    ...{ chance, below, pick },
    request: (protocol: 'delta' | 'sotw', first: boolean) =>
      spoil(protocol === 'delta' ? deltaRequest(first) : sotwRequest(first)),
  };
}

type Open = { readonly call: FakeCall; readonly protocol: 'delta' | 'sotw'; requests: number };

test('100,000 random and mutated requests: no crash, no refusal but those that are meant, bounded memory', async () => {
  const fuzz = createFuzz(SEED);
  const broken: unknown[] = [];
  let current = SNAPSHOTS[0];
  const streams = new Streams({
    identify: ({ id }) =>
      id === NODE.id ? { id, resources: () => current?.resources ?? new Map() } : 'unknown',
    log: { info: () => {}, warn: () => {}, error: (fields) => broken.push(fields) },
    now: () => Date.now(),
    removalTimeoutMs: 5,
  });
  const encoders = { delta: delta.createEncoder(), sotw: sotw.createEncoder() };
  const open: Open[] = [];
  const connect = (): Open => {
    const call = new FakeCall();
    const service = fuzz.pick([XDS_SERVICES[0], ...XDS_SERVICES] as [(typeof XDS_SERVICES)[number]]);
    const speak = <Q extends RequestBase>(variant: Variant<Q>) =>
      streams.add(call.asCall(), { service, variant, encoder: encoders[variant.name] });
    const protocol = fuzz.chance(0.5) ? 'delta' : 'sotw';
    if (protocol === 'delta') speak(delta);
    else speak(sotw);
    return { call, protocol, requests: 0 };
  };
  const codes = new Set<number>();
  let early = 0;
  for (let count = 0; count < REQUESTS; count += 1) {
    if (count % PUBLISH_EVERY === 0) {
      current = SNAPSHOTS[fuzz.below(SNAPSHOTS.length)];
      for (const encoder of Object.values(encoders)) encoder.rotate();
      streams.publish(`r${count}`);
      await new Promise(setImmediate);
    }
    if (count === REQUESTS / 4) early = await bytesInUse();
    const slot = fuzz.below(OPEN_STREAMS);
    const known = open[slot];
    const stream = known === undefined || known.call.ended ? connect() : known;
    open[slot] = stream;
    stream.call.emit('data', fuzz.request(stream.protocol, stream.requests === 0));
    stream.requests += 1;
    for (const code of stream.call.refusals) codes.add(code);
    if (fuzz.chance(0.02)) {
      stream.call.emit(fuzz.pick(['end', 'cancelled', 'close']));
      stream.call.ended = true;
    }
  }
  expect(broken).toEqual([]);
  expect([...codes].filter((code) => !REFUSALS.includes(code))).toEqual([]);
  expect(codes.size).toBeGreaterThan(0);
  const late = await bytesInUse();
  expect(late / early).toBeLessThan(1.5);
  streams.drain();
  expect(streams.sessions()).toEqual([]);
});

test('2,000 of them over real connections: who behaves is served meanwhile and afterwards', async () => {
  const fuzz = createFuzz(SEED + 1);
  const broken: unknown[] = [];
  const log = { info: () => {}, warn: () => {}, error: (fields: unknown) => broken.push(fields) };
  const server = createXdsServer({ snapshotFor: () => SNAPSHOTS[0] ?? snapshot(), log, now: () => 0 });
  const port = await server.listen('127.0.0.1', 0);
  server.publish('r1');
  const good = new AdsClient(port);
  good.send({ node: NODE, typeUrl: CLUSTER });
  good.ack(await good.next());
  for (let round = 0; round < 100; round += 1) {
    const protocol = round % 2 === 0 ? 'delta' : 'sotw';
    const client = protocol === 'delta' ? new AdsClient(port) : new SotwClient(port);
    for (let count = 0; count < 20; count += 1) client.sendBytes(fuzz.request(protocol, count === 0));
    client.halfClose();
    const { code } = await client.status();
    expect([status.OK, ...REFUSALS]).toContain(code);
    client.close();
  }
  good.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ['a'] });
  expect((await good.next()).resources).toMatchObject([{ name: 'a' }]);
  expect(broken).toEqual([]);
  good.close();
  await server.close();
});
