import { createHash } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Entry, Pack } from './pack.ts';
import { type Signer, sshSigner } from './signing.ts';

/** What somebody who may push, and is no anchor, does to the scope `s`; and the rule that has to hold it. */
export type Attack = {
  readonly name: string;
  /** The rule of the hold of `s`; null where `s` stays clean, since what came in is not about it. */
  readonly rule: string | null;
  /** Puts the attack into the pack: the new tree of `s`, and the commits that come in with it, the last one's id. */
  readonly make: (pack: Pack, at: Place) => Promise<Made>;
};

type Place = {
  /** Entries of the honest tree of `s`. */
  readonly entries: readonly Entry[];
  readonly parent: string;
  /** A commit with `tree` as that of `s`; `signer` has it signed, with a signature that does not verify. */
  readonly commit: (tree: string, parents: readonly string[], message: string, forged?: Signer) => string;
};
type Made = { readonly tree: string; readonly side: string | null };

/** A bare repository: genesis, the attack on `s`, then an honest signed change of its neighbour `t`. */
export type Hostile = { readonly gitdir: string; readonly genesis: string; readonly tip: string };

const anchor = sshSigner('hostile');

const MEBI = 1024 * 1024;
const file = (name: string, id: string): Entry => ({ name, mode: '100644', id });
const folder = (name: string, id: string): Entry => ({ name, mode: '40000', id });

export const attacks: readonly Attack[] = [
  {
    name: 'nothing',
    rule: null,
    make: async (pack, { entries }) => ({ tree: pack.tree(entries), side: null }),
  },
  {
    name: 'a tree of 1,000,000 entries',
    rule: 'G17',
    make: async (pack, { entries }) => {
      const blob = pack.put('blob', 'x');
      const many = Array.from({ length: 1_000_000 }, (_, at) =>
        file(`f${String(at).padStart(7, '0')}`, blob),
      );
      return { tree: pack.tree([...entries, folder('many', pack.tree(many))]), side: null };
    },
  },
  {
    name: '100,000 commits in one pull request',
    rule: 'Quorum',
    make: async (pack, { entries, parent, commit }) => {
      const tree = changed(pack, entries);
      let side = parent;
      for (let at = 0; at < 100_000; at += 1) side = commit(tree, [side], `Commit ${at}`);
      return { tree, side };
    },
  },
  {
    name: '10,000 bogus signatures',
    rule: 'Quorum',
    make: async (pack, { entries, parent, commit }) => {
      const tree = changed(pack, entries);
      let side = parent;
      for (let at = 0; at < 9_999; at += 1) side = commit(tree, [side], `Approve ${at}`, anchor);
      return { tree, side };
    },
  },
  {
    name: 'a blob of 1 GiB in 1 MB',
    rule: 'G10',
    make: async (pack, { entries }) => {
      const bomb = pack.put('blob', new Uint8Array(1024 * MEBI));
      return { tree: pack.tree([...entries, file('bomb.yaml', bomb)]), side: null };
    },
  },
  {
    name: '400 MiB in files of 4 MiB',
    rule: 'G17',
    make: async (pack, { entries }) => {
      const many = Array.from({ length: 100 }, (_, at) => {
        const bytes = new Uint8Array(4 * MEBI);
        bytes.fill(at, 0, 8);
        return file(`f${String(at).padStart(5, '0')}`, pack.put('blob', bytes));
      });
      return { tree: pack.tree([...entries, folder('many', pack.tree(many))]), side: null };
    },
  },
  {
    name: 'directories 1,000 deep',
    rule: 'G17',
    make: async (pack, { entries }) => {
      let inner = pack.tree([file('x', pack.put('blob', 'x'))]);
      for (let at = 0; at < 1_000; at += 1) inner = pack.tree([folder('d', inner)]);
      return { tree: pack.tree([...entries, folder('d', inner)]), side: null };
    },
  },
  {
    name: 'directories that double 30 times',
    rule: 'G17',
    make: async (pack, { entries }) => {
      let inner = pack.tree([file('x', pack.put('blob', 'x'))]);
      for (let at = 0; at < 30; at += 1) inner = pack.tree([folder('a', inner), folder('b', inner)]);
      return { tree: pack.tree([...entries, folder('d', inner)]), side: null };
    },
  },
  {
    name: 'delegations.yaml of 1 MiB that is no YAML',
    rule: 'G12',
    make: async (pack, { entries }) => {
      const text = '{ [ - "'.repeat(149_796);
      return { tree: pack.tree([...entries, file('delegations.yaml', pack.put('blob', text))]), side: null };
    },
  },
];

function changed(pack: Pack, entries: readonly Entry[]): string {
  return pack.tree([...entries, file('more.yaml', pack.put('blob', '# more\n'))]);
}

/** Makes the repository of one attack in a folder of its own, which the caller removes. */
export async function hostileHistory(attack: Attack): Promise<Hostile & { readonly dir: string }> {
  const pack = new Pack();
  const [s, t] = ['s', 't'].map((name) => [file('scope.yaml', pack.put('blob', scopeYaml(name, name)))]);
  const own = [
    file('scope.yaml', pack.put('blob', scopeYaml('root', '*'))),
    file('delegations.yaml', pack.put('blob', delegationsYaml())),
  ];
  let clock = 1_770_000_000;
  const commit = (
    trees: { readonly s: string; readonly t: string },
    parents: readonly string[],
    message: string,
  ) => {
    clock += 60;
    const mesh = pack.tree([...own, folder('s', trees.s), folder('t', trees.t)]);
    const who = `Somebody <somebody@example.test> ${clock} +0000`;
    const head = [
      `tree ${pack.tree([folder('mesh', mesh)])}`,
      ...parents.map((parent) => `parent ${parent}`),
    ];
    return Buffer.from(`${[...head, `author ${who}`, `committer ${who}`].join('\n')}\n\n${message}\n`);
  };
  const honest = { s: pack.tree(s ?? []), t: pack.tree(t ?? []) };
  const genesis = pack.put('commit', commit(honest, [], 'genesis'));
  const forgery = await anchor.sign(Buffer.from('other bytes'));
  const { tree, side } = await attack.make(pack, {
    entries: s ?? [],
    parent: genesis,
    commit: (of, parents, message, forged) => {
      const raw = commit({ ...honest, s: of }, parents, message);
      return pack.put('commit', forged === undefined ? raw : withSignature(raw, forgery));
    },
  });
  const landed = { ...honest, s: tree };
  const parents = side === null ? [genesis] : [genesis, side];
  const merge = pack.put('commit', commit(landed, parents, 'Merge'));
  const after = {
    ...landed,
    t: pack.tree([...(t ?? []), file('change.yaml', pack.put('blob', '# changed\n'))]),
  };
  const raw = commit(after, [merge], 'Change t');
  const tip = pack.put('commit', withSignature(raw, await anchor.sign(raw)));
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-hostile-'));
  const gitdir = join(dir, 'mesh.git');
  await pack.write(gitdir, tip);
  return { dir, gitdir, genesis, tip };
}

function withSignature(raw: Buffer, signature: string): Buffer {
  const at = raw.indexOf('\n\n') + 1;
  const armor = signature.trimEnd().split('\n').join('\n ');
  return Buffer.concat([raw.subarray(0, at), Buffer.from(`gpgsig ${armor}\n`), raw.subarray(at)]);
}

function scopeYaml(name: string, owns: string): string {
  const salt = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `apiVersion: fairlead.dev/v1alpha1\nkind: Scope\nmetadata: { name: ${name} }\nspec:\n  ruleset: 1\n  salt: "${salt}"\n  anchors: [{ name: a, keys: [${anchor.key}] }]\n  quorum: { threshold: 1 }\n  owns: { namespaces: ["${owns}"] }\n`;
}

function delegationsYaml(): string {
  const records = ['s', 't'].map((name) => {
    const uid = createHash('sha256').update('fairlead-uid-1\0').update(scopeYaml(name, name)).digest('hex');
    return `  - { name: ${name}, uid: ${uid}, path: ${name}, grants: { namespaces: [${name}] } }\n`;
  });
  return `apiVersion: fairlead.dev/v1alpha1\nkind: Delegations\nmetadata: { name: root }\nspec:\n${records.join('')}`;
}
