/** Attack list, "Approval vs content": 1 to 20. */
import { type CaseSource, eachKind } from '../case.ts';
import { delegationsYaml, scopeYaml } from '../scope-files.ts';
import { childSpec, held, serves, uidOf, withHeader } from '../world.ts';
import { plain, policy, speak, sshLine, worded } from './steps.ts';
import { token } from './tokens.ts';

export const approval: readonly CaseSource[] = [
  {
    number: '1',
    slug: 'stale-approval',
    title: 'Stale approval',
    attack: 'A commit is pushed to the pull request after the approvals, and all of it is merged.',
    outcome: 'held',
    rules: ['I2'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      await w.add('e', { parents: [p], S: '2' });
      await w.add('m', { parents: ['g', 'e'], S: '2' });
      w.attack('m', { s: held('Quorum') });
      await w.add('n', { parents: ['g', p], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '2',
    slug: 'replayed-branch',
    title: 'Approval of an abandoned branch',
    attack: 'A branch that was approved and abandoned is merged after another change was accepted.',
    outcome: 'held',
    rules: ['V2'],
    build: eachKind(async (w, [x, y]) => {
      const old = await plain(w, [x, y], { prefix: 'old' });
      const p = await plain(w, [x, y], { S: '2' });
      await w.add('m1', { parents: ['g', p], S: '2' });
      await w.add('m2', { parents: ['m1', old], S: '1' });
      w.attack('m2', { s: held('V2', [], 2, 'm1') });
      const line = w.approve({ seq: 2, base: 'g', next: old });
      const message = `${await token(w, x, [line])}\n${await token(w, y, [line])}\n`;
      await w.add('m3', { parents: ['m1'], S: '1', message });
      w.attack('m3', { s: held('Quorum', [], 2, 'm1') }, { name: 'tokens' });
      await w.add('n', { parents: ['g', old], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '3',
    slug: 'laundering',
    title: 'Laundering of an unsigned edit',
    attack:
      'An unsigned edit stands on main; an honest pull request that is based on it is signed and merged.',
    outcome: 'held',
    rules: ['I4', 'G8'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('r', { parents: ['g'], files: { 'mesh/r.yaml': 'R\n' } });
      const p = await plain(w, [x, y], { from: 'r' });
      await w.add('m', { parents: ['r', p], S: '1' });
      w.attack('m', { s: held('I4') });
      const q = await plain(w, [x, y], { prefix: 'q' });
      await w.add('n', { parents: ['g', q], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '4',
    slug: 'aba',
    title: 'ABA: the same content at another epoch',
    attack:
      'The state went T, U, T with a quorum each; main is set to U again, counting on the old approvals.',
    outcome: 'held',
    rules: ['V2'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y], { S: 'U' });
      await w.add('m1', { parents: ['g', p], S: 'U' });
      const q = await plain(w, [x, y], { from: 'm1', prefix: 'q', S: '0' });
      await w.add('m2', { parents: ['m1', q], S: '0' });
      await w.add('m3', { parents: ['m2'], S: 'U' });
      w.attack('m3', { s: held('Quorum', [], 3, 'm2') });
      const u = await plain(w, [x, y], { from: 'm2', prefix: 'u', S: 'U' });
      await w.add('n', { parents: ['m2', u], S: 'U' });
      w.honest('n', { s: serves(4, 'n', [x, y]) });
    }),
  },
  {
    number: '5',
    slug: 'one-signature-many-commits',
    title: 'One signature seen on many commits',
    attack:
      'A header that git leaves out of the signed bytes is added: another commit id, the same good signature.',
    outcome: 'held',
    rules: ['G1', 'G4'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      for (const header of ['gpgsig-sha256 junk', 'gpgsigx junk']) {
        const name = header.split(' ')[0] ?? '';
        await w.add(name, {
          parents: ['g'],
          S: '1',
          by: x,
          message: 'a\n',
          bend: (raw) => withHeader(raw, header),
        });
        await w.add(`m-${name}`, { parents: ['a', name], S: '1' });
        await w.add(`n-${name}`, { parents: ['g', `m-${name}`], S: '1' });
        w.attack(`n-${name}`, { s: held('G1', [x]) }, { name });
      }
      await w.add('b', { parents: ['g'], S: '1', by: y });
      await w.add('m', { parents: ['a', 'b'], S: '1' });
      await w.add('n', { parents: ['g', 'm'], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '6',
    slug: 'one-anchor-many-keys',
    title: 'The same anchor signs twice',
    attack: 'One person signs three commits, each with another key of theirs: two of SSH, one of OpenPGP.',
    outcome: 'held',
    rules: ['G4'],
    async build(lab) {
      const anchors = [{ name: 'x', keys: ['alice', 'eli', 'cy'] }, 'bo', 'dana'] as const;
      const w = await lab.world({ root: { anchors } });
      const p = await plain(w, ['alice', 'eli', 'cy', 'alice']);
      await w.add('m', { parents: ['g', p], S: '1' });
      w.attack('m', { s: held('Quorum', ['x']) });
      await w.add('b', { parents: [p], by: 'bo' });
      await w.add('n', { parents: ['g', 'b'], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['x', 'bo']) });
    },
  },
  {
    number: '7',
    slug: 'one-secret-two-formats',
    title: 'One secret as OpenPGP key and as SSH key',
    attack:
      'A key that an anchor has in an OpenPGP certificate is listed again, as the SSH key of a second anchor.',
    outcome: 'held',
    rules: ['G4', 'G6'],
    async build(lab) {
      const w = await lab.world();
      const anchors = ['alice', 'bo', 'cy'] as const;
      const cy = {
        primary: '0cd6848bd9ba028bc0986ef2dc3c207e67f39045a5fc78f7088e12655fa939ff',
        subkey: 'cf9c9d51bf3888a4ddc60a515c0c29b320b2ca1e4fe13ac70da04ce4cd55eeb9',
      };
      for (const [name, hex] of Object.entries(cy)) {
        const twin = [...anchors, { name: 'zed', keys: [sshLine(hex)] }];
        const p = await worded(w, anchors, { files: policy(w, { anchors: twin }), prefix: name });
        await w.add(`m-${name}`, { parents: ['g', p], files: w.files(p) });
        w.attack(`m-${name}`, { s: { seq: 1, at: 'g', held: 'G4' } }, { name });
        const pinned = await lab.world({ name: `pinned ${name}`, root: { anchors: twin } });
        pinned.run('attack', [{ tip: 'g', outcome: 'refused', rule: 'G4' }]);
      }
      const q = await worded(w, [...anchors, 'eli'], { files: policy(w, { anchors: [...anchors, 'eli'] }) });
      await w.add('n', { parents: ['g', q], files: w.files(q) });
      w.honest('n', { s: serves(2, 'n', anchors) });
    },
  },
  {
    number: '8',
    slug: 'evil-merge',
    title: 'Evil merge',
    attack: 'The merge commit holds what no signed commit held.',
    outcome: 'held',
    rules: ['I2'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      await w.add('m', { parents: ['g', p], S: '9' });
      w.attack('m', { s: held('Quorum') });
      await w.add('n', { parents: ['g', p], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '9',
    slug: 'theirs-merge',
    title: 'Rollback disguised as a merge',
    attack:
      'A merge takes the tree of its last parent, which was branched off before a change of main was accepted.',
    outcome: 'held',
    rules: ['I2', 'V2'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      await w.add('a', { parents: ['g'], C: '1', by: 'alice' });
      await w.add('b', { parents: ['a'], by: 'dana' });
      await w.add('m2', { parents: ['m1', 'b'], S: '0', C: '1' });
      const child = serves(2, 'b', ['alice', 'dana']);
      w.attack('m2', { s: held('Quorum', [], 2, 'm1'), 's.c': child });
      await w.add('n', { parents: ['m1', 'b'], S: '1', C: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']), 's.c': child });
    },
  },
  {
    number: '10',
    slug: 'octopus',
    title: 'Octopus merge',
    attack: 'The halves of a quorum sit in different arms of a merge of three parents.',
    outcome: 'held',
    rules: ['G17'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      await w.add('b', { parents: ['g'], S: '1', by: y });
      await w.add('m', { parents: ['g', 'a', 'b'], S: '1' });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'G17' } });
      await w.add('m1', { parents: ['g', 'a'], S: '1' });
      await w.add('n', { parents: ['m1', 'b'], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '11',
    slug: 'criss-cross',
    title: 'Criss-cross merge',
    attack:
      'Main and a branch have merged each other; the merge holds what some tool makes of several merge bases.',
    outcome: 'held',
    rules: ['G0', 'G3'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('d1', { parents: ['g'], S: '1' });
      await w.add('m1', { parents: ['g'], files: { 'mesh/w.yaml': '1\n' } });
      await w.add('m2', { parents: ['m1', 'd1'], S: '1' });
      await w.add('d2', { parents: ['d1', 'm1'], files: { 'mesh/w.yaml': '1\n' } });
      await w.add('d3', { parents: ['d2'], S: '2' });
      const words = w.approve({ seq: 2, base: 'g', next: 'd3' });
      const d = await speak(w, [x, y], 'd3', 'word', words);
      await w.add('m3', { parents: ['m2', d], S: '3' });
      w.attack('m3', { s: held('G3') });
      await w.add('n', { parents: ['m2', d], S: '2' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '12',
    slug: 'merge-machinery',
    title: "The verifier's own merge",
    attack:
      'Merge drivers and rerere are set up so that whoever merges again gets the tree of an evil merge.',
    outcome: 'held',
    rules: ['G0', 'I2'],
    async build(lab) {
      const w = await lab.world({ files: { '.gitattributes': '*.yaml merge=evil\n' } });
      const p = await plain(w, ['alice', 'cy']);
      await w.add('main', { parents: ['g'], C: '1' });
      const driver = '#!/bin/sh\necho 9 > "$1"\ntouch "$GIT_DIR/merged"\n';
      const config =
        '[core]\n\tbare = true\n[merge "evil"]\n\tdriver = hooks/evil %A\n[rerere]\n\tenabled = true\n';
      const setup = [
        { do: 'write', path: 'config', text: config },
        { do: 'write', path: 'hooks/evil', text: driver, executable: true },
      ] as const;
      await w.add('m', { parents: ['main', p], S: '9' });
      const child = held('Quorum');
      w.attack('m', { s: held('Quorum'), 's.c': child }, { setup, absent: ['merged'] });
      const c = await plain(w, ['alice', 'dana'], { C: '1', prefix: 'c', from: 'g' });
      await w.add('m1', { parents: ['g', c], C: '1' });
      await w.add('n', { parents: ['m1', p], S: '1' });
      const both = { s: serves(2, 'n', ['alice', 'cy']), 's.c': serves(2, 'n', ['alice', 'dana']) };
      w.honest('n', both, { setup, absent: ['merged'] });
    },
  },
  {
    number: '13',
    slug: 'squash-and-rebase',
    title: 'Squash and rebase drop signatures',
    attack:
      'The forge lands an approved pull request as one unsigned commit, or as unsigned copies of its commits.',
    outcome: 'held',
    rules: ['I2', 'G3'],
    build: eachKind(async (w, [x, y]) => {
      await plain(w, [x, y]);
      await w.add('squash', { parents: ['g'], S: '1' });
      w.attack('squash', { s: held('Quorum') }, { name: 'squash' });
      await w.add('r1', { parents: ['g'], S: '1', message: 'p1\n' });
      await w.add('r2', { parents: ['r1'], message: 'p2\n' });
      w.attack('r2', { s: held('Quorum') }, { name: 'rebase' });
      const n = await speak(w, [x, y], 'squash', 'word', w.approve({ seq: 2, base: 'g', next: 'squash' }));
      w.honest(n, { s: serves(2, n, [x, y]) }, { name: 'statements complete it' });
      const line = w.approve({ seq: 2, base: 'g', next: 'squash' });
      const tokens = [await token(w, x, [line]), await token(w, y, [line])];
      await w.add('kept', { parents: ['g'], S: '1', message: `p (#1)\n\n* p1\n\n${tokens.join('\n')}\n` });
      w.honest('kept', { s: serves(2, 'kept', [x, y]) }, { name: 'tokens survive a squash' });
      await w.add('late', { parents: ['squash'], message: `approved: ${tokens.join(' ')}\n` });
      w.honest('late', { s: serves(2, 'squash', [x, y]) }, { name: 'tokens in a later commit' });
      await w.add('merged', { parents: ['g', 'p2'], S: '1' });
      w.honest('merged', { s: serves(2, 'merged', [x, y]) }, { name: 'merge commit' });
    }),
  },
  {
    number: '14',
    slug: 'forge-key',
    title: "A forge's key as anchor or signer",
    attack:
      'The key with which a forge signs for whoever clicks is listed as an anchor, or its signature is counted.',
    outcome: 'held',
    rules: ['G4', 'G6', 'V1'],
    async build(lab) {
      const w = await lab.world();
      const gitlab = sshLine('00ce08252837743550f42a52fa7ce397cacbb85a247d7baac4a4557cd65e2956');
      const forge = { name: 'forge', keys: [gitlab] };
      const anchors = ['alice', 'bo', 'cy'] as const;
      const p = await worded(w, anchors, { files: policy(w, { anchors: [...anchors, forge] }) });
      await w.add('m', { parents: ['g', p], files: w.files(p) });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'G4' } }, { name: 'listed as anchor' });
      await w.add('a', { parents: ['g'], S: '1', by: 'alice' });
      await w.add('f', { parents: ['g', 'a'], S: '1', by: 'mallory' });
      w.attack('f', { s: held('Quorum', ['alice']) }, { name: 'a merge that it signed' });
      const q = await worded(w, [...anchors, 'eli'], {
        files: policy(w, { anchors: [...anchors, 'eli'] }),
        prefix: 'q',
      });
      await w.add('n', { parents: ['g', q], files: w.files(q) });
      w.honest('n', { s: serves(2, 'n', anchors) });
    },
  },
  {
    number: '15',
    slug: 'update-branch',
    title: 'The button "update branch"',
    attack: 'The forge merges main into an approved pull request, and more than main comes along.',
    outcome: 'accepted only when',
    rules: ['I2', 'I4'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      await w.add('m1', { parents: ['g'], files: { readme: 'other\n' } });
      await w.add('evil', { parents: [p, 'm1'], S: '9', by: 'mallory' });
      await w.add('m2', { parents: ['m1', 'evil'], S: '9', files: w.files('evil') });
      w.attack('m2', { s: held('Quorum') }, { name: 'own digest changed' });
      await w.add('dirty', { parents: ['g'], S: 'R' });
      await w.add('a', { parents: ['g'], S: '1', by: x });
      await w.add('u', { parents: ['a', 'dirty'], S: '1', by: 'mallory' });
      await w.add('b', { parents: ['u'], by: y });
      await w.add('m3', { parents: ['dirty', 'b'], S: '1' });
      w.attack('m3', { s: held('I4', [x]) }, { name: 'main was not clean' });
      await w.add('good', { parents: [p, 'm1'], files: { readme: 'other\n' }, by: 'mallory' });
      await w.add('n', { parents: ['m1', 'good'], files: w.files('good') });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '16',
    slug: 'empty-approval',
    title: "Empty approval on somebody else's tree",
    attack:
      'The branch is rebased by an attacker before an anchor adds an empty approval commit: it inherits another tree.',
    outcome: 'held',
    rules: ['I2'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      await w.add('e', { parents: ['a'], S: '6' });
      await w.add('b', { parents: ['e'], by: y });
      await w.add('m', { parents: ['g', 'b'], S: '6' });
      // A commit without a change says something about all that its tree shows: here 6, which only y has approved.
      w.attack('m', { s: held('Quorum', [y]) });
      await w.add('c', { parents: ['a'], by: y });
      await w.add('n', { parents: ['g', 'c'], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '17',
    slug: 'seal',
    title: 'One signature on the merge as a seal',
    attack: 'One anchor signs the merge commit, which is presented as an approval of all that it merges.',
    outcome: 'held',
    rules: ['G4'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1' });
      await w.add('m', { parents: ['g', 'a'], S: '1', by: x });
      w.attack('m', { s: held('Quorum', [x]) });
      await w.add('b', { parents: ['a'], by: y });
      await w.add('n', { parents: ['g', 'b'], S: '1', by: x });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '18',
    slug: 'other-scope',
    title: 'Approval of another scope with the same content',
    attack:
      'Two scopes change alike; the approvals, in words or by commits, are of one of them, or withdraw one of them.',
    outcome: 'held',
    rules: ['G3', 'I3'],
    async build(lab) {
      const d = scopeYaml({ ...childSpec, name: 'd', owns: '{ namespaces: [d] }' });
      const c = scopeYaml(childSpec);
      const records = [
        { name: 'c', uid: uidOf(c), path: 'c', more: 'grants: { namespaces: [c] }' },
        { name: 'd', uid: uidOf(d), path: 'd', more: 'grants: { namespaces: [d] }' },
      ];
      const files = {
        'mesh/delegations.yaml': delegationsYaml(records),
        'mesh/d/scope.yaml': d,
        'mesh/d/v.yaml': '0\n',
      };
      const w = await lab.world({ files });
      const both = { 'mesh/c/v.yaml': '1\n', 'mesh/d/v.yaml': '1\n' };
      const p = await worded(w, ['alice', 'dana'], { files: both, path: 's.c' });
      await w.add('m', { parents: ['g', p], files: both });
      const child = serves(2, 'm', ['alice', 'dana']);
      w.attack('m', { 's.c': child, 's.d': held('Quorum') }, { name: 'words' });
      const v = await w.add('v0', { parents: ['g'], files: both });
      const no = await speak(w, ['alice', 'dana'], v, 'v', w.withdraw(2, undefined, 's.c'));
      await w.add('u', { parents: ['g', no], files: both });
      w.attack('u', { 's.c': held('Quorum'), 's.d': held('Quorum') }, { name: 'withdrawals' });
      const line = w.approve({ seq: 2, base: 'g', next: 'v0' }, 's.c');
      let carrier = 'v0';
      for (const by of ['alice', 'dana'] as const) {
        const message = `${await token(w, by, [line])}\n`;
        carrier = await w.add(`carried by ${by}`, { parents: [carrier], by, message });
      }
      await w.add('tokens', { parents: ['g', carrier], files: both });
      const carried = serves(2, 'tokens', ['alice', 'dana']);
      w.attack('tokens', { 's.c': carried, 's.d': held('Quorum') }, { name: 'tokens in signed commits' });
      const q = await plain(w, ['alice', 'dana'], { C: '1', prefix: 'q' });
      await w.add('o', { parents: ['g', q], files: both });
      w.attack('o', { 's.c': child, 's.d': held('Quorum') }, { name: 'commits' });
      const r = await plain(w, ['alice', 'dana'], { files: both, prefix: 'r' });
      await w.add('n', { parents: ['g', r], files: both });
      w.honest('n', { 's.c': child, 's.d': serves(2, 'n', ['alice', 'dana']) });
    },
  },
  {
    number: '19',
    slug: 'other-repository',
    title: 'Approval of a fork',
    attack: 'A branch that was approved in a repository with the same content and another genesis is merged.',
    outcome: 'held',
    rules: ['V2'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('fork', { message: 'g of a fork\n' });
      const p = await plain(w, [x, y], { from: 'fork' });
      await w.add('m', { parents: ['g', p], S: '1' });
      w.attack('m', { s: held('V2') });
      const q = await plain(w, [x, y], { prefix: 'q' });
      await w.add('n', { parents: ['g', q], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '20',
    slug: 'withdrawn',
    title: 'Withdrawn approval that is still reachable',
    attack: 'An anchor has withdrawn an approval; the commit that carries it is merged all the same.',
    outcome: 'held',
    rules: ['V3', 'I1'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      const q = await speak(w, [x], p, 'no', w.withdraw(2));
      await w.add('m', { parents: ['g', q], S: '1' });
      w.attack('m', { s: held('I1', [y]) }, { name: 'plain' });
      const words = await worded(w, [x, y], { prefix: 'w' });
      const no = await speak(w, [x], words, 'never', w.withdraw(2));
      await w.add('o', { parents: ['g', no], S: '1' });
      w.attack('o', { s: held('V3', [y]) }, { name: 'words' });
      await w.add('n', { parents: ['g', p], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
];
