import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { must } from '../../src/base/must.ts';
import { envoy } from '../../src/generated/envoy.js';
import { delta } from '../../src/xds/delta.ts';
import { unframed } from '../../src/xds/framing.ts';
import { XDS_SERVICES } from '../../src/xds/services.ts';
import { GrpcStream } from '../../src/xds/stream.ts';
import { Streams } from '../../src/xds/streams.ts';
import { NODE } from './client.ts';
import { FakeCall } from './fake-call.ts';
import { CLUSTER, cluster, snapshot } from './resources.ts';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse } = envoy.service.discovery.v3;

let streams: Streams;
let pushes: number;
/** Both clocks of the server. */
let nowMs: number;

beforeEach(() => {
  pushes = 0;
  nowMs = 0;
  streams = new Streams({
    identify: ({ id }) => ({ id, resources: () => snapshot(cluster('a', `${pushes}`)).resources }),
    log: { info: () => {}, warn: () => {}, error: () => {} },
    now: () => nowMs,
    steadyMs: () => nowMs,
    removalTimeoutMs: 0,
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  streams.drain();
});

/** A client that says what it wants when it is `introduced`, and answers when it is told to. */
function connect() {
  const call = new FakeCall();
  const [service] = XDS_SERVICES;
  streams.add(call.asCall(), { service: must(service), variant: delta, encoder: delta.createEncoder() });
  const send = (request: Parameters<typeof DeltaDiscoveryRequest.encode>[0]) =>
    call.emit('data', Buffer.from(DeltaDiscoveryRequest.encode(request).finish()));
  return {
    call,
    introduce: () => send({ node: NODE, typeUrl: CLUSTER }),
    acknowledge() {
      if (call.said === null) return;
      send({ typeUrl: CLUSTER, responseNonce: DeltaDiscoveryResponse.decode(unframed(call.said)).nonce });
      call.said = null;
    },
    leave: () => call.emit('close'),
  };
}

function publish(): void {
  pushes += 1;
  streams.publish(`r${pushes}`);
}

describe('when the last had acknowledged a push', () => {
  const COUNT = 200;

  test.each([
    ['in which they came', (at: number) => at],
    ['against it', (at: number) => COUNT - 1 - at],
    ['of nobody', (at: number) => (at * 77) % COUNT],
  ])('is asked at every ACK, and each stream is looked at a few times: in the order %s', async (_, order) => {
    const clients = Array.from({ length: COUNT }, connect);
    for (const client of clients) client.introduce();
    const looks = vi.spyOn(GrpcStream.prototype, 'fullyAcked', 'get');
    const answers: (number | null)[] = [];
    streams.onAck(() => answers.push(streams.ackedSteadyMs(pushes)));
    for (let push = 1; push <= 3; push += 1) {
      publish();
      while (!clients.every(({ call }) => call.said !== null)) await new Promise(setImmediate);
      await new Promise(setImmediate); // what was said has left
      for (const at of clients.keys()) {
        nowMs += 1;
        must(clients[order(at)]).acknowledge();
      }
      const last = answers.splice(0);
      expect([last.length, last.filter((answer) => answer !== null)]).toEqual([COUNT, [nowMs]]);
    }
    expect(looks.mock.calls.length).toBeLessThan(3 * 5 * COUNT);
  });

  test('is what a look at all of them says, whoever comes, answers and leaves meanwhile', async () => {
    const clients: ReturnType<typeof connect>[] = [];
    let seed = 7;
    const below = (limit: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % limit;
    };
    let told = 0;
    for (let step = 0; step < 3_000; step += 1) {
      nowMs += 1;
      const [act, at] = [below(100), below(Math.max(1, clients.length))];
      if (act < 12 && clients.length < 6) clients.push(connect());
      else if (act < 25) clients[at]?.introduce();
      else if (act < 28) for (const client of clients.splice(at, 1)) client.leave();
      else if (act < 30) publish();
      else if (act < 55) await new Promise(setImmediate);
      else clients[at]?.acknowledge();
      for (let push = Math.max(1, pushes - below(3)); push <= pushes; push += 1) {
        const answer = streams.ackedSteadyMs(push);
        expect(answer).toBe(lookAtAll(push));
        if (answer !== null) told += 1;
      }
    }
    expect(told).toBeGreaterThan(100);
  });
});

function lookAtAll(push: number): number | null {
  const acked = streams.sessions().map(({ fullyAcked }) => fullyAcked);
  const arrived = acked.flatMap((last) => (last === null || last.push < push ? [] : [last.atMs]));
  return arrived.length < acked.length || acked.length === 0 ? null : Math.max(...arrived);
}
