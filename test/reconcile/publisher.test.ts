import { describe, expect, it } from 'vitest';
import { createPublisher } from '../../src/reconcile/publisher.ts';

const A = 'a'.repeat(40);
const B = 'b'.repeat(40);

/** An xDS server of one proxy that has acknowledged the push `acked.push`. */
function distribution(names: readonly string[]) {
  const published: string[] = [];
  const acked = { push: 0 };
  const xds = {
    publish: (revision: string) => published.push(revision),
    proxies: () => [],
    ackedSteadyMs: (push: number) => (acked.push >= push ? 1_000 : null),
    onAck: () => () => {},
  };
  return { of: createPublisher(names, xds), published, acked };
}

describe('a publisher', () => {
  it('publishes the tips of a single repository as they are', () => {
    const { of, published } = distribution(['mesh']);
    const mesh = of('mesh');
    expect(mesh.pushed()).toBeNull();
    for (const tip of [A, B]) mesh.publish(tip);
    expect([published, mesh.pushed()]).toEqual([[A, B], 2]);
  });

  it('holds back until each repository has a tip; then all of them are in one push', () => {
    const { of, published } = distribution(['bank', 'shop']);
    const [bank, shop] = [of('bank'), of('shop')];
    shop.publish(A);
    shop.publish(B);
    expect([published.length, shop.pushed()]).toEqual([0, null]);
    bank.publish(A);
    expect([published.length, shop.pushed(), bank.pushed()]).toEqual([1, 1, 1]);
  });

  it('names several tips by what they are, whatever came first', () => {
    const revisions = (['bank', 'shop'] as const).map((first) => {
      const { of, published } = distribution(['bank', 'shop']);
      of(first).publish(first === 'bank' ? A : B);
      of(first === 'bank' ? 'shop' : 'bank').publish(first === 'bank' ? B : A);
      of('shop').publish(A);
      return published;
    });
    expect(revisions[0]).toEqual(revisions[1]);
    expect(new Set(revisions[0]).size).toBe(2);
    expect(revisions[0]?.[0]).toMatch(/^[0-9a-f]{40}$/);
  });

  it('takes a later push of another repository for an acknowledgement, too', () => {
    const { of, acked } = distribution(['bank', 'shop']);
    const [bank, shop] = [of('bank'), of('shop')];
    bank.publish(A);
    shop.publish(A);
    bank.publish(B);
    acked.push = 1;
    const acks = () => [bank, shop].map((one) => one.ackedSteadyMs(one.pushed() ?? 0));
    expect(acks()).toEqual([null, 1_000]);
    shop.publish(B);
    acked.push = 3;
    expect(acks()).toEqual([1_000, 1_000]);
  });
});
