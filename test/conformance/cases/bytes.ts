/** Attack list, "Bytes": 42 to 55. */
import { type CaseSource, eachKind } from '../case.ts';
import type { Setup } from '../format.ts';
import type { KeyName } from '../scope-files.ts';
import { type Entry, held, says, serves, type World, withHeader, withSignature } from '../world.ts';
import { signedByBoth } from './packets.ts';
import { approvedBy, plain, worded } from './steps.ts';
import { token } from './tokens.ts';

/** A commit whose bytes are changed first, and signed as they are then. */
function signedAfter(world: World, by: KeyName, change: (raw: Buffer) => Buffer): Pick<Entry, 'bend'> {
  const bend = async (raw: Buffer) => {
    const changed = change(raw);
    return withSignature(changed, await world.scratch.sign(by, changed));
  };
  return { bend };
}

/** The bytes with a line put before the first line that begins so. */
function insertBefore(raw: Buffer, start: string, line: string): Buffer {
  const at = raw.indexOf(start);
  return Buffer.concat([raw.subarray(0, at), Buffer.from(line), raw.subarray(at)]);
}

function write(path: string, text: string): Setup {
  return { do: 'write', path, text };
}

const bare = '[core]\n\trepositoryformatversion = 0\n\tbare = true\n';

export const bytes: readonly CaseSource[] = [
  {
    number: '42',
    slug: 'duplicate-headers',
    title: 'Duplicate headers',
    attack: 'A signed commit has two trees, or two authors: readers differ in which of them they take.',
    outcome: 'held',
    rules: ['G1'],
    build: eachKind(async (w, [x, y]) => {
      const twin = await w.scratch.tree({ ...w.files('g'), 'mesh/v.yaml': '6\n' });
      const variants = {
        'tree after parents': ['author ', `tree ${twin}\n`],
        'tree after tree': ['parent ', `tree ${twin}\n`],
        'author twice': ['committer ', 'author eve <eve@fairlead.example> 1 +0000\n'],
        'parent after author': ['committer ', `parent ${w.id('g')}\n`],
      } as const;
      for (const [name, [start, line]] of Object.entries(variants)) {
        await approvedBy(
          w,
          name,
          signedAfter(w, y, (raw) => insertBefore(raw, start, line)),
          x,
        );
        // With a second line of another kind before its parents, a commit has none: what it was made from is not merged.
        const verdict = name === 'tree after tree' ? held('Quorum') : held('G1', [x]);
        w.attack(`${name}m`, { s: verdict }, { name });
      }
      await approvedBy(w, 'p', { by: y }, x);
      w.honest('pm', { s: serves(2, 'pm', [x, y]) });
    }),
  },
  {
    number: '43',
    slug: 'two-signature-headers',
    title: 'Two signature headers',
    attack:
      'One commit carries the signatures of two anchors: git reports the first, others the last, some both.',
    outcome: 'held',
    rules: ['G1', 'G4'],
    build: eachKind(async (w, people) => {
      for (const [at, [first, second]] of [people, people.toReversed()].entries()) {
        const sign = (by: KeyName | undefined, raw: Buffer) => w.scratch.sign(by ?? people[0], raw);
        const bend = async (raw: Buffer) =>
          withSignature(withSignature(raw, await sign(first, raw)), await sign(second, raw));
        await w.add(`p${at}`, { parents: ['g'], S: '1', bend });
        await w.add(`m${at}`, { parents: ['g', `p${at}`], S: '1' });
        w.attack(`m${at}`, { s: held('G1') }, { name: `${first} first` });
      }
      const [x, y] = people;
      await approvedBy(w, 'q', { by: y }, x);
      w.honest('qm', { s: serves(2, 'qm', [x, y]) });
    }),
  },
  {
    number: '44',
    slug: 'bytes-after-the-armour',
    title: 'Bytes behind the end of the armour',
    attack: 'Text is added behind the last line of a signature: another commit id, the same signature.',
    outcome: 'held',
    rules: ['G13', 'G14'],
    build: eachKind(async (w, [x, y]) => {
      for (const [name, text] of [
        ['text', 'x\n'],
        ['a second block', '-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n'],
      ] as const) {
        await approvedBy(w, name, { sign: async (raw) => (await w.scratch.sign(y, raw)) + text }, x);
        w.attack(`${name}m`, { s: held('Quorum', [x]) }, { name });
      }
      await approvedBy(w, 'p', { by: y }, x);
      w.honest('pm', { s: serves(2, 'pm', [x, y]) });
    }),
  },
  {
    number: '45',
    slug: 'several-packets',
    title: 'Several signature packets in one block',
    attack:
      'An OpenPGP block holds two signatures; a reader that takes the first, or any, has one to its liking.',
    outcome: 'held',
    rules: ['G14'],
    async build(lab) {
      const w = await lab.world({ root: { anchors: ['alice', 'cy', 'gus'] } });
      await approvedBy(w, 'p', { sign: signedByBoth });
      w.attack('pm', { s: held('Quorum', ['alice']) });
      await approvedBy(w, 'q', { by: 'gus' });
      w.honest('qm', { s: serves(2, 'qm', ['alice', 'gus']) });
    },
  },
  {
    number: '46',
    slug: 'same-vote-other-bytes',
    title: 'The same vote in other bytes',
    attack:
      'Armour headers are added to a signature, or its lines are wrapped anew: another commit id for one vote.',
    outcome: 'held',
    rules: ['G4'],
    async build(lab) {
      const w = await lab.world();
      const comment = (armor: string) => armor.replace('-----\n', '-----\nComment: another\n');
      await w.add('cy', {
        parents: ['g'],
        S: '1',
        message: 'cy\n',
        sign: (raw) => w.scratch.sign('cy', raw),
      });
      await w.add('twin', {
        parents: ['g'],
        S: '1',
        message: 'cy\n',
        sign: async (raw) => comment(await w.scratch.sign('cy', raw)),
      });
      await w.add('both', { parents: ['cy', 'twin'], S: '1' });
      await w.add('m', { parents: ['g', 'both'], S: '1' });
      w.attack('m', { s: held('Quorum', ['cy']) });
      await w.add('bo', { parents: ['both'], by: 'bo' });
      await w.add('n', { parents: ['g', 'bo'], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['bo', 'cy']) });
    },
  },
  {
    number: '47',
    slug: 'nul-in-message',
    title: 'NUL in the message',
    attack: 'A NUL byte hides the rest of the message from git log; the signature is over all of it.',
    outcome: 'held',
    rules: ['G1'],
    build: eachKind(async (w, [x, y]) => {
      const hidden = Buffer.from('\0hidden\n');
      await approvedBy(
        w,
        'p',
        signedAfter(w, y, (raw) => Buffer.concat([raw, hidden])),
        x,
      );
      w.attack('pm', { s: held('G1', [x]) });
      await approvedBy(w, 'q', { by: y }, x);
      w.honest('qm', { s: serves(2, 'qm', [x, y]) });
    }),
  },
  {
    number: '48',
    slug: 'encodings',
    title: 'Encodings and controls in messages',
    attack:
      'The message is in another encoding, has carriage returns, or a statement has controls that turn text around.',
    outcome: 'held',
    rules: ['G1', 'G12'],
    build: eachKind(async (w, [x, y]) => {
      const variants = {
        encoding: signedAfter(w, y, (raw) => withHeader(raw, 'encoding ISO-8859-1')),
        'carriage return': signedAfter(w, y, (raw) => Buffer.concat([raw, Buffer.from('one\r\ntwo\n')])),
      };
      for (const [name, approval] of Object.entries(variants)) {
        await approvedBy(w, name, approval, x);
        w.attack(`${name}m`, { s: held('G1', [x]) }, { name });
      }
      const line = w.approve({ seq: 2, base: 'g', next: 'encoding1' });
      await approvedBy(w, 'turned', { by: y, message: says(line.replace(' seq', ' \u202eseq')) }, x);
      w.attack('turnedm', { s: held('Quorum', [x]) }, { name: 'direction of text' });
      await approvedBy(w, 'q', { by: y, message: 'Größe\n' }, x);
      w.honest('qm', { s: serves(2, 'qm', [x, y]) });
    }),
  },
  {
    number: '49',
    slug: 'spoofed-statements',
    title: 'Statements that are none',
    attack:
      'A line that looks like a statement stands in a quotation, is folded, twice, or not in the exact form.',
    outcome: 'held',
    rules: ['G3'],
    async build(lab) {
      const w = await lab.world({ root: { quorum: '{ threshold: 2, statements: Required }' } });
      await w.add('p', { parents: ['g'], S: '1' });
      const line = w.approve({ seq: 2, base: 'g', next: 'p' });
      await w.add('a', { parents: ['p'], by: 'alice', message: says(line) });
      const variants = {
        'in a quotation': `alice wrote:\n\n${line}\n\nno, I do not\n`,
        'quoted in the last paragraph': `no\n\n> ${line}\n`,
        folded: `no\n\n${line.replace(' next', '\n next')}\n`,
        twice: says(line, line),
        'two bases': says(line, line.replace(/base=\S+/, 'base=none')),
        'lower case': says(line.replace('Fairlead-Approve', 'fairlead-approve')),
        'two spaces': says(line.replace(' seq', '  seq')),
        'space at its end': says(`${line} `),
        'leading zero': says(line.replace('seq=2', 'seq=02')),
        'sign before the number': says(line.replace('seq=2', 'seq=+2')),
        'other order': says(line.replace(/(seq=2) (base=\S+)/, '$2 $1')),
        'upper-case digest': says(
          line.replace(/next=\S+/, (digest) => digest.toUpperCase().replace('NEXT', 'next')),
        ),
        'something behind': says(`${line} please`),
        'another number': says(w.approve({ seq: 3, base: 'g', next: 'p' })),
        'beyond 2^53': says(line.replace('seq=2', 'seq=9007199254740994')),
        'another base': says(w.approve({ seq: 2, base: 'p', next: 'p' })),
        'an unknown group': says(`${line} group=${'0'.repeat(64)}`),
      };
      for (const [name, message] of Object.entries(variants)) {
        await w.add(name, { parents: ['a'], by: 'cy', message });
        await w.add(`m ${name}`, { parents: ['g', name], S: '1' });
        const isPlain = ['in a quotation', 'quoted in the last paragraph', 'lower case'].includes(name);
        const rule = isPlain || name === 'another base' ? 'G3' : 'Quorum';
        w.attack(`m ${name}`, { s: held(rule, ['alice']) }, { name });
      }
      const good = await token(w, 'cy', [line]);
      const [, body = '', signature = ''] = good.split(':');
      const tokens = {
        'in quotes': `"${good}"`,
        'in a longer word': `x${good}`,
        'with something behind': `${good}.`,
        'with padding': `fairlead1:${body}==:${signature}`,
        'with other lines': `fairlead1:${Buffer.from(`${line}\nor so\n`).toString('base64url')}:${signature}`,
        'of another number': await token(w, 'cy', [w.approve({ seq: 3, base: 'g', next: 'p' })]),
        'without its last line feed': `fairlead1:${Buffer.from(line).toString('base64url')}:${signature}`,
        'of another version': good.replace('fairlead1', 'fairlead2'),
        'cut in two': `${good.slice(0, 60)}\n${good.slice(60)}`,
      };
      for (const [name, text] of Object.entries(tokens)) {
        await w.add(`t ${name}`, { parents: ['a'], message: `words\n\n${text}\n` });
        await w.add(`tm ${name}`, { parents: ['g', `t ${name}`], S: '1' });
        w.attack(`tm ${name}`, { s: held('Quorum', ['alice']) }, { name: `token ${name}` });
      }
      await w.add('t', { parents: ['a'], message: `words\n\n${good}\n` });
      await w.add('tm', { parents: ['g', 't'], S: '1' });
      w.honest('tm', { s: serves(2, 'tm', ['alice', 'cy']) }, { name: 'token' });
      await w.add('b', { parents: ['a'], by: 'cy', message: says('Reviewed-by: cy', line) });
      await w.add('n', { parents: ['g', 'b'], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '50',
    slug: 'replace-refs',
    title: 'Replace refs',
    attack: 'A ref of the repository replaces an unsigned commit by a signed one.',
    outcome: 'held',
    rules: ['G0'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      await w.add('b', { parents: ['a'] });
      await w.add('m', { parents: ['g', 'b'], S: '1' });
      await w.add('signed', { parents: ['a'], by: y });
      const setup = [write(`refs/replace/${w.id('b')}`, `${w.id('signed')}\n`)];
      w.attack('m', { s: held('Quorum', [x]) }, { setup });
      await w.add('n', { parents: ['g', 'signed'], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) }, { setup });
    }),
  },
  {
    number: '51',
    slug: 'truncated-history',
    title: 'Grafts, shallow boundaries and holes',
    attack:
      'A file of the repository gives a commit other parents, cuts the history off, or objects are left out.',
    outcome: 'held',
    rules: ['G0'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('unsigned', { parents: ['g'], S: '1' });
      await w.add('m', { parents: ['g', 'unsigned'], S: '1' });
      const graft = write('info/grafts', `${w.id('m')} ${w.id('g')} ${w.id(p)}\n`);
      w.attack('m', { s: held('Quorum') }, { name: 'graft', setup: [graft] });
      await w.add('n', { parents: ['g', p], S: '1' });
      const promisor = `${bare}[extensions]\n\tpartialClone = origin\n`;
      const setups: Readonly<Record<string, Setup>> = {
        'shallow boundary': write('shallow', `${w.id(p)}\n`),
        'partial clone': write('config', promisor.replace('version = 0', 'version = 1')),
        'a commit left out': { do: 'remove-object', object: w.id('p1') },
        'the genesis left out': { do: 'remove-object', object: w.id('g') },
      };
      for (const [name, setup] of Object.entries(setups))
        w.run('attack', [{ tip: 'n', outcome: 'unavailable' }], { name, setup: [setup] });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) }, { setup: [graft] });
    },
  },
  {
    number: '52',
    slug: 'damaged-objects',
    title: 'An object that is not what its name says',
    attack:
      'The bytes of a stored object are replaced by others; or a commit names as its parent what is none.',
    outcome: 'refused',
    rules: ['G0', 'G15'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('n', { parents: ['g', p], S: '1' });
      const tree = (await w.scratch.git(['rev-parse', `${w.id('n')}:mesh`])).toString().trim();
      const blob = (await w.scratch.git(['rev-parse', `${w.id('n')}:mesh/v.yaml`])).toString().trim();
      for (const [name, object] of Object.entries({ commit: w.id('p1'), tree, blob })) {
        const setup = [{ do: 'replace-object', object, blob: '6\n' }] as const;
        w.run('attack', [{ tip: 'n', outcome: 'unavailable' }], { name, setup });
      }
      const here = { s: serves(2, 'n', ['alice', 'cy']) };
      const bogus = {
        'a parent that is no commit': await w.scratch.store('blob', 'a blob\n'),
        'a parent that is malformed': await w.scratch.store('commit', 'not a commit\n'),
      };
      // Nothing can be said of such a line, and nothing of it is followed: the next good one is.
      for (const [name, id] of Object.entries(bogus)) {
        const bend = (raw: Buffer) => Buffer.from(raw.toString().replace(w.id(p), id));
        await w.add(name, { parents: ['g', p], bend });
        const steps = [
          { tip: 'g', expect: {} },
          { tip: name, outcome: 'unavailable', expect: {} },
          { tip: 'n', expect: here },
        ] as const;
        w.run('attack', steps, { name });
      }
      w.honest('n', here);
    },
  },
  {
    number: '53',
    slug: 'colliding-blob',
    title: 'Other bytes under one SHA-1',
    attack: 'Two blobs have one SHA-1 id: what was signed is not what is served.',
    outcome: 'held',
    rules: ['G3', 'G15'],
    async build(lab) {
      // No collision of two blobs is at hand. What stands in for it: the bytes under a name change (found when it is hashed
      // again), and a statement, which binds SHA-256, for other bytes than those of the tree.
      const w = await lab.world();
      const p = await worded(w, ['alice', 'cy']);
      await w.add('m', { parents: ['g', p], S: '6' });
      w.attack('m', { s: held('G3') }, { name: 'statements bind bytes' });
      await w.add('n', { parents: ['g', p], S: '1' });
      const blob = (await w.scratch.git(['rev-parse', `${w.id('n')}:mesh/v.yaml`])).toString().trim();
      const setup = [{ do: 'replace-object', object: blob, blob: '6\n' }] as const;
      w.run('attack', [{ tip: 'n', outcome: 'unavailable' }], { name: 'hashed again', setup });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '54',
    slug: 'repository-configuration',
    title: 'Configuration and hooks of the repository',
    attack:
      'The repository brings programs that say "good signature", signers that it allows, hooks and a monitor.',
    outcome: 'held',
    rules: ['G0'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      await w.add('b', { parents: ['a'], by: 'mallory' });
      await w.add('m', { parents: ['g', 'b'], S: '1' });
      const program = '#!/bin/sh\ntouch "$(dirname "$0")/../was-run"\necho "[GNUPG:] GOODSIG 0 bo"\nexit 0\n';
      const names = ['post-checkout', 'reference-transaction', 'fsmonitor', 'post-index-change', 'verify'];
      const paths = `hooksPath = hooks\n\tfsmonitor = hooks/fsmonitor\n\tsshCommand = hooks/verify\n`;
      const programs = '[gpg]\n\tprogram = hooks/verify\n[gpg "ssh"]\n\tprogram = hooks/verify\n';
      const config = `${bare}\t${paths}${programs}\tallowedSignersFile = allowed\n[include]\n\tpath = more\n`;
      const setup: readonly Setup[] = [
        write('config', config),
        write(
          'allowed',
          '* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n',
        ),
        write('more', '[alias]\n\tcat-file = !hooks/verify\n'),
        ...names.map(
          (name): Setup => ({ do: 'write', path: `hooks/${name}`, text: program, executable: true }),
        ),
      ];
      w.attack('m', { s: held('Quorum', [x]) }, { setup, absent: ['was-run'] });
      await w.add('c', { parents: ['a'], by: y });
      await w.add('n', { parents: ['g', 'c'], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) }, { setup, absent: ['was-run'] });
    }),
  },
  {
    number: '55',
    slug: 'presentation-output',
    title: 'Text that looks like a verdict',
    attack: 'Names and messages hold what git and gpg print for a good signature.',
    outcome: 'held',
    rules: ['G1'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      const armor = await w.scratch.sign(y, Buffer.from('something else'));
      const quoted = withSignature(Buffer.from('tree 0\n\n'), armor).subarray(7).toString();
      const message = `G ${y}\n\ngpg: Good signature from "${y}" [ultimate]\n[GNUPG:] GOODSIG 0 ${y}\n\n${quoted}`;
      await w.add('b', { parents: ['a'], who: y, message });
      await w.add('m', { parents: ['g', 'b'], S: '1', who: y });
      w.attack('m', { s: held('Quorum', [x]) });
      await w.add('c', { parents: ['a'], by: y, message });
      await w.add('n', { parents: ['g', 'c'], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
];
