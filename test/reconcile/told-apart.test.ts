import { describe, expect, it } from 'vitest';
import type { VerifiedScope } from '../../src/governance/index.ts';
import type { ScopeResources } from '../../src/manifests/index.ts';
import { stages } from '../../src/pipeline.ts';
import { createServed } from '../../src/reconcile/serve.ts';
import { toldApart } from '../../src/reconcile/told-apart.ts';
import { scope } from '../mesh/world.ts';

/** A scope of a repository, of which governance says this uid and this parent. */
function of(path: string, uid: string, parent: string | null = null, name = uid): ScopeResources {
  const service = `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: {ports: [{name: http, port: 80}]}\n`;
  const read = scope({ path, files: service });
  return { ...read, scope: { ...read.scope, uid, parent } as unknown as VerifiedScope };
}

/** Counts who goes through it. */
class Counted extends Array<ScopeResources> {
  static override get [Symbol.species]() {
    return Array;
  }
  readonly #iterated: { times: number };
  constructor(iterated: { times: number }, items: readonly ScopeResources[]) {
    super();
    this.#iterated = iterated;
    this.push(...items);
  }
  override [Symbol.iterator]() {
    this.#iterated.times += 1;
    return super[Symbol.iterator]();
  }
}

const uids = (list: readonly ScopeResources[]) => list.map(({ scope: { path } }) => path);

describe('scopes of several repositories', () => {
  const shop = [of('acme', 'root'), of('acme.pay', 'pay', 'root')];

  it('are all served where each has a uid of its own', () => {
    const bank = [of('bank', 'other'), of('bank.pay', 'else', 'other')];
    const { resources, taken } = toldApart([shop, bank]);
    expect(uids(resources)).toEqual(['acme', 'acme.pay', 'bank', 'bank.pay']);
    expect(taken.map(({ size }) => size)).toEqual([0, 0]);
  });

  it('of one uid are the former’s; nothing of the later one, nor below it, is served', () => {
    const below = of('evil.pay.deep', 'deep', 'pay');
    const evil = [
      of('evil', 'own'),
      below,
      of('evil.pay', 'pay', 'own'),
      of('evil.pay.deep.er', 'er', 'deep'),
    ];
    const { resources, taken } = toldApart([shop, evil]);
    expect(uids(resources)).toEqual(['acme', 'acme.pay', 'evil']);
    expect(taken.map((of) => [...of.keys()].sort())).toEqual([[], ['deep', 'er', 'pay']]);
    expect(uids(toldApart([shop, [below]]).resources)).toEqual(['acme', 'acme.pay']);
  });

  it('of one repository, all served as they are, are not gone through again to say so', () => {
    const iterated = { times: 0 };
    const [all, less] = [new Counted(iterated, shop), new Counted(iterated, shop.slice(0, 1))];
    const served = createServed(stages, () => 0, ['shop']);
    served.replace('shop', all);
    const { times } = iterated;
    const { applied, failed } = served.of('shop');
    expect([[...applied], [...failed]]).toEqual([
      [
        ['root', 1],
        ['pay', 1],
      ],
      [],
    ]);
    expect(iterated.times).toBe(times);
    served.replace('shop', less);
    expect([...served.of('shop').applied]).toEqual([['root', 1]]);
  });

  it('are in the order of the configuration, whichever was served first', () => {
    const served = createServed(stages, () => 0, ['shop', 'evil']);
    const evil = [of('evil', 'own'), of('evil.pay', 'pay', 'own', 'stolen')];
    served.replace('evil', evil);
    const { built } = served.replace('shop', shop);
    const hosts = (services: readonly { readonly host: string }[] = []) =>
      services.map(({ host }) => host).join(' ');
    expect(hosts(built?.mesh.services)).not.toContain('stolen');
    // At once, though it was the other that changed.
    expect(served.of('evil').failed.get('pay')).toMatch(/^a repository that is listed before/);
    expect([...served.of('evil').applied]).toEqual([['own', 1]]);
    expect([...served.of('shop').failed]).toEqual([]);
    expect([...served.of('shop').applied.keys()]).toEqual(['root', 'pay']);
    served.replace('shop', shop.slice(0, 1));
    expect([[...served.of('evil').failed], [...served.of('evil').applied.keys()]]).toEqual([
      [],
      ['own', 'pay'],
    ]);
  });
});
