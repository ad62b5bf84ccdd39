/** Attack list, "Who may sign": 21 to 41. */

import { fingerprints } from '../../keys/index.ts';
import { type CaseSource, eachKind } from '../case.ts';
import { type AnchorSpec, type KeyName, openpgpKey } from '../scope-files.ts';
import { held, serves, type World, withHeader } from '../world.ts';
import {
  adoptedByGus,
  certificateOfCy,
  expired,
  flag,
  gusCalledCy,
  revocationOfCy,
  signedByCy,
  userRevocationOfCy,
  withoutFingerprint,
} from './packets.ts';
import { addOrder, addOrderOpenpgp, certificateLine, oddKeys, withEmbeddedKey } from './ssh-bytes.ts';
import { approvedBy, honestAnchor, plain, policy, proposals, worded } from './steps.ts';
import { token } from './tokens.ts';

const people = ['alice', 'bo', 'cy'] as const;

/** A root whose third anchor, after alice and bo, has this certificate. */
function withCertificate(certificate: Uint8Array, name = 'cy', of: 'cy' | 'gus' = 'cy') {
  const file = `anchors/${name}-own.asc`;
  const anchor = { name, keys: [openpgpKey(fingerprints[of], file, certificate)] };
  const anchors: readonly AnchorSpec[] = ['alice', 'bo', anchor];
  return { root: { anchors }, files: { [`mesh/${file}`]: certificate } };
}

export const signers: readonly CaseSource[] = [
  {
    number: '21',
    slug: 'adds-its-own-key',
    title: 'A proposal adds the key that signs it',
    attack: 'A pull request adds an attacker as anchor and is approved by one anchor and by the attacker.',
    outcome: 'held',
    rules: ['G5'],
    async build(lab) {
      const w = await lab.world();
      for (const attacker of ['mallory', 'gus'] as const) {
        const files = policy(w, { anchors: [...people, attacker] });
        const p = await worded(w, ['alice', attacker], { files, prefix: attacker });
        await w.add(`m-${attacker}`, { parents: ['g', p], files });
        w.attack(`m-${attacker}`, { s: held('Quorum', ['alice']) }, { name: attacker });
        const q = await plain(w, ['alice', attacker], {
          files: { ...files, 'mesh/v.yaml': '1\n' },
          prefix: `mixed-${attacker}`,
        });
        await w.add(`n-${attacker}`, { parents: ['g', q], files: w.files(q) });
        w.attack(
          `n-${attacker}`,
          { s: { seq: 1, at: 'g', held: 'Class' } },
          { name: `${attacker}, with a manifest` },
        );
      }
      await honestAnchor(w, ['alice', 'cy']);
    },
  },
  {
    number: '22',
    slug: 'lowers-the-threshold',
    title: 'A proposal lowers the threshold and meets the new one',
    attack: 'A pull request sets the threshold to one and has one approval.',
    outcome: 'held',
    rules: ['G5'],
    build: eachKind(async (w, [x, y]) => {
      const files = policy(w, { quorum: '{ threshold: 1 }' });
      const p = await worded(w, [x], { files });
      await w.add('m', { parents: ['g', p], files });
      w.attack('m', { s: held('Quorum', [x]) });
      const q = await worded(w, [x, y], { files, prefix: 'q' });
      await w.add('n', { parents: ['g', q], files });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '23',
    slug: 'removed-anchor',
    title: 'Signature of an anchor who was removed',
    attack: 'What an anchor signed before being removed is merged afterwards; or they sign once more.',
    outcome: 'held',
    rules: ['V1', 'V2', 'G5'],
    build: eachKind(async (w, [x, y, z]) => {
      await plain(w, [x, y], { prefix: 'old' });
      await removeFirst(w, [x, y, z]);
      await w.add('m2', { parents: ['m1', 'old2'], S: '1' });
      // What they were shown had the old policy in it: it is another state than the one that landed.
      w.attack('m2', { s: held('Quorum', [], 2, 'm1') }, { name: 'signed before' });
      const p = await plain(w, [y, x], { from: 'm1' });
      await w.add('m3', { parents: ['m1', p], S: '1' });
      w.attack('m3', { s: held('Quorum', [y], 2, 'm1') }, { name: 'signed after' });
      const q = await plain(w, [y, z], { from: 'm1', prefix: 'q' });
      await w.add('n', { parents: ['m1', q], S: '1' });
      w.honest('n', { s: serves(3, 'n', [y, z]) });
    }),
  },
  {
    number: '24',
    slug: 'backdated',
    title: 'Backdated signature',
    attack: 'An anchor who was removed signs with dates from before the removal.',
    outcome: 'held',
    rules: ['G0'],
    build: eachKind(async (w, [x, y, z]) => {
      await removeFirst(w, [x, y, z]);
      await w.add('p1', { parents: ['m1'], S: '1', by: y });
      await w.add('p2', { parents: ['p1'], by: x, date: 1_600_000_000 });
      await w.add('m2', { parents: ['m1', 'p2'], S: '1' });
      w.attack('m2', { s: held('Quorum', [y], 2, 'm1') });
      // Dates say nothing for an anchor either.
      await w.add('q1', { parents: ['m1'], S: '1', by: y, date: 1 });
      await w.add('q2', { parents: ['q1'], by: z, date: 4_000_000_000 });
      await w.add('n', { parents: ['m1', 'q2'], S: '1', date: 2 });
      w.honest('n', { s: serves(3, 'n', [y, z]) });
    }),
  },
  {
    number: '25',
    slug: 'expired-key',
    title: 'A verdict that flips because a key expires',
    attack: 'Time passes: the OpenPGP key of an anchor has expired when the history is judged again.',
    outcome: 'refused',
    rules: ['G0', 'G14'],
    async build(lab) {
      const variants = [
        ['attack', await certificateOfCy({ fields: expired })],
        ['honest', await certificateOfCy()],
      ] as const;
      for (const [is, certificate] of variants) {
        const w = await lab.world(withCertificate(certificate));
        await approvedBy(w, 'p', { by: 'cy' });
        w.run(is, [{ tip: 'pm', expect: { s: serves(2, 'pm', ['alice', 'cy']) } }]);
      }
    },
  },
  {
    number: '26',
    slug: 'late-revocation',
    title: 'A late revocation rewrites history',
    attack: 'A revoked copy of a certificate is committed, in the place of the pinned one or beside it.',
    outcome: 'held',
    rules: ['G14', 'G6'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      const revoked = await certificateOfCy({ afterPrimary: [await revocationOfCy()] });
      await w.add('m2', { parents: ['m1'], files: { 'mesh/anchors/cy.asc': revoked } });
      w.attack('m2', { s: { seq: 2, at: 'm1', held: 'G6' } }, { name: 'in its place' });
      await w.add('m3', { parents: ['m1'], files: { 'mesh/anchors/revoked.asc': revoked } });
      w.attack('m3', { s: held('Quorum', [], 2, 'm1') }, { name: 'beside it' });
      w.honest('m1', { s: serves(2, 'm1', ['alice', 'cy']) });
      const files = policy(w, { anchors: ['alice', 'bo'] });
      const q = await worded(w, ['alice', 'bo'], { from: 'm1', seq: 3, base: 'm1', files, prefix: 'q' });
      await w.add('n', { parents: ['m1', q], files });
      w.honest('n', { s: serves(3, 'n', ['alice', 'bo']) }, { name: 'revocation is a mutation' });
    },
  },
  {
    number: '27',
    slug: 'keys-nobody-holds',
    title: 'Rotation to a key that nobody holds',
    attack: 'A key is listed that has not signed: a typo, or the claim to somebody else’s.',
    outcome: 'held',
    rules: ['G6'],
    async build(lab) {
      const w = await lab.world();
      for (const added of ['eli', 'gus'] as const) {
        const files = policy(w, { anchors: [...people, added] });
        const p = await worded(w, people, { files, prefix: added });
        await w.add(`m-${added}`, { parents: ['g', p], files });
        w.attack(`m-${added}`, { s: held('Quorum', people) }, { name: added });
      }
      await honestAnchor(w, people, 'gus');
    },
  },
  {
    number: '28',
    slug: 'impossible-thresholds',
    title: 'Thresholds that are no gate, or a locked one',
    attack:
      'A threshold is zero, negative, a fraction, not a number, a text, missing, or more than there are anchors.',
    outcome: 'held',
    rules: ['G6', 'G12'],
    async build(lab) {
      const w = await lab.world();
      const quorums = {
        zero: ['{ threshold: 0 }', 'G12'],
        negative: ['{ threshold: -1 }', 'G12'],
        fraction: ['{ threshold: 1.5 }', 'G12'],
        'not a number': ['{ threshold: .nan }', 'G12'],
        infinite: ['{ threshold: .inf }', 'G12'],
        'a text': ['{ threshold: "2" }', 'G12'],
        missing: ['{}', 'G12'],
        'over 64': ['{ threshold: 65 }', 'G12'],
        'more than anchors': ['{ threshold: 4 }', 'G6'],
        'a class that cannot be reached': ['{ threshold: 2, byClass: { reconfigure: 4 } }', 'G6'],
        'a type that is not there': ['{ threshold: 2, require: [{ type: automation, atLeast: 1 }] }', 'G6'],
        'reconfigure weaker than update': ['{ threshold: 2, byClass: { reconfigure: 1 } }', 'G6'],
        'a structural class weaker': ['{ threshold: 2, byClass: { dissolve: 1 } }', 'G6'],
      } as const;
      const variants = Object.entries(quorums).map(
        ([name, [quorum, rule]]) => [name, [policy(w, { quorum }), rule]] as const,
      );
      await proposals(w, people, Object.fromEntries(variants));
      for (const name of ['zero', 'more than anchors'] as const) {
        const [quorum, rule] = quorums[name];
        const pinned = await lab.world({ name: `pinned ${name}`, root: { quorum } });
        pinned.run('attack', [{ tip: 'g', outcome: 'refused', rule }]);
      }
      const files = policy(w, { quorum: '{ threshold: 3 }' });
      const p = await worded(w, people, { files, prefix: 'three' });
      await w.add('n', { parents: ['g', p], files });
      w.honest('n', { s: serves(2, 'n', people) });
    },
  },
  {
    number: '29',
    slug: 'odd-anchor-lists',
    title: 'Empty list, anchor twice, name that looks like another',
    attack:
      'A policy lists nobody, one person twice, one key twice, or a name with a letter of another script.',
    outcome: 'held',
    rules: ['G4', 'G6', 'G12'],
    async build(lab) {
      const w = await lab.world();
      const anchors = (list: Parameters<typeof policy>[1]['anchors']) =>
        policy(w, { ...(list && { anchors: list }) });
      await proposals(w, people, {
        empty: [anchors([]), 'G12'],
        'name twice': [anchors([...people, { name: 'alice', keys: ['eli'] }]), 'G6'],
        'key twice': [anchors([...people, { name: 'zed', keys: ['alice'] }]), 'G4'],
        'key twice for one anchor': [
          anchors(['bo', 'cy', { name: 'alice', keys: ['alice', 'alice'] }]),
          'G4',
        ],
        'other script': [anchors([...people, { name: '\u0430lice', keys: ['eli'] }]), 'G12'],
        'no keys': [anchors([...people, { name: 'zed', keys: [] }]), 'G12'],
        'recovery names an anchor': [
          policy(w, {
            more: 'recovery: { threshold: 1, anchors: [{ name: alice, keys: [{ ssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ" }] }] }',
          }),
          'G6',
        ],
      });
      await honestAnchor(w, ['alice', 'bo']);
    },
  },
  {
    number: '30',
    slug: 'key-id-only',
    title: '64-bit key ids',
    attack: 'A signature names its maker by 64 bits of a fingerprint, of which others can have the same.',
    outcome: 'held',
    rules: ['G14'],
    async build(lab) {
      const w = await lab.world();
      await approvedBy(w, 'p', { sign: (bytes) => signedByCy(bytes, { fields: withoutFingerprint }) });
      w.attack('pm', { s: held('Quorum', ['alice']) });
      await approvedBy(w, 'q', { sign: (bytes) => signedByCy(bytes) });
      w.honest('qm', { s: serves(2, 'qm', ['alice', 'cy']) });
    },
  },
  {
    number: '31',
    slug: 'adopted-subkey',
    title: "Somebody else's signing subkey in a certificate",
    attack:
      'A certificate binds the signing subkey of another person, without its consent, to claim what it signs.',
    outcome: 'held',
    rules: ['G14'],
    async build(lab) {
      const w = await lab.world(withCertificate(await adoptedByGus(), 'gus', 'gus'));
      await approvedBy(w, 'p', { by: 'cy' });
      w.attack('pm', { s: held('G14', ['alice']) });
      const both = await lab.world({
        name: 'both listed',
        root: {
          anchors: ['bo', 'cy', ...withCertificate(await adoptedByGus(), 'gus', 'gus').root.anchors.slice(2)],
        },
        files: { 'mesh/anchors/gus-own.asc': await adoptedByGus() },
      });
      await both.add('p', { parents: ['g'], S: '1', by: 'cy' });
      await both.add('m', { parents: ['g', 'p'], S: '1' });
      both.attack('m', { s: held('Quorum', ['cy']) });
      await approvedBy(w, 'q', { by: 'gus' });
      w.honest('qm', { s: serves(2, 'qm', ['alice', 'gus']) });
    },
  },
  {
    number: '32',
    slug: 'key-not-for-signing',
    title: 'A key that is not for signing',
    attack:
      'A subkey for encryption or authentication, or a primary key that only certifies, signs a commit.',
    outcome: 'held',
    rules: ['G14'],
    async build(lab) {
      const variants = {
        'encryption subkey': [await certificateOfCy({ subkey: flag.encrypt }), 'subkey'],
        'authentication subkey': [await certificateOfCy({ subkey: flag.authenticate }), 'subkey'],
        'certifying primary': [await certificateOfCy({ primary: flag.certify }), 'primary'],
      } as const;
      for (const [name, [certificate, key]] of Object.entries(variants)) {
        const w = await lab.world({ ...withCertificate(certificate), name });
        await approvedBy(w, 'p', { sign: (bytes) => signedByCy(bytes, { with: key }) });
        w.attack('pm', { s: held('G14', ['alice']) });
      }
      const w = await lab.world(withCertificate(await certificateOfCy()));
      await approvedBy(w, 'p', { sign: (bytes) => signedByCy(bytes, { with: 'primary' }) });
      w.honest('pm', { s: serves(2, 'pm', ['alice', 'cy']) });
    },
  },
  {
    number: '33',
    slug: 'user-ids',
    title: 'Games with user ids',
    attack: "Somebody puts an anchor's name and mail into a certificate and into a commit of their own.",
    outcome: 'held',
    rules: ['G14'],
    async build(lab) {
      const w = await lab.world({ files: { 'mesh/anchors/gus.asc': await gusCalledCy() } });
      await approvedBy(w, 'p', { by: 'gus', who: 'cy' });
      w.attack('pm', { s: held('Quorum', ['alice']) });
      for (const [name, shape] of [
        ['user id revoked', { afterUser: [await userRevocationOfCy()] }],
        ['another name', { name: 'mallory <mallory@fairlead.example>' }],
      ] as const) {
        const other = await lab.world({ ...withCertificate(await certificateOfCy(shape)), name });
        await approvedBy(other, 'p', { by: 'cy', who: 'mallory' });
        other.honest('pm', { s: serves(2, 'pm', ['alice', 'cy']) });
      }
    },
  },
  {
    number: '34',
    slug: 'certificate-swapped',
    title: 'Certificate changed without the quorum',
    attack: 'A pull request puts other bytes in the place of a certificate, with or without its new hash.',
    outcome: 'held',
    rules: ['G5', 'G6', 'G11'],
    async build(lab) {
      const w = await lab.world();
      const other = await certificateOfCy();
      const certificate = { 'mesh/anchors/cy.asc': other };
      await w.add('m1', { parents: ['g'], files: certificate });
      w.attack('m1', { s: { seq: 1, at: 'g', held: 'G6' } }, { name: 'bytes alone' });
      const anchors = [
        ...people.slice(0, 2),
        { name: 'cy', keys: [openpgpKey(fingerprints.cy, 'anchors/cy.asc', other)] },
      ];
      const files = { ...policy(w, { anchors }), ...certificate };
      const p = await worded(w, ['alice'], { files });
      await w.add('m2', { parents: ['g', p], files });
      w.attack('m2', { s: held('Quorum', ['alice']) }, { name: 'and its hash' });
      const q = await worded(w, ['alice', 'cy'], { files, prefix: 'q' });
      await w.add('n', { parents: ['g', q], files });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '35',
    slug: 'ssh-certificate',
    title: 'SSH certificates',
    attack:
      "A certificate authority's certificate is listed as a key, or stands in a signature in the place of the key.",
    outcome: 'held',
    rules: ['G13'],
    async build(lab) {
      const w = await lab.world();
      const line = `{ ssh: "${certificateLine('eli')}" }`;
      await proposals(w, people, {
        'listed as a key': [policy(w, { anchors: [...people, { name: 'eli', keys: [line] }] }), 'G6'],
      });
      const sign = async (bytes: Buffer) =>
        withEmbeddedKey(await w.scratch.sign('bo', bytes), certificateLine('bo'));
      await approvedBy(w, 'p', { sign });
      w.attack('pm', { s: held('Quorum', ['alice']) }, { name: 'in a signature' });
      await approvedBy(w, 'q', { by: 'bo' });
      w.honest('qm', { s: serves(2, 'qm', ['alice', 'bo']) });
    },
  },
  {
    number: '36',
    slug: 'allowed-signers',
    title: 'Wildcards of an allowed-signers file',
    attack: 'A key is written as in that file: for everybody (*), with options, without a namespace.',
    outcome: 'held',
    rules: ['G12', 'G13'],
    async build(lab) {
      const w = await lab.world();
      const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ';
      const listed = (name: string, line: string) =>
        policy(w, { anchors: [...people, { name, keys: [`{ ssh: '${line}' }`] }] });
      await proposals(w, people, {
        'name of everybody': [listed("'*'", key), 'G12'],
        'principal before the key': [listed('zed', `* ${key}`), 'G12'],
        namespaces: [listed('zed', `namespaces="git" ${key}`), 'G12'],
        'certificate authority': [listed('zed', `cert-authority ${key}`), 'G12'],
      });
      await honestAnchor(w, ['bo', 'cy']);
    },
  },
  {
    number: '37',
    slug: 'ssh-namespace',
    title: 'Signature of another SSH namespace',
    attack:
      'A signature that was made over the same bytes as a file, a mail or a token is moved into the commit.',
    outcome: 'held',
    rules: ['G13'],
    async build(lab) {
      const w = await lab.world();
      for (const namespace of ['file', 'email', 'fairlead', 'git ']) {
        const sign = (bytes: Buffer) => w.scratch.sign('bo', bytes, '-n', namespace);
        await approvedBy(w, namespace, { sign }, 'cy');
        w.attack(`${namespace}m`, { s: held('G13', ['cy']) }, { name: `namespace "${namespace}"` });
      }
      await approvedBy(w, 'p', { sign: (bytes) => w.scratch.sign('bo', bytes, '-n', 'git') }, 'cy');
      w.honest('pm', { s: serves(2, 'pm', ['bo', 'cy']) });
      const line = w.approve({ seq: 2, base: 'g', next: 'p1' });
      await approvedBy(w, 'commit', { message: `${await token(w, 'bo', [line], 'git')}\n` }, 'cy');
      w.attack('commitm', { s: held('G13', ['cy']) }, { name: 'a token with the namespace of commits' });
      await approvedBy(w, 'token', { message: `${await token(w, 'bo', [line])}\n` }, 'cy');
      w.honest('tokenm', { s: serves(2, 'tokenm', ['bo', 'cy']) }, { name: 'token' });
    },
  },
  {
    number: '38',
    slug: 'other-statements',
    title: 'Signed tags, mergetags and notes',
    attack: 'An anchor signed a tag of the commit; it stands in a mergetag header, in a ref, and in a note.',
    outcome: 'held',
    rules: ['V1'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x]);
      const tag = await signedTag(w, y, w.id(p));
      const text = (await w.scratch.raw('tag', tag)).toString().trimEnd().split('\n').join('\n ');
      await w.add('m', { parents: ['g', p], S: '1', bend: (raw) => withHeader(raw, `mergetag ${text}`) });
      await w.add('note', { files: { [w.id('m')]: w.approve({ seq: 2, base: 'g', next: 'm' }) }, by: y });
      const setup = [
        { do: 'write', path: 'refs/tags/v1', text: `${tag}\n` },
        { do: 'write', path: 'refs/notes/commits', text: `${w.id('note')}\n` },
      ] as const;
      w.attack('m', { s: held('Quorum', [x]) }, { setup });
      await w.add('q', { parents: [p], by: y });
      await w.add('n', { parents: ['g', 'q'], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '39',
    slug: 'weak-digest',
    title: 'Weak digests',
    attack: 'An OpenPGP signature is over a SHA-1 digest, for which collisions are known.',
    outcome: 'held',
    rules: ['G14'],
    async build(lab) {
      const w = await lab.world();
      for (const digest of ['SHA1', 'RIPEMD160']) {
        await approvedBy(w, digest, {
          sign: (bytes) => w.scratch.sign('cy', bytes, '--digest-algo', digest),
        });
        w.attack(`${digest}m`, { s: held('G14', ['alice']) }, { name: digest });
      }
      await approvedBy(w, 'p', { sign: (bytes) => w.scratch.sign('cy', bytes, '--digest-algo', 'SHA256') });
      w.honest('pm', { s: serves(2, 'pm', ['alice', 'cy']) });
    },
  },
  {
    number: '40',
    slug: 'text-signature',
    title: 'Text-mode signature',
    attack: 'An OpenPGP signature of type 0x01 stays good when line ends change.',
    outcome: 'held',
    rules: ['G14'],
    async build(lab) {
      const w = await lab.world();
      await approvedBy(w, 'p', { sign: (bytes) => w.scratch.sign('cy', bytes, '--textmode') });
      w.attack('pm', { s: held('Quorum', ['alice']) });
      await approvedBy(w, 'q', { by: 'cy' });
      w.honest('qm', { s: serves(2, 'qm', ['alice', 'cy']) });
    },
  },
  {
    number: '41',
    slug: 'weak-keys-and-twins',
    title: 'Weak keys and second encodings of a signature',
    attack:
      'A weak or unknown kind of key is listed; or a signature is given a second form by adding the group order.',
    outcome: 'held',
    rules: ['G13', 'G14', 'G6'],
    async build(lab) {
      const w = await lab.world();
      const variants = Object.entries(oddKeys).map(([name, line]) => {
        const anchors = [...people, { name: 'zed', keys: [`{ ssh: "${line}" }`] }];
        return [name, [policy(w, { anchors }), 'G6']] as const;
      });
      await proposals(w, people, Object.fromEntries(variants));
      await approvedBy(w, 'ssh', { sign: async (bytes) => addOrder(await w.scratch.sign('bo', bytes)) });
      w.attack('sshm', { s: held('G13', ['alice']) }, { name: 'SSH twin' });
      await approvedBy(w, 'openpgp', { sign: (bytes) => addOrderOpenpgp(bytes) });
      w.attack('openpgpm', { s: held('G14', ['alice']) }, { name: 'OpenPGP twin' });
      await approvedBy(w, 'q', { by: 'bo' });
      w.honest('qm', { s: serves(2, 'qm', ['alice', 'bo']) });
    },
  },
];

/** `m1`: the first of three is no anchor any more. */
async function removeFirst(world: World, [_, y, z]: readonly [KeyName, KeyName, KeyName]): Promise<void> {
  const files = policy(world, { anchors: [y, z] });
  const last = await worded(world, [y, z], { files, prefix: 'remove' });
  await world.add('m1', { parents: ['g', last], files });
}

async function signedTag(world: World, by: KeyName, commit: string): Promise<string> {
  const head = `object ${commit}\ntype commit\ntag v1\ntagger ${by} <${by}@fairlead.example> 1790000000 +0000\n\nv1\n`;
  return world.scratch.store('tag', head + (await world.scratch.sign(by, Buffer.from(head))));
}
