/** Attack list, "Found by attacking the first edition of the rules": 95 to 131, but for those of structure. */

import { sshPublicKey } from '../../keys/index.ts';
import { type CaseSource, eachKind } from '../case.ts';
import type { Setup } from '../format.ts';
import { held, says, serves } from '../world.ts';
import {
  bystanders,
  droppedParent,
  lateAcceptance,
  outrunWithdrawal,
  plantedRevert,
  rollbackVote,
  signedUpdateMerge,
  stoppedInTheMidst,
  tornGroup,
} from './histories.ts';
import { certificateOfCy } from './packets.ts';
import { honestAnchor, plain, policy, speak, worded } from './steps.ts';

const people = ['alice', 'bo', 'cy'] as const;
const required = { root: { quorum: '{ threshold: 2, statements: Required }' } } as const;

export const second: readonly CaseSource[] = [
  {
    number: '95',
    slug: 'planted-revert',
    title: 'Laundering by a planted revert (C1)',
    attack: 'The base of a signed branch becomes clean only after it was signed.',
    outcome: 'held',
    rules: ['I4'],
    build: eachKind((w, [x, y]) => plantedRevert(w, [x, y])),
  },
  {
    number: '96',
    slug: 'dropped-branch',
    title: 'Laundering through a branch that was merged and dropped (C2)',
    attack:
      'An edit that was merged without its content is the base of the next branch; or the merge base is moved afterwards.',
    outcome: 'held',
    rules: ['I4'],
    build: eachKind((w, [x, y]) => droppedParent(w, [x, y])),
  },
  {
    number: '97',
    slug: 'bystander',
    title: 'Signatures of bystanders (C3)',
    attack:
      'An anchor of two scopes signs a commit of one, on a branch that carries a change of the other; stacked pull requests.',
    outcome: 'held',
    rules: ['I3'],
    async build(lab) {
      await bystanders(await lab.world());
      const w = await lab.world({ name: 'stacked' });
      const below = await plain(w, ['alice'], { prefix: 'below' });
      await w.add('above', { parents: [below], files: { readme: 'other\n' }, by: 'cy' });
      const above = await w.add('above2', { parents: ['above'], files: { readme: 'another\n' }, by: 'bo' });
      await w.add('m', { parents: ['g', above], files: w.files(above) });
      w.attack('m', { s: held('Quorum', ['alice']) });
      const more = await plain(w, ['cy'], { from: above, S: '2', prefix: 'more' });
      const last = await plain(w, ['bo'], { from: more, files: {}, prefix: 'last' });
      await w.add('n', { parents: ['g', last], files: w.files(last) });
      w.honest('n', { s: serves(2, 'n', ['bo', 'cy']) });
    },
  },
  {
    number: '98',
    slug: 'signed-update-merge',
    title: 'Signed merge of main harvested as a vote (C3)',
    attack: 'Anchors sign the merges with which they update a branch that somebody else has changed.',
    outcome: 'held',
    rules: ['I3'],
    build: async (lab) => signedUpdateMerge(await lab.world()),
  },
  {
    number: '99',
    slug: 'stopped-in-the-midst',
    title: 'Main stops at a commit of somebody’s work (C11)',
    attack: 'With a threshold of one, main is set to an unfinished commit of a signed branch.',
    outcome: 'signalled',
    rules: ['G3'],
    signal: 'would-accept warns; a scope that requires statements is held',
    async build(lab) {
      await stoppedInTheMidst(await lab.world({ root: { quorum: '{ threshold: 1 }' } }));
      const root = { quorum: '{ threshold: 1, statements: Required }' };
      await stoppedInTheMidst(await lab.world({ name: 'statements required', root }), 'Required');
    },
  },
  {
    number: '100',
    slug: 'zombie-votes',
    title: 'Votes of a closed pull request',
    attack:
      'A pull request was approved and closed; somebody merges it months later, since its epoch has not moved.',
    outcome: 'signalled',
    rules: ['V2'],
    signal: 'explain lists the votes that are live; renew or a withdrawal ends them',
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      await w.add('m1', { parents: ['g'], files: { readme: 'months later\n' }, date: 1_890_000_000 });
      await w.add('m2', { parents: ['m1', p], S: '1' });
      w.attack('m2', { s: serves(2, 'm2', [x, y]) });
      const renew = w.approve({ seq: 2, base: 'g', next: 'g' });
      const renewed = await speak(w, [x, y], 'm1', 'renew', renew);
      await w.add('m3', { parents: [renewed, p], S: '1' });
      w.attack('m3', { s: held('V2', [], 2, 'g') }, { name: 'after renew' });
      const q = await plain(w, [x, y], { from: renewed, prefix: 'q' });
      await w.add('n', { parents: [renewed, q], S: '1' });
      w.honest('n', { s: serves(3, 'n', [x, y]) });
    }),
  },
  {
    number: '101',
    slug: 'withdrawal-not-merged',
    title: 'Withdrawal that is never merged',
    attack: 'The forge merges the approvals and leaves the withdrawal of one of them on its branch.',
    outcome: 'signalled',
    rules: ['G0', 'V3'],
    signal: 'the withdrawal is not in the history; the local brake is to suspend the scope',
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      await speak(w, [x], p, 'no', w.withdraw(2));
      await w.add('m1', { parents: ['g', p], S: '1' });
      w.attack('m1', { s: serves(2, 'm1', [x, y]) });
      await w.add('m2', { parents: ['m1', 'no1'] });
      w.attack('m2', { s: serves(2, 'm1', [x, y]) }, { name: 'merged too late' });
      const again = w.approve({ seq: 2, base: 'g', next: 'p1', round: 1 });
      const q = await speak(w, [x], 'no1', 'again', again);
      await w.add('n', { parents: ['g', q], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '102',
    slug: 'outrun-withdrawal',
    title: 'Withdrawal outrun by order or by branch (C6)',
    attack: 'A withdrawal is merged before the approval that it is about, or stands on another branch.',
    outcome: 'held',
    rules: ['V3'],
    build: eachKind((w, [x, y]) => outrunWithdrawal(w, [x, y])),
  },
  {
    number: '103',
    slug: 'late-acceptance',
    title: 'Late acceptance swaps the pair (C4)',
    attack:
      'Votes for one difference count for another, once the first was completed late; a commit that equals the old state.',
    outcome: 'held',
    rules: ['V2'],
    build: eachKind(async (w, [x, y, z]) => {
      await lateAcceptance(w, [x, y, z]);
      await rollbackVote(w, [x, y]);
    }),
  },
  {
    number: '104',
    slug: 'torn-group',
    title: 'Group torn by its authors’ implicit votes (C12)',
    attack: 'Anchors who signed commits sign a group in words; one member of it is landed alone.',
    outcome: 'held',
    rules: ['I1', 'G16'],
    async build(lab) {
      const w = await lab.world();
      const last = await tornGroup(w);
      w.attack('m', { s: held('I1', ['alice', 'bo']) }, { name: 'one member' });
      await w.add('o', { parents: ['g', last], C: '1' });
      w.attack('o', { 's.c': held('I1', ['alice', 'bo']) }, { name: 'the other member' });
      await w.add('n', { parents: ['g', last], S: '1', C: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': serves(2, 'n', ['alice', 'bo']) });
      // One after the other: the group is complete when the second member stands on main.
      await w.add('n2', { parents: ['m'], C: '1' });
      const late = { s: serves(2, 'n2', ['alice', 'bo']), 's.c': serves(2, 'n2', ['alice', 'bo']) };
      w.honest('n2', late, { name: 'completed later' });
    },
  },
  {
    number: '105',
    slug: 'stripped-group',
    title: 'Statements of a group are left out',
    attack:
      'The commits below the statements are merged; their plain signatures accept one member of the group alone.',
    outcome: 'held',
    rules: ['G3'],
    async build(lab) {
      const w = await lab.world(required);
      const last = await tornGroup(w);
      await w.add('stripped', { parents: ['g', 'b'], S: '1' });
      w.attack('stripped', { s: held('G3') });
      await w.add('n', { parents: ['g', last], S: '1', C: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': serves(2, 'n', ['alice', 'bo']) });
    },
  },
  {
    number: '106',
    slug: 'group-without-list',
    title: 'Group whose members are not in the signed bytes',
    attack:
      'A statement names the digest of a group without its lines; or two signers mean groups of other members.',
    outcome: 'held',
    rules: ['G16', 'G3'],
    async build(lab) {
      const w = await lab.world(required);
      await w.add('p', { parents: ['g'], S: '1', C: '1' });
      const approval = { seq: 2, base: 'g', next: 'p' };
      const group = w.group([
        ['s', approval],
        ['s.c', approval],
      ]);
      const own = w.group([['s', approval]]);
      const mine = [w.approve({ ...approval, group }), w.approve({ ...approval, group }, 's.c')];
      const variants: Readonly<Record<string, readonly (readonly string[])[]>> = {
        'no list': [[mine[0] ?? ''], [mine[0] ?? '']],
        'other members': [mine, [w.approve({ ...approval, group: own })]],
        'one member twice': [
          [...mine, mine[0] ?? ''],
          [...mine, mine[0] ?? ''],
        ],
        'one line of another group': [[mine[0] ?? '', w.approve({ ...approval, group: own }, 's.c')], mine],
      };
      for (const [name, [first = [], last = []]] of Object.entries(variants)) {
        const a = await speak(w, ['alice'], 'p', `${name} a`, ...first);
        const b = await speak(w, ['bo'], a, `${name} b`, ...last);
        await w.add(`${name} m`, { parents: ['g', b], S: '1', C: '1' });
        const rule = name === 'other members' || name === 'one line of another group' ? 'G16' : 'Quorum';
        w.attack(
          `${name} m`,
          { s: { seq: 1, at: 'g', held: rule }, 's.c': { seq: 1, at: 'g', held: rule } },
          { name },
        );
      }
      const q = await speak(w, ['alice', 'bo'], 'p', 'q', ...mine);
      await w.add('n', { parents: ['g', q], S: '1', C: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'bo']), 's.c': serves(2, 'n', ['alice', 'bo']) });
    },
  },
  {
    number: '108',
    slug: 'two-lines',
    title: 'One genesis, two lines',
    attack: 'What was signed to try it on a staging branch of the same genesis is merged into production.',
    outcome: 'signalled',
    rules: ['G20'],
    signal:
      'trust and serve refuse a second genesis for a known uid; environments are scopes or repositories with a salt of their own',
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      await w.add('staging', { parents: ['g', p], S: '1' });
      await w.add('m1', { parents: ['g'], files: { readme: 'production\n' } });
      await w.add('m2', { parents: ['m1', p], S: '1' });
      const merged = { s: serves(2, 'm2', [x, y]) };
      w.attack('m2', merged, { name: 'signed for staging' });
      w.run(
        'attack',
        [
          { tip: 'm1', expect: {} },
          { tip: 'staging', outcome: 'refused', rule: 'G9', expect: {} },
        ],
        { name: 'the line itself' },
      );
      w.honest('m2', merged);
    }),
  },
  {
    number: '109',
    slug: 'recovery-by-waiting',
    title: 'Recovery window filled with empty commits',
    attack:
      'Whoever can push makes main-line commits, so that a recovery that waits would come about; one recovery anchor has signed.',
    outcome: 'held',
    rules: ['Recover'],
    async build(lab) {
      const key = (name: 'fay' | 'dana' | 'eli') =>
        `{ name: ${name}, keys: [{ ssh: "${sshPublicKey(name)}" }] }`;
      const more = `recovery: { threshold: 2, anchors: [${key('dana')}, ${key('eli')}, ${key('fay')}] }`;
      const w = await lab.world({ root: { anchors: people, more } });
      const files = policy(w, { anchors: ['mallory', 'gus'] });
      const p = await worded(w, ['dana', 'mallory', 'gus'], { files });
      let last = await w.add('m', { parents: ['g', p], files });
      for (let at = 0; at < 30; at += 1)
        last = await w.add(`empty${at}`, { parents: [last], date: 1_900_000_000 + at * 86_400 });
      w.attack(last, { s: held('Quorum') });
      const mixed = await speak(w, ['alice'], p, 'mixed', w.approve({ seq: 2, base: 'g', next: 'p0' }));
      await w.add('o', { parents: ['g', mixed], files });
      w.attack('o', { s: held('Quorum', ['alice']) }, { name: 'mixed with the old quorum' });
      const q = await speak(w, ['fay'], p, 'fay', w.approve({ seq: 2, base: 'g', next: 'p0' }));
      await w.add('n', { parents: ['g', q], files });
      w.honest('n', { s: serves(2, 'n', []) });
    },
  },
  {
    number: '112',
    slug: 'authority-beside-the-policy',
    title: 'Class downgrade by place',
    attack: 'A key or certificate that the policy refers to is swapped, and signed as if it were an update.',
    outcome: 'held',
    rules: ['Class', 'G3', 'G6'],
    async build(lab) {
      const w = await lab.world();
      const other = { 'mesh/anchors/cy.asc': await certificateOfCy() };
      const p = await plain(w, ['alice', 'cy'], { files: other });
      await w.add('m', { parents: ['g', p], files: other });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'G6' } }, { name: 'certificate' });
      const root = { 'mesh/identity/root.pem': 'a root of trust\n' };
      const q = await plain(w, ['alice', 'cy'], { files: root, prefix: 'q' });
      await w.add('o', { parents: ['g', q], files: root });
      w.attack('o', { s: held('G3') }, { name: 'identity' });
      const note = { 'mesh/anchors.txt': 'just a file\n', 'mesh/sub/anchors/x': 'just a file\n' };
      const r = await plain(w, ['alice', 'cy'], { files: note, prefix: 'r' });
      await w.add('n', { parents: ['g', r], files: note });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '113',
    slug: 'salami',
    title: 'A large change in small slices',
    attack: 'One anchor makes ten small changes, one after the other, each too small to be looked at.',
    outcome: 'held',
    rules: ['Candidate', 'G4'],
    async build(lab) {
      const w = await lab.world();
      let last = 'g';
      for (let at = 1; at <= 10; at += 1)
        last = await w.add(`m${at}`, { parents: [last], S: `weight ${at}`, by: 'alice' });
      // The difference is always the whole one, from what was accepted.
      w.attack(last, { s: { seq: 1, at: 'g', held: 'I4', signed: [] } });
      const p = await plain(w, ['alice', 'cy'], { S: 'weight 10' });
      await w.add('n', { parents: ['g', p], S: 'weight 10' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '114',
    slug: 'poisoned-class',
    title: 'An honest update made mixed',
    attack:
      'One byte of a governance file is added to main, so that an approved update is of two classes at once.',
    outcome: 'held',
    rules: ['Class', 'Candidate'],
    async build(lab) {
      const w = await lab.world();
      await w.add('bad', { parents: ['g'], files: { 'mesh/anchors/note': 'x\n' } });
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m', { parents: ['bad', p], S: '1' });
      w.attack('m', { s: { seq: 1, at: 'g', held: 'Class' } });
      await w.add('r', { parents: ['m'], files: { 'mesh/anchors/note': null } });
      w.honest('r', { s: serves(2, 'r', ['alice', 'cy']) });
    },
  },
  {
    number: '116',
    slug: 'poison-commit',
    title: 'One commit that freezes all',
    attack: 'An octopus, or a merge over a cap, is put on main, or deep in a pull request.',
    outcome: 'refused',
    rules: ['G17', 'G18'],
    async build(lab) {
      const w = await lab.world();
      await w.add('a', { parents: ['g'], files: { a: 'a\n' } });
      await w.add('b', { parents: ['g'], files: { b: 'b\n' } });
      await w.add('octopus', { parents: ['g', 'a', 'b'] });
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m', { parents: ['octopus', p], S: '1' });
      w.attack('m', { s: serves(2, 'm', ['alice', 'cy']) }, { name: 'octopus on main' });
      await w.add('long', { parents: ['g'], message: 'x'.repeat(64 * 1024 + 1) });
      await w.add('m1', { parents: ['g', 'long'] });
      await w.add('m2', { parents: ['m1', p], S: '1' });
      w.attack('m2', { s: serves(2, 'm2', ['alice', 'cy']) }, { name: 'over a cap' });
      await w.add('q1', { parents: ['g'], S: '1', by: 'alice' });
      await w.add('q2', { parents: ['q1', 'a', 'b'], S: '1' });
      await w.add('q3', { parents: ['q2'], by: 'cy' });
      await w.add('m3', { parents: ['g', 'q3'], S: '1' });
      w.attack('m3', { s: serves(2, 'm3', ['alice', 'cy']) }, { name: 'octopus in a pull request' });
      await w.add('n', { parents: ['g', p], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '117',
    slug: 'wedge',
    title: 'Wedge between replicas',
    attack: 'One replica is shown a short-lived tip; then main is reset, and it refuses the real line.',
    outcome: 'refused',
    rules: ['G9', 'G20'],
    async build(lab) {
      const w = await lab.world();
      await w.add('short', { parents: ['g'], files: { readme: 'short-lived\n' } });
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m', { parents: ['g', p], S: '1' });
      w.run('attack', [
        { tip: 'short', expect: {} },
        { tip: 'm', outcome: 'refused', rule: 'G9', expect: {} },
      ]);
      const there = { s: serves(2, 'm', ['alice', 'cy']) };
      w.honest('m', there, { name: 'another replica' });
      // The repair: a commit of two parents that extends what was shown and has the content of the real line.
      await w.add('repair', { parents: ['short', 'm'], files: { readme: null }, S: '1' });
      w.run(
        'honest',
        [
          { tip: 'short', expect: {} },
          { tip: 'm', outcome: 'refused', rule: 'G9', expect: {} },
          { tip: 'repair', expect: { s: serves(2, 'repair', ['alice', 'cy']) } },
        ],
        { name: 'repaired' },
      );
    },
  },
  {
    number: '118',
    slug: 'rewrite-without-a-withdrawal',
    title: 'Rewrite that drops only a withdrawal',
    attack: 'Main is made anew with every mutation and without the commit in which an anchor withdrew.',
    outcome: 'held',
    rules: ['G9', 'V3'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('a', { parents: ['g'], S: '1', by: x });
      await w.add('no', { parents: ['g'], by: x, message: says(w.withdraw(2)) });
      await w.add('b', { parents: ['a'], by: y });
      await w.add('m1', { parents: ['g', 'no'] });
      await w.add('m2', { parents: ['m1', 'b'], S: '1' });
      await w.add('rewrite', { parents: ['g', 'b'], S: '1' });
      const fenced = { s: held('I1', [y]) };
      w.run('attack', [
        { tip: 'm2', expect: fenced },
        { tip: 'rewrite', outcome: 'refused', rule: 'G9', expect: fenced },
      ]);
      w.honest('rewrite', { s: serves(2, 'rewrite', [x, y]) }, { name: 'nobody withdrew' });
    }),
  },
  {
    number: '119',
    slug: 'flood-beside-votes',
    title: 'Flood in the merge that brings the votes',
    attack:
      'A message over the cap comes in with the approvals: they must not count on one replica and not on another.',
    outcome: 'held',
    rules: ['G17'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('long', { parents: [p], message: 'x'.repeat(64 * 1024 + 1) });
      await w.add('m1', { parents: ['g', 'long'], S: '1' });
      await w.add('m2', { parents: ['m1'], files: { readme: 'later\n' } });
      w.run('attack', [
        { tip: 'm1', expect: { s: held('G17') } },
        { tip: 'm2', expect: { s: held('Quorum') } },
      ]);
      w.attack('m2', { s: held('Quorum') }, { name: 'in one fetch' });
      const n = await speak(w, ['alice', 'cy'], 'm2', 'n', w.approve({ seq: 2, base: 'g', next: 'p1' }));
      w.honest(n, { s: serves(2, 'p1', ['alice', 'cy']) });
    },
  },
  {
    number: '120',
    slug: 'configured-rules',
    title: 'A replica with rules of its own',
    attack:
      'Configuration of the repository asks for other caps, another ruleset, a shorter list of forge keys, other thresholds.',
    outcome: 'held',
    rules: ['G21', 'G0'],
    async build(lab) {
      const w = await lab.world();
      const text =
        '[core]\n\tbare = true\n[fairlead]\n\truleset = 0\n\tthreshold = 1\n\tsideCommits = 1\n\tforgeKeys =\n\trequire = none\n';
      const setup: readonly Setup[] = [{ do: 'write', path: 'config', text }];
      await w.add('a', { parents: ['g'], S: '1', by: 'alice' });
      await w.add('m', { parents: ['g', 'a'], S: '1' });
      w.attack('m', { s: held('Quorum', ['alice']) }, { setup });
      await w.add('b', { parents: ['a'], by: 'cy' });
      await w.add('n', { parents: ['g', 'b'], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) }, { setup });
    },
  },
  {
    number: '121',
    slug: 'unproven-key',
    title: 'A rotation to a key that did not sign',
    attack:
      'More than enough others approve; one of the added keys, an anchor’s second or a new anchor’s, has not.',
    outcome: 'held',
    rules: ['Quorum'],
    async build(lab) {
      const w = await lab.world();
      const second = [{ name: 'alice', keys: ['alice', 'eli'] }, 'bo', 'cy'] as const;
      const files = policy(w, { anchors: second });
      const p = await worded(w, people, { files });
      await w.add('m', { parents: ['g', p], files });
      w.attack('m', { s: held('Quorum', people) }, { name: 'second key' });
      const two = policy(w, { anchors: [...people, 'dana', 'eli'] });
      const q = await worded(w, [...people, 'dana'], { files: two, prefix: 'q' });
      await w.add('o', { parents: ['g', q], files: two });
      w.attack('o', { s: held('Quorum', people) }, { name: 'one of two anchors' });
      await honestAnchor(w, ['alice', 'bo']);
    },
  },
  {
    number: '122',
    slug: 'two-urls',
    title: 'URLs that show different tips',
    attack: 'Of two mirrors of one repository one lags behind, or shows another line.',
    outcome: 'refused',
    rules: ['G9', 'G20'],
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('m1', { parents: ['g', p], S: '1' });
      const q = await plain(w, ['alice', 'cy'], { from: 'm1', S: '2', prefix: 'q' });
      await w.add('m2', { parents: ['m1', q], S: '2' });
      await w.add('other', { parents: ['m1'], files: { readme: 'other\n' } });
      const [one, two] = [{ s: serves(2, 'm1', ['alice', 'cy']) }, { s: serves(3, 'm2', ['alice', 'cy']) }];
      w.run('attack', [
        { tip: 'm1', expect: one },
        { tip: 'm2', expect: two },
        { tip: 'm1', outcome: 'stale', expect: two },
        { tip: 'm2', outcome: 'same', expect: two },
        { tip: 'other', outcome: 'refused', rule: 'G9', expect: two },
      ]);
      w.run('honest', [
        { tip: 'm1', expect: one },
        { tip: 'm2', expect: two },
      ]);
    },
  },
  {
    number: '123',
    slug: 'sha1-repository',
    title: 'A repository of SHA-1',
    attack: 'Whoever can make colliding objects shows two replicas different bytes of one id.',
    outcome: 'signalled',
    rules: ['G15'],
    signal:
      'the own digest, which is of SHA-256, differs between replicas; statements and the pin bind it, the implicit form does not',
    async build(lab) {
      const w = await lab.world();
      const p = await plain(w, ['alice', 'cy']);
      await w.add('n', { parents: ['g', p], S: '1' });
      // The digest that replicas compare is of the bytes, and not of the ids.
      w.attack('n', { s: serves(2, 'n', ['alice', 'cy']) }, { name: 'implicit' });
      const q = await worded(w, ['alice', 'cy'], { S: '2', prefix: 'q' });
      await w.add('m', { parents: ['g', q], S: '3' });
      w.attack('m', { s: held('G3') }, { name: 'statements' });
      const pin = w.pin();
      const wrong = { ...pin, digests: { ...pin.digests, [w.uid('s')]: '0'.repeat(64) } };
      w.run('attack', [{ tip: 'n', outcome: 'refused', rule: 'Line' }], { name: 'pin', pin: wrong });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '124',
    slug: 'under-the-mask',
    title: 'Under the mask',
    attack:
      'The directory of a child becomes a file, or a file of its parent has a name that is the same but for its case.',
    outcome: 'held',
    rules: ['G10', 'G18'],
    async build(lab) {
      const w = await lab.world({ root: { anchors: ['alice', 'bo', 'dana'] } });
      const gone = { 'mesh/c/scope.yaml': null, 'mesh/c/v.yaml': null };
      const blob = { ...gone, 'mesh/c': 'a file\n' };
      const p = await plain(w, ['alice', 'bo'], { files: blob });
      await w.add('m', { parents: ['g', p], files: blob });
      // A file is no directory that a record masks: it is the parent's own. The child is not moved by it.
      w.attack(
        'm',
        { s: serves(2, 'm', ['alice', 'bo']), 's.c': held('G18') },
        { name: 'a file in its place' },
      );
      const q = await plain(w, ['alice', 'bo'], { files: gone, prefix: 'q' });
      await w.add('o', { parents: ['g', q], files: gone });
      w.attack('o', { 's.c': held('G18') }, { name: 'nothing in its place' });
      for (const name of ['C', 'C.yaml']) {
        const twin = { [`mesh/${name}`]: 'twin\n' };
        const r = await plain(w, ['alice', 'bo'], { files: twin, prefix: `twin-${name}-` });
        await w.add(`twin ${name}`, { parents: ['g', r], files: twin });
        if (name === 'C') w.attack(`twin ${name}`, { s: held('G10') }, { name: 'a twin of its name' });
        else w.honest(`twin ${name}`, { s: serves(2, `twin ${name}`, ['alice', 'bo']) });
      }
    },
  },
  {
    number: '127',
    slug: 'stale-view',
    title: 'Stale view of an anchor',
    attack: 'One anchor is shown an old main: the approval of one difference is counted for another.',
    outcome: 'held',
    rules: ['V2', 'G3'],
    build: eachKind(async (w, [x, y, z]) => {
      const p = await plain(w, [y, z], { S: 'B' });
      await w.add('m1', { parents: ['g', p], S: 'B' });
      await w.add('a', { parents: ['g'], S: 'X', by: x });
      await w.add('u', { parents: ['a', 'm1'], S: 'X' });
      await w.add('b', { parents: ['u'], by: y });
      await w.add('m2', { parents: ['m1', 'b'], S: 'X' });
      w.attack('m2', { s: { seq: 2, at: 'm1', held: 'V2', signed: [y] } }, { name: 'plain' });
      const words = w.approve({ seq: 3, base: 'g', next: 'a' });
      const said = await speak(w, [x], 'u', 'said', words);
      const both = await speak(w, [y], said, 'both', w.approve({ seq: 3, base: 'm1', next: 'a' }));
      await w.add('m3', { parents: ['m1', both], S: 'X' });
      w.attack('m3', { s: held('G3', [y], 2, 'm1') }, { name: 'words' });
      const q = await plain(w, [x, y], { from: 'm1', S: 'X', prefix: 'q' });
      await w.add('n', { parents: ['m1', q], S: 'X' });
      w.honest('n', { s: serves(3, 'n', [x, y]) });
    }),
  },
  {
    number: '128',
    slug: 'signed-ahead',
    title: 'Signed ahead',
    attack: 'An anchor signs the mutation after next, before the next one was accepted.',
    outcome: 'held',
    rules: ['V2'],
    build: eachKind(async (w, [x, y]) => {
      const p = await plain(w, [x, y]);
      await w.add('p3', { parents: [p], S: '2' });
      const ahead = await speak(w, [x], 'p3', 'ahead', w.approve({ seq: 3, base: 'p1', next: 'p3' }));
      await w.add('m1', { parents: ['g', p], S: '1' });
      await w.add('b', { parents: [ahead, 'm1'], S: '2' });
      const late = await speak(w, [y], 'b', 'late', w.approve({ seq: 3, base: 'p1', next: 'p3' }));
      await w.add('m2', { parents: ['m1', late], S: '2' });
      w.attack('m2', { s: held('V2', [y], 2, 'm1') });
      const q = await plain(w, [x, y], { from: 'm1', S: '2', prefix: 'q' });
      await w.add('n', { parents: ['m1', q], S: '2' });
      w.honest('n', { s: serves(3, 'n', [x, y]) });
    }),
  },
  {
    number: '129',
    slug: 'retargeted',
    title: 'Retargeted pull request',
    attack: 'A pull request is shown against another branch, which already has the bad part of it.',
    outcome: 'held',
    rules: ['I3', 'G8'],
    build: eachKind(async (w, [x, y]) => {
      await w.add('target', { parents: ['g'], files: { 'mesh/bad.yaml': 'R\n' } });
      const p = await plain(w, [x, y], { from: 'target', files: { readme: 'innocent\n' } });
      await w.add('m', { parents: ['g', p], files: w.files(p) });
      // The second commit changes nothing: it approves all that its tree shows. The first says nothing about the scope.
      w.attack('m', { s: held('Quorum', [y]) });
      const q = await plain(w, [x, y], { prefix: 'q' });
      await w.add('n', { parents: ['g', q], S: '1' });
      w.honest('n', { s: serves(2, 'n', [x, y]) });
    }),
  },
  {
    number: '130',
    slug: 'foxtrot-laundering',
    title: 'Laundering by a foxtrot or a force-push (C10)',
    attack:
      'The commit that made main dirty leaves the main line; then the pull request that was built on it is merged.',
    outcome: 'held',
    rules: ['G9', 'I4'],
    async build(lab) {
      const w = await lab.world();
      await w.add('r', { parents: ['g'], S: 'R' });
      const p = await plain(w, ['alice', 'cy'], { from: 'r', S: 'R+1' });
      await w.add('foxtrot', { parents: ['g', 'r'], S: '0' });
      await w.add('m', { parents: ['foxtrot', p], S: 'R+1' });
      const dirty = { s: held('Quorum') };
      w.run('attack', [
        { tip: 'r', expect: dirty },
        { tip: 'foxtrot', outcome: 'refused', rule: 'G9', expect: dirty },
        { tip: 'm', outcome: 'refused', rule: 'G9', expect: dirty },
      ]);
      w.attack('m', { s: held('I4') }, { name: 'to whoever slept' });
      const q = await plain(w, ['alice', 'cy'], { prefix: 'q' });
      await w.add('n', { parents: ['g', q], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
  {
    number: '131',
    slug: 'no-memory',
    title: 'A verifier without a memory',
    attack: 'A fresh replica is shown a line from which a dirty commit was taken out.',
    outcome: 'signalled',
    rules: ['G20'],
    signal:
      'replicas publish the tips that they followed; a fresh auditor may pin a recent tip besides the genesis',
    async build(lab) {
      const w = await lab.world();
      await w.add('r', { parents: ['g'], S: 'R' });
      const p = await plain(w, ['alice', 'cy'], { from: 'r', S: 'R+1' });
      await w.add('real', { parents: ['r', p], S: 'R+1' });
      await w.add('rewrite', { parents: ['g', p], S: 'R+1' });
      w.attack('rewrite', { s: serves(2, 'rewrite', ['alice', 'cy']) });
      w.attack('real', { s: held('I4') }, { name: 'the real line' });
      const q = await plain(w, ['alice', 'cy'], { prefix: 'q' });
      await w.add('n', { parents: ['g', q], S: '1' });
      w.honest('n', { s: serves(2, 'n', ['alice', 'cy']) });
    },
  },
];
