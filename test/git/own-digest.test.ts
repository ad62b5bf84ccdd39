import { createHash } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTreeDigests, openIsomorphic } from '../../src/git/index.ts';
import { createRepository } from '../repository.ts';
import { createMemory, type Entry } from './memory.ts';
import vectors from './own-digest.vectors.json' with { type: 'json' };

const hex = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');

/** The definition of formats.md once more, over paths and contents instead of git objects. */
function byDefinition(files: ReadonlyMap<string, Uint8Array>, masked: readonly string[]): string {
  const inside = (path: string) => masked.some((mask) => path.startsWith(`${mask}/`));
  const own = [...files].filter(([path]) => !inside(path));
  own.sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  return hex(`fairlead-own-1\0${own.map(([path, content]) => `100644 ${path}\0${hex(content)}\n`).join('')}`);
}

describe('published vectors, accepted', () => {
  test.each(vectors.accepted)('$name', async ({ files, masked, tree, digest }) => {
    const contents = new Map(
      Object.entries(files).map(([path, text]) => [path, Buffer.from(text, 'latin1')]),
    );
    const repository = await createRepository();
    onTestFinished(repository.close);
    for (const [path, bytes] of contents) await repository.write(path, bytes);
    await repository.commit('vector');
    const root = await repository.id('HEAD^{tree}');
    const own = await createTreeDigests(await openIsomorphic({ gitdir: repository.dir })).digest(
      root,
      masked,
    );
    expect({ tree: root, digest: own.ok && own.digest }).toEqual({ tree, digest });
    expect(byDefinition(contents, masked)).toBe(digest);
    expect(own.ok && own.files.every((file) => contents.get(file.path)?.length === file.size)).toBe(true);
    expect(own.ok && own.files.every((file) => hex(contents.get(file.path) ?? '') === file.sha256)).toBe(
      true,
    );
  });
});

type Refused = { mode: string; name: string; hex?: boolean; object?: string };

describe('published vectors, refused', () => {
  test.each(vectors.refused)('$name', async (vector) => {
    const memory = createMemory();
    const file = memory.blob('x');
    const directory = memory.tree([{ mode: '100644', name: 'f', id: file }]);
    const entries = vector.entries.map(({ mode, name, hex: encoded, object }: Refused) => ({
      mode,
      name: Buffer.from(name, encoded ? 'hex' : 'utf8'),
      id: (object ?? (mode.endsWith('40000') ? 'directory' : 'file')) === 'directory' ? directory : file,
    }));
    const own = await createTreeDigests(memory.objects).digest(memory.tree(entries), vector.masked ?? []);
    expect(own).toMatchObject({ ok: false, rule: vector.rule, path: vector.path });
    const nested = memory.tree([{ mode: '40000', name: 'deep', id: memory.tree(entries) }]);
    const masked = (vector.masked ?? []).map((path) => `deep/${path}`);
    const below = await createTreeDigests(memory.objects).digest(nested, masked);
    expect(below).toMatchObject({ ok: false, rule: vector.rule, path: `deep/${vector.path}` });
  });
});

describe('inside a mask', () => {
  test('nothing is read or judged', async () => {
    const memory = createMemory();
    const hidden = memory.tree([{ mode: '120000', name: '..', id: memory.blob('x') }]);
    memory.forget(hidden);
    const root = memory.tree([{ mode: '40000', name: 'child', id: hidden }]);
    const own = await createTreeDigests(memory.objects).digest(root, ['child']);
    expect(own).toMatchObject({ ok: true, files: [] });
    expect(memory.reads).toEqual([root]);
  });
});

describe('memory', () => {
  const build = (content: string) => {
    const memory = createMemory();
    const child = memory.tree([{ mode: '100644', name: 'a', id: memory.blob('a') }]);
    const changed = memory.blob(content);
    const root = memory.tree([
      { mode: '40000', name: 'same', id: child },
      { mode: '100644', name: 'z', id: changed },
    ]);
    return { memory, child, root, changed };
  };

  test('an unchanged subtree is not read again', async () => {
    const { memory, root } = build('1');
    const digests = createTreeDigests(memory.objects);
    await digests.digest(root, []);
    const [child] = [memory.tree([{ mode: '100644', name: 'a', id: memory.blob('a') }])];
    const changed = memory.blob('2');
    const next = memory.tree([
      { mode: '40000', name: 'same', id: child },
      { mode: '100644', name: 'z', id: changed },
    ]);
    memory.reads.length = 0;
    const own = await digests.digest(next, []);
    expect(memory.reads).toEqual([next, changed]);
    expect(own).toEqual(await createTreeDigests(memory.objects).digest(next, []));
  });

  test('the mask is part of the key, in any order', async () => {
    const { memory, root } = build('1');
    const digests = createTreeDigests(memory.objects);
    const whole = await digests.digest(root, []);
    const masked = await digests.digest(root, ['x', 'same']);
    expect(masked).not.toEqual(whole);
    memory.reads.length = 0;
    expect(await digests.digest(root, ['same', 'x', 'x'])).toEqual(masked);
    expect(await digests.digest(root, [])).toEqual(whole);
    expect(memory.reads).toEqual([]);
  });

  test('a missing object is a failure now, and no answer for later', async () => {
    const { memory, root, changed } = build('1');
    memory.forget(changed);
    const digests = createTreeDigests(memory.objects);
    await expect(digests.digest(root, [])).rejects.toMatchObject({ code: 'object-missing' });
    memory.blob('1');
    expect(await digests.digest(root, [])).toMatchObject({ ok: true });
  });
});

describe('caps (G17)', () => {
  const memory = createMemory();
  const small = memory.blob('x');
  const digests = createTreeDigests(memory.objects);
  const file = (name: string, id = small): Entry => ({ mode: '100644', name, id });
  const directory = (name: string, id: string): Entry => ({ mode: '40000', name, id });
  const numbered = (count: number, id = small) =>
    Array.from({ length: count }, (_, index) => file(`f${String(index).padStart(6, '0')}`, id));
  const nest = (levels: number, id: string): string =>
    levels === 0 ? id : nest(levels - 1, memory.tree([directory('d', id)]));
  const own = (entries: readonly Entry[], masked: readonly string[] = []) =>
    digests.digest(memory.tree(entries), masked);

  test('path depth 32', async () => {
    const leaf = memory.tree([file('f')]);
    expect(await digests.digest(nest(31, leaf), [])).toMatchObject({ ok: true });
    const path = [...Array.from({ length: 32 }, () => 'd'), 'f'].join('/');
    const refusal = { ok: false, rule: 'G17', path };
    expect(await digests.digest(nest(32, leaf), [])).toMatchObject(refusal);
    expect(await createTreeDigests(memory.objects).digest(nest(32, leaf), [])).toMatchObject(refusal);
    expect(await digests.digest(nest(5000, leaf), [])).toMatchObject({ rule: 'G17' });
  });

  test('100,000 entries per tree, masked ones too', async () => {
    const empty = memory.tree([]);
    const entries = numbered(100_001).map(({ name }) => directory(String(name), empty));
    const masked = await own(entries.slice(1));
    expect(masked).toMatchObject({ ok: true, files: [] });
    expect(await own(entries)).toMatchObject({ ok: false, rule: 'G17', path: '' });
  });

  test('20,000 own files, also when one subtree stands in many places', async () => {
    expect(await own(numbered(20_000))).toMatchObject({ ok: true });
    expect(await own(numbered(20_001))).toMatchObject({ ok: false, rule: 'G17', path: 'f020000' });
    let bomb = memory.tree(numbered(10));
    for (let level = 0; level < 20; level += 1) {
      bomb = memory.tree(Array.from('0123456789', (name) => directory(name, bomb)));
    }
    expect(await digests.digest(bomb, [])).toMatchObject({ ok: false, rule: 'G17' });
  });

  test('directories without files count for nothing, however often they multiply', async () => {
    let bomb = memory.tree([]);
    for (let level = 0; level < 30; level += 1) {
      bomb = memory.tree(Array.from('0123456789', (name) => directory(name, bomb)));
    }
    const alone = await own([file('f')]);
    expect(alone).toMatchObject({ ok: true });
    expect(await own([directory('bomb', bomb), file('f')])).toEqual(alone);
    expect(await own([file('f'), directory('z', bomb)], ['y'])).toEqual(alone);
  });

  test('4 MiB per file, 256 MiB per scope, 1 MiB per governance file', async () => {
    const mebibyte = 1024 * 1024;
    const largest = memory.blob(new Uint8Array(4 * mebibyte));
    const governance = memory.blob(new Uint8Array(mebibyte + 1));
    expect(await own([file('a', largest)])).toMatchObject({ ok: true });
    const over = memory.blob(new Uint8Array(4 * mebibyte + 1));
    expect(await own([file('a', over)])).toMatchObject({ ok: false, rule: 'G17', path: 'a' });
    expect(await own(numbered(64, largest))).toMatchObject({ ok: true });
    expect(await own(numbered(65, largest))).toMatchObject({ ok: false, rule: 'G17', path: 'f000064' });
    expect(await own([file('scope.yaml', governance)])).toMatchObject({ rule: 'G17', path: 'scope.yaml' });
    const folder = memory.tree([file('cy.asc', governance)]);
    expect(await own([directory('anchors', folder)])).toMatchObject({ rule: 'G17', path: 'anchors/cy.asc' });
    expect(await own([directory('routes', folder)])).toMatchObject({ ok: true });
  });
});
