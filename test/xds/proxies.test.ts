import { describe, expect, test } from 'vitest';
import { type Acked, proxyStatus } from '../../src/xds/proxies.ts';
import type { SessionStatus } from '../../src/xds/status.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from './resources.ts';

type State = SessionStatus['types'][number]['state'];

const type = (typeUrl: string, state: State, resources = 1) => {
  return { typeUrl, state, sent: '1', acked: '1', version: 'r1', resources, unansweredSinceMs: null };
};

function session(id: string, more: Partial<SessionStatus>): SessionStatus {
  const common = { proxy: 'p', protocol: 'sotw', service: 'EDS', connectedAtMs: 5, revision: 'r1' } as const;
  return { id, ...common, fullyAcked: null, types: [], rejected: [], conditions: [], ...more };
}

const together = (first: SessionStatus, ...rest: readonly SessionStatus[]) => {
  const streams = [first, ...rest].map((status) => ({ status, ackedSteadyMs: status.fullyAcked?.atMs ?? 0 }));
  return proxyStatus(streams as [Acked, ...Acked[]]);
};
const acked = (push: number, atMs: number) => ({ fullyAcked: { revision: `r${push}`, push, atMs } });

describe('the streams of one proxy are one proxy', () => {
  test('an ADS stream is as it is', () => {
    const types = [CLUSTER, ENDPOINT, LISTENER, ROUTE].map((typeUrl) => type(typeUrl, 'SYNCED'));
    const one = session('1', { service: 'ADS', types, ...acked(1, 7) });
    const { service: _, ...same } = one;
    expect(together(one)).toEqual({ ...same, services: 'ads', streams: 1 });
  });

  test('resources add up, and the worst state of a type counts', () => {
    const { types, streams, services } = together(
      session('1', { types: [type(CLUSTER, 'SYNCED', 3)] }),
      session('2', { types: [type(ENDPOINT, 'SYNCED')] }),
      session('3', { types: [type(ENDPOINT, 'STALE')] }),
      session('4', { types: [type(ENDPOINT, 'NOT SENT', 0)] }),
    );
    expect({ streams, services }).toEqual({ streams: 4, services: 'per-type' });
    expect(types.map(({ state, resources }) => [state, resources])).toEqual([
      ['SYNCED', 3],
      ['STALE', 2],
      ['NOT SENT', 0],
      ['NOT SENT', 0],
    ]);
  });

  test('what is owed is owed since the oldest of it', () => {
    const owed = (sinceMs: number | null) => ({
      types: [{ ...type(ENDPOINT, 'STALE'), unansweredSinceMs: sinceMs }],
    });
    const sinceOf = (...all: readonly (number | null)[]) => {
      const [first = session('0', {}), ...rest] = all.map((each, at) => session(`${at}`, owed(each)));
      return together(first, ...rest).types.find(({ typeUrl }) => typeUrl === ENDPOINT)?.unansweredSinceMs;
    };
    expect([sinceOf(9, null, 4), sinceOf(null, null)]).toEqual([4, null]);
  });

  test.each([
    ['all have it: when the last one had', [acked(2, 3), acked(2, 9)], acked(2, 9).fullyAcked],
    ['one is behind: what that one has', [acked(2, 9), acked(1, 3)], acked(1, 3).fullyAcked],
    ['one has nothing', [acked(2, 9), {}], null],
  ])('acknowledged: %s', (_what, [first = {}, second = {}], expected) => {
    expect(together(session('1', first), session('2', second)).fullyAcked).toEqual(expected);
  });

  test('acknowledged: whatever the machine’s clock was set to between two streams', () => {
    const at = (push: number, atMs: number, ackedSteadyMs: number) =>
      ({ status: session('1', acked(push, atMs)), ackedSteadyMs }) as const;
    expect(proxyStatus([at(2, 3, 20), at(1, 9, 10)]).fullyAcked).toEqual(acked(1, 9).fullyAcked);
    expect(proxyStatus([at(2, 9, 10), at(2, 3, 20)]).fullyAcked).toEqual(acked(2, 3).fullyAcked);
  });

  test('what streams say of one resource is said once', () => {
    const condition = { type: 'HeldBack', typeUrl: ENDPOINT, name: 'a', because: [], sinceMs: 1 } as const;
    const rejected = [{ typeUrl: ENDPOINT, name: 'b', version: '1', message: 'no', sources: [] }];
    const both = { conditions: [condition], rejected };
    expect(together(session('1', both), session('2', both))).toMatchObject(both);
  });
});
