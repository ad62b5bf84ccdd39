/** Attack list, "Trees and files": 66 to 77. */
import type { CaseSource } from '../case.ts';
import type { Setup } from '../format.ts';
import { delegationsYaml, scopeYaml } from '../scope-files.ts';
import { childSpec, type Expected, held, serves, uidOf, type World } from '../world.ts';
import { plain, policy, proposals, speak } from './steps.ts';

type TreeEntry = { readonly mode: string; readonly name: string; readonly id: string };
type Change = (entries: readonly TreeEntry[], blob: string) => readonly TreeEntry[];

/** An entry at its place in git's order. */
const add =
  (mode: string, name: string, id?: string): Change =>
  (entries, blob) =>
    sorted([...entries, { mode, name, id: id ?? blob }]);

const remode =
  (name: string, mode: string): Change =>
  (entries) =>
    entries.map((entry) => (entry.name === name ? { ...entry, mode } : entry));

function sorted(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  const key = ({ mode, name }: TreeEntry) =>
    Buffer.from(mode.endsWith('40000') ? `${name}/` : name, 'latin1');
  return entries.toSorted((left, right) => Buffer.compare(key(left), key(right)));
}

async function readTree(world: World, id: string): Promise<readonly TreeEntry[]> {
  const raw = await world.scratch.raw('tree', id);
  const entries: TreeEntry[] = [];
  for (let at = 0; at < raw.length; ) {
    const [space, end] = [raw.indexOf(' ', at), raw.indexOf(0, at)];
    const [mode, name] = [raw.toString('latin1', at, space), raw.toString('latin1', space + 1, end)];
    entries.push({ mode, name, id: raw.toString('hex', end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}

/** Names are written byte for byte: one character for each byte. */
function writeTree(world: World, entries: readonly TreeEntry[]): Promise<string> {
  const parts = entries.flatMap(({ mode, name, id }) => [
    Buffer.from(`${mode} ${name}\0`, 'latin1'),
    Buffer.from(id, 'hex'),
  ]);
  return world.scratch.store('tree', Buffer.concat(parts));
}

/** The root tree of the genesis with a mesh folder that is changed entry by entry. */
async function treeWith(world: World, change: Change): Promise<string> {
  const root = await readTree(
    world,
    (await world.scratch.git(['rev-parse', `${world.id('g')}^{tree}`])).toString().trim(),
  );
  const mesh = root.find(({ name }) => name === 'mesh');
  const blob = await world.scratch.store('blob', 'odd\n');
  const changed = await writeTree(world, change(await readTree(world, mesh?.id ?? ''), blob));
  return writeTree(
    world,
    root.map((entry) => (entry === mesh ? { ...entry, id: changed } : entry)),
  );
}

/** Trees that a whole quorum has signed, and that are held all the same. */
async function oddTrees(
  world: World,
  variants: Readonly<Record<string, Change>>,
  rule = 'G10',
  child: Expected = { seq: 1, at: 'g' },
): Promise<void> {
  for (const [name, change] of Object.entries(variants)) {
    const tree = await treeWith(world, change);
    await world.add(`${name} 1`, { parents: ['g'], tree, by: 'alice' });
    await world.add(`${name} 2`, { parents: [`${name} 1`], tree, by: 'bo' });
    await world.add(`${name} m`, { parents: ['g', `${name} 2`], tree });
    world.attack(`${name} m`, { s: held(rule), 's.c': child }, { name });
  }
}

async function honestFile(world: World, path = 'mesh/odd.yaml', text = 'odd\n'): Promise<void> {
  const files = { [path]: text };
  const p = await plain(world, ['alice', 'bo'], { files, prefix: 'honest' });
  await world.add('n', { parents: ['g', p], files });
  world.honest('n', { s: serves(2, 'n', ['alice', 'bo']) });
}

/** SSH alone: these cases are about trees, and are built again to the same bytes. */
const root = { anchors: ['alice', 'bo', 'dana'] } as const;

export const trees: readonly CaseSource[] = [
  {
    number: '66',
    slug: 'symbolic-links',
    title: 'Symbolic links',
    attack: 'A link of the scope leads outside, to another scope, or to a file beside it.',
    outcome: 'held',
    rules: ['G10'],
    async build(lab) {
      const w = await lab.world({ root });
      const link = (text: string) => w.scratch.store('blob', text);
      await oddTrees(w, {
        outside: add('120000', 'link.yaml', await link('../../secrets')),
        'to another scope': add('120000', 'link.yaml', await link('c/v.yaml')),
        absolute: add('120000', 'link.yaml', await link('/etc/passwd')),
        beside: add('120000', 'link.yaml', await link('v.yaml')),
      });
      await honestFile(w);
    },
  },
  {
    number: '67',
    slug: 'submodules-and-lfs',
    title: 'Submodules and LFS pointers',
    attack: 'An entry stands for content that is not in the signed tree.',
    outcome: 'held',
    rules: ['G10', 'G11'],
    async build(lab) {
      const w = await lab.world({ root });
      await oddTrees(w, {
        submodule: add('160000', 'module', w.id('g')),
        'submodule file': add('100644', '.gitmodules'),
        'submodule file, other case': add('100644', '.GitModules'),
      });
      // A pointer of LFS is a file like any other: its own bytes are what is signed and served.
      const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 5\n`;
      await honestFile(w, 'mesh/odd.yaml', text);
    },
  },
  {
    number: '68',
    slug: 'attributes',
    title: 'Attributes and filters',
    attack: 'Attributes have git change bytes on their way out: filters, line ends, encodings, keywords.',
    outcome: 'refused',
    rules: ['G11', 'G0'],
    async build(lab) {
      const attributes = '* filter=evil eol=crlf ident export-subst working-tree-encoding=UTF-16\n';
      const w = await lab.world({
        root,
        files: { 'mesh/.gitattributes': attributes, '.gitattributes': attributes },
      });
      const config =
        '[core]\n\tbare = true\n\tautocrlf = true\n[filter "evil"]\n\tsmudge = hooks/evil\n\trequired = true\n';
      const setup: readonly Setup[] = [
        { do: 'write', path: 'config', text: config },
        { do: 'write', path: 'info/attributes', text: attributes },
        {
          do: 'write',
          path: 'hooks/evil',
          text: '#!/bin/sh\ntouch "$GIT_DIR/was-run"\necho evil\n',
          executable: true,
        },
      ];
      const files = { 'mesh/odd.yaml': '$Id$ $Format:%H$\nodd\n' };
      const p = await plain(w, ['alice', 'bo'], { files });
      await w.add('n', { parents: ['g', p], files });
      const raw = { s: serves(2, 'n', ['alice', 'bo']) };
      w.attack('n', raw, { setup, absent: ['was-run'] });
      w.honest('n', raw);
    },
  },
  {
    number: '69',
    slug: 'twin-names',
    title: 'Names that some file system takes for another',
    attack: 'A name differs from another in case, in its form of Unicode, or by what a file system ignores.',
    outcome: 'held',
    rules: ['G10'],
    async build(lab) {
      const w = await lab.world({ root });
      const utf8 = (name: string) => Buffer.from(name).toString('latin1');
      const names = {
        'other case': 'V.yaml',
        'other case of a governance file': 'Scope.yaml',
        'other case of another scope': 'C',
        composed: utf8('\u00e9.yaml'),
        decomposed: utf8('e\u0301.yaml'),
        ignorable: utf8('v\u200c.yaml'),
        'dot at its end': 'v.yaml.',
        'space at its end': 'v.yaml ',
        'space at its start': ' v.yaml',
        device: 'con',
        'device with an extension': 'Nul.yaml',
        stream: 'v.yaml:x',
        'short name': 'SCOPE~1.YAM',
      };
      const variants = Object.entries(names).map(([name, path]) => [name, add('100644', path)] as const);
      await oddTrees(w, Object.fromEntries(variants));
      await honestFile(w);
    },
  },
  {
    number: '70',
    slug: 'traversal',
    title: 'Names that lead out of the scope',
    attack: 'A tree has an entry named .., ., .git, nothing, or with a slash in it.',
    outcome: 'held',
    rules: ['G10'],
    async build(lab) {
      const w = await lab.world({ root });
      const names = ['..', '.', '.git', '.GIT', 'git~1', '.git ', '', 'c/v.yaml', '../v.yaml', '/v.yaml'];
      const files = names.map((path) => [`file "${path}"`, add('100644', path)] as const);
      const folder = (await w.scratch.git(['rev-parse', `${w.id('g')}:mesh/c`])).toString().trim();
      const folders = ['..', '.', '', '.git', 'c/..'].map(
        (path) => [`folder "${path}"`, add('40000', path, folder)] as const,
      );
      await oddTrees(w, Object.fromEntries([...files, ...folders]));
      await honestFile(w);
    },
  },
  {
    number: '71',
    slug: 'duplicate-entries',
    title: 'Duplicate and unsorted entries',
    attack: 'A tree has a name twice, or its entries are out of order: two readers find two files.',
    outcome: 'held',
    rules: ['G10'],
    async build(lab) {
      const w = await lab.world({ root });
      const folder = (await w.scratch.git(['rev-parse', `${w.id('g')}:mesh/c`])).toString().trim();
      await oddTrees(w, {
        twice: add('100644', 'v.yaml'),
        'a file and a folder': add('40000', 'v.yaml', folder),
        'twice, far apart': (entries, blob) => [...entries, { mode: '100644', name: 'v.yaml', id: blob }],
        reversed: (entries) => entries.toReversed(),
        'order of a folder': (entries, blob) =>
          entries.flatMap((entry) =>
            entry.name === 'c' ? [entry, { mode: '100644', name: 'c.yaml', id: blob }] : [entry],
          ),
      });
      await honestFile(w);
    },
  },
  {
    number: '72',
    slug: 'modes',
    title: 'Change of a mode alone',
    attack:
      'A file becomes executable, a link, or gets a mode that git does not write; its bytes are the same.',
    outcome: 'held',
    rules: ['G10'],
    async build(lab) {
      const w = await lab.world({ root });
      const modes = ['100755', '120000', '160000', '100664', '100600', '0100644', '40000', '644'];
      const variants = modes.map((mode) => [mode, remode('v.yaml', mode)] as const);
      await oddTrees(w, Object.fromEntries(variants));
      // No directory to a strict reader, so the child scope is not at its place either.
      await oddTrees(w, { '040000 for a folder': remode('c', '040000') }, 'G10', held('G18'));
      await honestFile(w);
    },
  },
  {
    number: '73',
    slug: 'quoted-names',
    title: 'Names that git quotes',
    attack:
      'A name has characters that git prints in quotes, so that a comparison of printed names misses it.',
    outcome: 'held',
    rules: ['G10'],
    async build(lab) {
      const w = await lab.world({ root });
      const names = {
        quote: 'a"b.yaml',
        backslash: 'a\\b.yaml',
        tab: 'a\tb.yaml',
        'line feed': 'a\nb.yaml',
        byte: '\xff.yaml',
      };
      const variants = Object.entries(names).map(([name, path]) => [name, add('100644', path)] as const);
      await oddTrees(w, Object.fromEntries(variants));
      await honestFile(w);
    },
  },
  {
    number: '74',
    slug: 'globs',
    title: 'Patterns in what a scope owns',
    attack: 'Ownership is written with wildcards that reach further than they look.',
    outcome: 'held',
    rules: ['G6', 'G12'],
    async build(lab) {
      const w = await lab.world({ root });
      const owns = {
        namespace: '{ namespaces: ["c*"], hosts: ["*"] }',
        'namespace with a slash': '{ namespaces: ["*/c"], hosts: ["*"] }',
        'host in the middle': '{ namespaces: ["*"], hosts: ["*", "a.*.example"] }',
        'host at its end': '{ namespaces: ["*"], hosts: ["*", "a.*"] }',
        'part of a label': '{ namespaces: ["*"], hosts: ["*", "*a.example"] }',
        'two stars': '{ namespaces: ["*"], hosts: ["*", "**.example"] }',
      };
      const variants = Object.entries(owns).map(
        ([name, given]) => [name, [policy(w, { owns: given }), 'G12']] as const,
      );
      await proposals(w, ['alice', 'bo'], Object.fromEntries(variants));
      for (const path of ['*', 'c*', '**', './c', 'c/', 'C']) {
        const record = { name: 'c', uid: uidOf(scopeYaml(childSpec)), path: JSON.stringify(path) };
        const pinned = await lab.world({
          name: `pinned "${path}"`,
          root,
          files: { 'mesh/delegations.yaml': delegationsYaml([record]) },
        });
        pinned.run('attack', [{ tip: 'g', outcome: 'refused', rule: path === 'C' ? 'G18' : 'G12' }]);
      }
      await honestFile(w);
    },
  },
  {
    number: '75',
    slug: 'path-prefix',
    title: 'A directory whose name begins like another',
    attack: 'The anchors of a scope change a directory beside it, whose name begins with the name of theirs.',
    outcome: 'held',
    rules: ['G7'],
    async build(lab) {
      const child = { ...childSpec, anchors: ['dana', 'eli', 'fay'] } as const;
      const w = await lab.world({ root: { anchors: ['alice', 'bo'] }, child });
      const files = { 'mesh/c2/v.yaml': '1\n', 'mesh/c-v.yaml': '1\n' };
      const p = await plain(w, ['dana', 'eli'], { files });
      await w.add('m', { parents: ['g', p], files });
      w.attack('m', { s: held('Quorum') });
      const q = await plain(w, ['dana', 'eli'], { C: '1', prefix: 'q' });
      await w.add('n', { parents: ['g', q], C: '1' });
      w.honest('n', { 's.c': serves(2, 'n', ['dana', 'eli']) });
    },
  },
  {
    number: '76',
    slug: 'yaml',
    title: 'What YAML can be',
    attack:
      'A governance file has aliases, tags, merge keys, keys twice, or values that readers take for different ones.',
    outcome: 'held',
    rules: ['G12'],
    async build(lab) {
      const w = await lab.world({ root });
      const yaml = scopeYaml(root);
      const changed = (from: string | RegExp, to: string) => ({ 'mesh/scope.yaml': yaml.replace(from, to) });
      const quorum = 'quorum: { threshold: 2 }';
      const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
      const variants = {
        alias: changed(quorum, 'quorum: &q { threshold: 1 }\n  more: *q'),
        'aliases of aliases': { 'mesh/scope.yaml': `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n${yaml}` },
        anchor: changed(quorum, 'quorum: &q { threshold: 1 }'),
        'merge key': changed(quorum, 'quorum: { <<: { threshold: 1 } }'),
        'key twice': changed(quorum, `${quorum}\n  quorum: { threshold: 1 }`),
        'key twice in flow': changed('{ threshold: 2 }', '{ threshold: 2, threshold: 1 }'),
        tag: changed('{ threshold: 2 }', '{ threshold: !!int "1" }'),
        'own tag': changed('{ threshold: 2 }', '!js/object { threshold: 1 }'),
        prototype: changed('{ threshold: 2 }', '{ threshold: 2, __proto__: { threshold: 1 } }'),
        'unknown field': changed('{ threshold: 2 }', '{ threshold: 2, treshold: 1 }'),
        'truth of YAML 1.1': changed('{ threshold: 2 }', '{ threshold: yes }'),
        'key that is a list': changed('{ threshold: 2 }', '{ threshold: 2, [a]: 1 }'),
        'huge number': changed('{ threshold: 2 }', '{ threshold: 1e400 }'),
        'number with underscores': changed('{ threshold: 2 }', '{ threshold: 0_1 }'),
        'two documents': { 'mesh/scope.yaml': `${yaml}---\n${yaml}` },
        'nested deeply': { 'mesh/scope.yaml': `${yaml}deep: ${deep}\n` },
        'not UTF-8': {
          'mesh/scope.yaml': Buffer.concat([Buffer.from(yaml), Buffer.from([0x23, 0xff, 0x0a])]),
        },
        empty: { 'mesh/scope.yaml': '' },
        absent: { 'mesh/scope.yaml': null },
      };
      const held = Object.entries(variants).map(([name, files]) => [name, [files, 'G12']] as const);
      await proposals(w, ['alice', 'bo'], Object.fromEntries(held));
      const files = { 'mesh/scope.yaml': `# a comment\n${yaml}` };
      const p = await w.add('honest0', { parents: ['g'], files });
      const q = await speak(w, ['alice', 'bo'], p, 'honest', w.approve({ seq: 2, base: 'g', next: p }));
      await w.add('n', { parents: ['g', q], files });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']) });
    },
  },
  {
    number: '77',
    slug: 'floods',
    title: 'Floods',
    attack:
      'A pull request is so large, deep or full of signatures that a verifier gives up, or takes all day.',
    outcome: 'held',
    rules: ['G17'],
    async build(lab) {
      const w = await lab.world({ root });
      const store = w.scratch.store;
      const folder = (levels: number, id: string): Promise<string> =>
        levels === 0
          ? Promise.resolve(id)
          : writeTree(w, [{ mode: '40000', name: 'd', id }]).then((tree) => folder(levels - 1, tree));
      const blob = await store('blob', 'odd\n');
      const many = (mode: string, id: string) =>
        writeTree(w, sorted(Array.from({ length: 150 }, (_, at) => ({ mode, name: `f${at}`, id }))));
      const square = await many('40000', await many('100644', blob));
      const leaf = await writeTree(w, [{ mode: '100644', name: 'v.yaml', id: blob }]);
      const cube = await many('40000', await many('40000', square));
      await oddTrees(
        w,
        {
          'a file of more than 4 MiB': add(
            '100644',
            'odd.yaml',
            await store('blob', Buffer.alloc(4 * 1024 * 1024 + 1)),
          ),
          'deeper than 32 levels': add('40000', 'd', await folder(32, leaf)),
          '22,500 files in two small trees': add('40000', 'd', square),
          '500 million files in four small trees': add('40000', 'd', cube),
        },
        'G17',
      );
      const p = await plain(w, ['alice', 'bo']);
      await w.add('long', { parents: [p], message: `${'x'.repeat(64 * 1024)}\n` });
      await w.add('long m', { parents: ['g', 'long'], S: '1' });
      w.attack('long m', { s: held('G17') }, { name: 'a message of more than 64 KiB' });
      await flood(w, p);
      await w.add('flood m', { parents: ['g', 'flood'], S: '1' });
      w.attack('flood m', { s: held('G17') }, { name: '1,001 statements with a forged signature' });
      await w.add('n', { parents: ['g', p], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']) });
    },
  },
];

/** 1,001 statements that say that dana signed them. */
async function flood(world: World, from: string): Promise<void> {
  const message = `words\n\n${world.approve({ seq: 2, base: 'g', next: from })}\n`;
  await world.add('flood0', { parents: [from], by: 'dana', message });
  const template = (await world.scratch.raw('commit', world.id('flood0'))).toString();
  let last = world.id('flood0');
  for (let at = 0; at < 1001; at += 1)
    last = await world.scratch.store('commit', template.replace(/^parent .*$/m, `parent ${last}`));
  world.adopt('flood', last, from);
}
