import { expect, test } from 'vitest';
import type { Earlier, VerifiedScope } from '../../src/governance/index.ts';
import { readManifests, type ScopeResources } from '../../src/manifests/index.ts';
import { createSettler } from '../../src/reconcile/settle.ts';

const GOOD =
  'apiVersion: v1\nkind: Service\nmetadata: {name: NAME, namespace: shop}\nspec: {ports: [{port: 80}]}\n';
const good = (name: string) => GOOD.replace('NAME', name);
const bad = (name: string) => `${good(name)}---\nkind: Nonsense\n`;

function version(seq: number, text: string, namespaces: readonly string[] = ['shop']): VerifiedScope {
  const facts = {
    uid: 'u',
    parent: null,
    path: 'shop',
    directory: 'shop',
    seq,
    epoch: 'e',
    digest: `digest-${text}`,
    commit: 'c',
  };
  const authority = { owns: { namespaces, hosts: [] }, granted: { namespaces: [], hosts: [] } };
  const files = [{ path: 'a.yaml', bytes: new TextEncoder().encode(text) }];
  return { ...facts, ...authority, trustDomain: null, signers: [], files } as unknown as VerifiedScope;
}

/** Texts as they were accepted one after the other; what was read back and what was parsed is counted. */
function history() {
  const seen = { loaded: [] as number[], parsed: [] as number[] };
  const read = (scope: VerifiedScope) => {
    seen.parsed.push(scope.seq);
    return readManifests(scope, null);
  };
  const settle = createSettler(read);
  return {
    seen,
    async at(texts: readonly string[], namespaces?: readonly string[]) {
      seen.loaded.length = 0;
      seen.parsed.length = 0;
      const all = texts.map((text, index) => version(index + 1, text, namespaces));
      const now = all.at(-1) ?? expect.fail('no version');
      const earlier = all
        .slice(0, -1)
        .reverse()
        .map(
          (scope): Earlier => ({
            digest: scope.digest,
            async read() {
              seen.loaded.push(scope.seq);
              return scope;
            },
          }),
        );
      const loaded = {
        resources: [readManifests(now, null)],
        problems: [],
        failed: new Map<string, string>(),
      };
      const { resources, failed, problems } = await settle(loaded, () => earlier);
      return { served: (resources[0] as ScopeResources).scope.seq, why: failed.get('u'), problems };
    },
  };
}

test('the newest without an error', async () => {
  const { at, seen } = history();
  expect(await at([good('a'), good('b')])).toMatchObject({ served: 2, why: undefined });
  expect(seen).toEqual({ loaded: [], parsed: [] });
  expect(await at([good('a'), good('b'), bad('c'), bad('d')])).toMatchObject({
    served: 2,
    why: 'seq 2 is served, because seq 4 has 1 error, the first FL2101 at shop/a.yaml:6:1',
    problems: [{ code: 'FL2101' }],
  });
});

test('another mistake costs no more than itself', async () => {
  const { at, seen } = history();
  const texts = [good('a'), bad('b'), bad('c')];
  await at(texts);
  expect(seen).toEqual({ loaded: [2, 1], parsed: [2, 1] });
  expect(await at([...texts, bad('d')])).toMatchObject({ served: 1 });
  expect(seen).toEqual({ loaded: [1], parsed: [] });
  expect(await at([...texts, bad('d'), good('e')])).toMatchObject({ served: 5, problems: [] });
  expect(await at([...texts, bad('d'), good('e'), bad('f')])).toMatchObject({ served: 5 });
});

test('nor does one of a scope that never was without', async () => {
  const { at, seen } = history();
  const texts = [bad('a'), bad('b')];
  expect(await at(texts)).toMatchObject({ served: 2, why: undefined });
  expect(await at([...texts, bad('c')])).toMatchObject({ served: 3, why: undefined });
  expect(seen.loaded).toEqual([]);
});

test('100 versions are looked at', async () => {
  const mistakes = (count: number) => Array.from({ length: count }, (_, index) => bad(`b${index}`));
  expect(await history().at([good('a'), ...mistakes(100)])).toMatchObject({ served: 1 });
  expect(await history().at([good('a'), ...mistakes(101)])).toMatchObject({ served: 102 });
});

test('what was good under an authority that is gone is not', async () => {
  const { at } = history();
  const texts = [good('a'), good('b').replace('shop', 'depot'), bad('c')];
  expect(await at(texts, ['shop', 'depot'])).toMatchObject({ served: 2 });
  expect(await at(texts, ['shop'])).toMatchObject({ served: 1 });
});

test('a failure of the store is one of the run, and a bug keeps nobody else waiting', async () => {
  const settle = createSettler(() => {
    throw new TypeError('a bug');
  });
  const now = readManifests(version(2, bad('b')), null);
  const loaded = { resources: [now], problems: [], failed: new Map<string, string>() };
  const scope = version(1, good('a'));
  const { resources } = await settle(loaded, () => [{ digest: scope.digest, read: async () => scope }]);
  expect(resources).toEqual([now]);
});

test('what is served of a scope that was moved stands where the scope does, as after a restart', async () => {
  const placed = (seq: number, text: string, place: Partial<VerifiedScope>) =>
    Object.assign(version(seq, text), place);
  const read = (scope: VerifiedScope) => readManifests(scope, null);
  const running = createSettler(read);
  const at = async (settle: typeof running, place: Partial<VerifiedScope>) => {
    const [now, old] = [placed(2, bad('b'), place), placed(1, good('a'), place)];
    const loaded = { resources: [read(now)], problems: [], failed: new Map<string, string>() };
    return settle(loaded, () => [{ digest: old.digest, read: async () => old }]);
  };
  await at(running, { path: 'acme.shop', parent: 'A' });
  for (const place of [
    { path: 'acme.store', parent: 'A' },
    { path: 'acme.store', parent: 'B' },
    { path: 'acme.store', parent: 'B', directory: 'store' },
  ]) {
    const moved = await at(running, place);
    expect(moved.resources[0]?.scope).toMatchObject({ seq: 1, ...place });
    const restarted = await at(createSettler(read), place);
    expect(JSON.stringify(moved.resources)).toBe(JSON.stringify(restarted.resources));
  }
});
