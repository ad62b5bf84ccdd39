import { describe, expect, test } from 'vitest';
import { limits } from '../../src/xds/limits.ts';
import { Subscription, type SubscriptionRequest } from '../../src/xds/subscription.ts';

type Item = { readonly name: string; readonly version: string };

const whole = { legacyWildcard: true, trustsInitialVersions: true, culpritsNamed: true, fullState: true };
const named = {
  ...{ legacyWildcard: false, trustsInitialVersions: false },
  ...{ culpritsNamed: false, fullState: false },
};
const unnamedCulprits = { ...whole, culpritsNamed: false };

/** `a:1 b:2` → what a client should have. */
function target(text: string): ReadonlyMap<string, Item> {
  const items = text.split(' ').filter((item) => item !== '');
  return new Map(
    items.map((item) => {
      const [name = '', version = ''] = item.split(':');
      return [name, { name, version }];
    }),
  );
}

/** One client's side, with what goes over the wire written as `a:1 b:2 -c`; `null`: silence, `''`: empty. */
function client(rules: typeof whole, text: string) {
  const subscription = new Subscription<Item>(rules);
  subscription.retarget(target(text));
  let nonce = 0;
  const gates = new Map<string, 'wait' | 'blocked'>();
  const ask = (request: Partial<SubscriptionRequest>) =>
    subscription.receive({
      ...{ subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', error: null },
      ...request,
    });
  const hear = () => {
    const delta = subscription.next(`${nonce + 1}`, (name) => gates.get(name) ?? 'send');
    if (delta === null) return null;
    nonce += 1;
    const removed = delta.removed.map((name) => `-${name}`);
    return [...delta.resources.map(({ name, version }) => `${name}:${version}`), ...removed].sort().join(' ');
  };
  return {
    subscription,
    gates,
    ask,
    hear,
    ack: (request: Partial<SubscriptionRequest> = {}) => ask({ nonce: `${nonce}`, ...request }),
    nack: (error: string, at = nonce) => ask({ nonce: `${at}`, error }),
    publish: (next: string) => subscription.retarget(target(next)),
    /** Everything that comes, each response ACKed. */
    drain: () => {
      const heard: string[] = [];
      for (let next = hear(); next !== null; next = hear()) {
        heard.push(next);
        ask({ nonce: `${nonce}` });
      }
      return heard;
    },
  };
}

/** A client that has subscribed and has everything. */
function settled(rules: typeof whole, text: string, subscribe: readonly string[] = []) {
  const proxy = client(rules, text);
  proxy.ask({ subscribe });
  proxy.drain();
  return proxy;
}

describe('wildcard', () => {
  test('W1: no name at all means everything', () => {
    const proxy = client(whole, 'a:1 b:1');
    proxy.ask({});
    expect(proxy.hear()).toBe('a:1 b:1');
  });

  test('W1: an empty request later does not mean everything', () => {
    const proxy = settled(whole, 'a:1 b:1', ['a']);
    proxy.ask({ unsubscribe: ['a'] });
    proxy.ask({});
    proxy.publish('a:2 b:2');
    expect(proxy.hear()).toBeNull();
  });

  test('W3: legacy * + A keeps *, then A alone, then nothing', () => {
    const proxy = settled(whole, 'a:1 b:1');
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.drain()).toEqual(['a:1']);
    proxy.publish('a:1 b:2');
    expect(proxy.drain()).toEqual(['b:2']);
    proxy.ask({ unsubscribe: ['*'] });
    proxy.publish('a:2 b:3');
    expect(proxy.drain()).toEqual(['a:2']);
    proxy.ask({ unsubscribe: ['a'] });
    proxy.publish('a:3 b:3');
    expect(proxy.hear()).toBeNull();
  });

  test('W3: an explicit * works like a legacy one and also for types without a legacy one', () => {
    const proxy = client(named, 'a:1 b:1');
    proxy.ask({ subscribe: ['*'] });
    expect(proxy.hear()).toBe('a:1 b:1');
  });

  test('W4: unsubscribing a name under * is answered with it', () => {
    const proxy = settled(whole, 'a:1 b:1', ['*', 'a']);
    proxy.ask({ unsubscribe: ['a'] });
    expect(proxy.hear()).toBe('a:1');
  });

  test('W4: … or with its removal', () => {
    const proxy = settled(whole, 'a:1', ['*', 'x']);
    proxy.ask({ unsubscribe: ['x'] });
    expect(proxy.hear()).toBe('-x');
  });

  test('W5: no name means nothing for types without a legacy wildcard', () => {
    const proxy = client(named, 'a:1');
    proxy.ask({});
    expect(proxy.hear()).toBeNull();
  });

  test('W6: * subscribed and unsubscribed in one request is nothing', () => {
    const proxy = client(whole, 'a:1');
    proxy.ask({ subscribe: ['*'], unsubscribe: ['*'] });
    expect(proxy.hear()).toBeNull();
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.hear()).toBe('a:1');
  });

  test('W7: a glob is a name like any other', () => {
    const proxy = client(named, 'xdstp://a/b/x:1');
    proxy.ask({ subscribe: ['xdstp://a/b/*'] });
    expect(proxy.drain()).toEqual(['-xdstp://a/b/*']);
  });

  test('W3: what only * gave is unknown after *, and comes again with the next one', () => {
    const proxy = settled(whole, 'a:1 b:1', ['*', 'a']);
    proxy.ask({ unsubscribe: ['*'] });
    proxy.ask({ subscribe: ['*'] });
    expect(proxy.hear()).toBe('b:1');
  });
});

describe('names', () => {
  test('C4: only what changed is sent, and no change is silence', () => {
    const proxy = settled(whole, 'a:1 b:1 c:1');
    proxy.publish('a:1 b:1 c:1');
    expect(proxy.hear()).toBeNull();
    proxy.publish('a:1 b:2 d:1');
    expect(proxy.hear()).toBe('-c b:2 d:1');
  });

  test('C5: no name twice in one response, however often it was asked for', () => {
    const proxy = client(named, 'a:1');
    proxy.ask({ subscribe: ['a', 'a'] });
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.drain()).toEqual(['a:1']);
  });

  test('C6, D5: a name that does not exist is removed at once, kept, and sent when it appears', () => {
    const proxy = client(named, '');
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.drain()).toEqual(['-a']);
    proxy.publish('a:1');
    expect(proxy.drain()).toEqual(['a:1']);
  });

  test('C7: a name subscribed again is sent again', () => {
    const proxy = settled(named, 'a:1', ['a']);
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.hear()).toBe('a:1');
  });

  test('C7: unsubscribed, then subscribed while the first answer is on its way', () => {
    const proxy = client(named, 'a:1');
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.hear()).toBe('a:1');
    proxy.ask({ unsubscribe: ['a'] });
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.hear()).toBe('a:1');
  });

  test('C8: nobody hears of a name that he did not ask for', () => {
    const proxy = settled(named, 'a:1 b:1', ['a']);
    proxy.publish('a:1 b:2');
    expect(proxy.hear()).toBeNull();
  });

  test('nothing at all before there is something to say', () => {
    const subscription = new Subscription<Item>(whole);
    subscription.receive({
      ...{
        subscribe: ['a'],
        unsubscribe: [],
        initialVersions: new Map([['b', '1']]),
        nonce: '',
        error: null,
      },
    });
    expect(subscription.next('1', () => 'send')).toBeNull();
    subscription.retarget(target('a:1'));
    expect(subscription.next('1', () => 'send')).toEqual({
      resources: [{ name: 'a', version: '1' }],
      removed: ['b'],
    });
  });
});

describe('delta', () => {
  test('D1: subscriptions may ride on an ACK', () => {
    const proxy = client(named, 'a:1 b:1');
    proxy.ask({ subscribe: ['a'] });
    proxy.hear();
    proxy.ack({ subscribe: ['b'] });
    expect(proxy.drain()).toEqual(['b:1']);
    expect(proxy.subscription.holdings.holds('a')).toBe(true);
  });

  test('D2: a stale or foreign nonce does not cost the subscription', () => {
    const proxy = settled(named, 'a:1 b:1', ['a']);
    proxy.ask({ nonce: 'from another stream', subscribe: ['b'] });
    expect(proxy.hear()).toBe('b:1');
  });

  test('D2: a first request with error_detail and without history is only a subscription', () => {
    const proxy = client(whole, 'a:1');
    proxy.ask({ nonce: '9', error: 'from an earlier life' });
    expect(proxy.drain()).toEqual(['a:1']);
    expect(proxy.subscription.rejections()).toEqual([]);
  });

  test('D3: a client that comes back to * hears what changed, what is new and what is gone', () => {
    const proxy = client(whole, 'same:1 changed:2 new:1');
    const initialVersions = new Map(Object.entries({ same: '1', changed: '1', gone: '1' }));
    proxy.ask({ initialVersions });
    expect(proxy.hear()).toBe('-gone changed:2 new:1');
  });

  test('D3: only the first request of a type can bring versions', () => {
    const proxy = settled(whole, 'a:1');
    proxy.ask({ initialVersions: new Map([['ghost', '1']]) });
    expect(proxy.hear()).toBeNull();
  });

  test('D3, D6: a client that has everything already gets an empty answer', () => {
    const proxy = client(whole, 'a:1');
    proxy.ask({ initialVersions: new Map([['a', '1']]) });
    expect(proxy.drain()).toEqual(['']);
  });

  test('D4: EDS and RDS come again whatever the client says it has', () => {
    const proxy = client(named, 'a:1');
    proxy.ask({ subscribe: ['a', 'gone'], initialVersions: new Map(Object.entries({ a: '1', gone: '1' })) });
    expect(proxy.hear()).toBe('-gone a:1');
  });

  test('D4: so does a name that * covers and that is subscribed by name', () => {
    const proxy = client(whole, 'a:1 b:1');
    proxy.ask({ subscribe: ['*', 'a'], initialVersions: new Map(Object.entries({ a: '1', b: '1' })) });
    expect(proxy.hear()).toBe('a:1');
  });

  test('D3: a name listed and not subscribed is removed if it is gone, and else left alone', () => {
    const proxy = client(named, 'there:1');
    proxy.ask({ initialVersions: new Map(Object.entries({ there: '1', gone: '1' })) });
    expect(proxy.drain()).toEqual(['-gone']);
  });

  test('D6: the first answer to * comes even if empty, once', () => {
    const proxy = client(whole, '');
    proxy.ask({});
    expect(proxy.drain()).toEqual(['']);
    proxy.ask({});
    proxy.publish('');
    expect(proxy.hear()).toBeNull();
  });

  test('D6: it is not sent empty while what belongs in it is about to be ready', () => {
    const proxy = client(whole, 'a:1 b:1');
    proxy.gates.set('b', 'wait');
    proxy.ask({});
    expect(proxy.hear()).toBeNull();
    proxy.gates.clear();
    expect(proxy.hear()).toBe('a:1 b:1');
  });

  test('D7: a pure or phantom unsubscription is not answered', () => {
    const proxy = settled(named, 'a:1', ['a']);
    proxy.ask({ unsubscribe: ['a', 'phantom'] });
    expect(proxy.hear()).toBeNull();
    const wild = settled(whole, 'a:1');
    wild.ask({ unsubscribe: ['a'] });
    expect(wild.hear()).toBeNull();
  });
});

describe('ACK and NACK', () => {
  test('C3: rejected content is not sent again until it changes, and what was ACKed counts as known', () => {
    const proxy = settled(whole, 'a:1');
    proxy.publish('a:2');
    proxy.hear();
    proxy.nack('no');
    expect(proxy.subscription.rejections()).toEqual([
      { name: 'a', resource: { name: 'a', version: '2' }, message: 'no' },
    ]);
    proxy.publish('a:2');
    expect(proxy.hear()).toBeNull();
    proxy.publish('a:3');
    expect(proxy.drain()).toEqual(['a:3']);
    expect(proxy.subscription.rejections()).toEqual([]);
  });

  test('C3: back to the last good version there is nothing to send', () => {
    const proxy = settled(whole, 'a:1');
    proxy.publish('a:2');
    proxy.hear();
    proxy.nack('no');
    proxy.publish('a:1');
    expect(proxy.hear()).toBeNull();
    expect(proxy.subscription.rejections()).toEqual([]);
  });

  test('C3, C7: asked for again, the last good version is sent', () => {
    const proxy = settled(named, 'a:1', ['a']);
    proxy.publish('a:2');
    proxy.hear();
    proxy.nack('no');
    proxy.ask({ subscribe: ['a'] });
    expect(proxy.drain()).toEqual(['a:1']);
    expect(proxy.subscription.rejects('a')).toBe(true);
  });

  test('C3: a removal after a NACK is sent, for the client still has the last good', () => {
    const proxy = settled(whole, 'a:1');
    proxy.publish('a:2');
    proxy.hear();
    proxy.nack('no');
    proxy.publish('');
    expect(proxy.drain()).toEqual(['-a']);
  });

  test('a NACK that names the guilty one sends the others again without it', () => {
    const proxy = client(whole, 'good:1 bad:1 ugly:1');
    proxy.ask({});
    proxy.hear();
    proxy.nack('Error adding/updating cluster(s) bad: connect_timeout is negative');
    expect(proxy.drain()).toEqual(['good:1 ugly:1']);
    expect(proxy.subscription.rejections().map(({ name }) => name)).toEqual(['bad']);
  });

  test('a name inside another name or in a sentence blames nobody', () => {
    const proxy = client(whole, 'a:1 a.b:1');
    proxy.ask({});
    proxy.hear();
    proxy.nack('Error adding/updating cluster(s) a.b: because of a');
    expect(proxy.drain()).toEqual(['a:1']);
    expect(proxy.subscription.rejections().map(({ name }) => name)).toEqual(['a.b']);
  });

  test('an empty name is blamed by no message', () => {
    const proxy = client(whole, 'a:1');
    proxy.ask({ subscribe: ['', 'a'] });
    proxy.hear();
    proxy.nack('Error adding/updating cluster(s) a: no');
    expect(proxy.subscription.rejections().map(({ name }) => name)).toEqual(['a']);
  });

  test('a NACK that names nobody is narrowed down by halves', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'bad'];
    const proxy = client(unnamedCulprits, names.map((name) => `${name}:1`).join(' '));
    proxy.ask({});
    let responses = 0;
    for (let heard = proxy.hear(); heard !== null; heard = proxy.hear()) {
      responses += 1;
      if (heard.includes('bad')) proxy.nack('no');
      else proxy.ack();
    }
    expect(responses).toBe(7); // all, then two halves at each of three levels
    expect(proxy.subscription.rejections().map(({ name }) => name)).toEqual(['bad']);
    expect(names.filter((name) => proxy.subscription.holdings.holds(name))).toEqual(names.slice(0, -1));
  });

  test('removals go before additions when a response is taken apart', () => {
    const proxy = settled(unnamedCulprits, 'old:1');
    proxy.publish('new:1');
    expect(proxy.hear()).toBe('-old new:1');
    proxy.nack('duplicate address');
    expect(proxy.drain()).toEqual(['-old', 'new:1']);
  });

  test('sent is not had: only the ACK counts, each for its own response', () => {
    const proxy = client(whole, 'a:1');
    proxy.ask({});
    proxy.hear();
    proxy.publish('a:2');
    expect(proxy.hear()).toBe('a:2');
    expect(proxy.subscription.holdings.holds('a')).toBe(false);
    proxy.ask({ nonce: '1' });
    expect(proxy.subscription.holdings.acked('a')?.version).toBe('1');
    proxy.ask({ nonce: '2' });
    expect(proxy.subscription.holdings.acked('a')?.version).toBe('2');
    expect(proxy.subscription.idle).toBe(true);
  });

  test('a late ACK of an older response does not take the newer one back', () => {
    const proxy = client(whole, 'a:1');
    proxy.ask({});
    proxy.hear();
    proxy.publish('a:2');
    proxy.hear();
    proxy.ask({ nonce: '2' });
    proxy.ask({ nonce: '1' });
    expect(proxy.subscription.holdings.acked('a')?.version).toBe('2');
  });

  test('a NACK of an older response does not send again what a newer one replaced', () => {
    const proxy = client(whole, 'a:1');
    proxy.ask({});
    proxy.hear();
    proxy.publish('a:2');
    proxy.hear();
    proxy.nack('no', 1);
    expect(proxy.hear()).toBeNull();
    proxy.ask({ nonce: '2' });
    expect(proxy.subscription.idle).toBe(true);
    expect(proxy.subscription.rejections()).toEqual([]);
  });

  test('a refused removal is not repeated', () => {
    const proxy = settled(whole, 'a:1');
    proxy.publish('');
    expect(proxy.hear()).toBe('-a');
    proxy.nack('never');
    expect(proxy.hear()).toBeNull();
    expect(proxy.subscription.rejections()).toEqual([{ name: 'a', resource: null, message: 'never' }]);
    proxy.publish('a:1');
    expect(proxy.hear()).toBeNull();
    expect(proxy.subscription.rejections()).toEqual([]);
  });
});

describe('a client that refuses for ever', () => {
  const names = ['r0', 'r1', 'r2', 'r3'];
  const versions = (push: number) => names.map((name) => `${name}:${push}`).join(' ');
  const kept = ({ subscription }: ReturnType<typeof client>) => [...subscription.holdings.contents()];

  test.each([whole, named])('leaves nothing of what it refused alone', (rules) => {
    const proxy = client(rules, versions(0));
    proxy.ask({ subscribe: names });
    for (let push = 1; push <= 50; push += 1) {
      while (proxy.hear() !== null) proxy.nack('no');
      expect(kept(proxy)).toEqual([]);
      expect(proxy.subscription.rejections()).toHaveLength(names.length);
      proxy.publish(versions(push));
    }
  });

  test('leaves no more of what it may have taken than one that never answers', () => {
    const proxy = client(named, versions(0));
    proxy.ask({ subscribe: names });
    for (let push = 1; push <= 100; push += 1) {
      proxy.hear(); // all, of which halves would come next, were there nothing newer
      proxy.nack('no');
      proxy.publish(versions(push));
    }
    expect(kept(proxy).length).toBeLessThanOrEqual(names.length * limits.unanswered);
  });

  test('what it had before is what it has, and comes again by its version alone', () => {
    const proxy = settled(named, 'a:1 b:1', ['a', 'b']);
    proxy.publish('a:2 b:2');
    while (proxy.hear() !== null) proxy.nack('no');
    expect(kept(proxy).map(({ version }) => version)).toEqual(['1', '1']);
    proxy.publish('a:1 b:1');
    expect(proxy.hear()).toBeNull();
    expect(proxy.subscription.idle).toBe(true);
  });

  test('that it may have lost something is not forgotten, however much it may have', () => {
    const proxy = settled(named, 'a:1 b:1', ['a', 'b']);
    proxy.publish('');
    expect(proxy.hear()).toBe('-a -b');
    proxy.nack('no');
    for (let push = 2; push <= 30; push += 1) {
      proxy.publish(`a:${push} b:${push}`);
      proxy.hear();
      proxy.nack('no');
    }
    expect(proxy.subscription.holdings.holds('a')).toBe(false);
  });
});
