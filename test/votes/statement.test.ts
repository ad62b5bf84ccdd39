import { expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { statementFor } from '../../src/votes/history.ts';
import { formatApproval, formatWithdrawal, groupDigest } from '../../src/votes/index.ts';
import { readStatements } from '../../src/votes/statement.ts';

const uid = 'a'.repeat(64);
const digest = 'b'.repeat(64);
const line = `Fairlead-Approve: ${uid} seq=2 base=${digest} next=${digest}`;

test('#77: the end of a message of line feeds is found in one pass', () => {
  const message = `${'\n'.repeat(8_000_000)}x\n\n${line}${'\n'.repeat(8_000_000)}`;
  expect(readStatements(Buffer.from(message))).toMatchObject([{ kind: 'approve', uid }]);
});

test('G3: a statement stands in the last paragraph, beside other trailers', () => {
  const [statement] = readStatements(Buffer.from(`subject\n\nbody\n\nSigned-off-by: a\n${line} round=3\n\n`));
  expect(statement).toEqual({
    kind: 'approve',
    uid,
    seq: 2,
    base: digest,
    next: digest,
    group: null,
    round: 3,
  });
});

test.each([
  ['quoted in the body', `subject\n\n${line}\n\nReviewed-by: a\n`],
  ['in another case', `subject\n\n${line.toLowerCase()}\n`],
  ['quoted', `subject\n\n> ${line}\n`],
])('G3: a line %s says nothing', (_name, message) => {
  expect(readStatements(Buffer.from(message))).toEqual([]);
});

test.each([
  ['twice', `${line}\n${line}`],
  ['with a leading zero', line.replace('seq=2', 'seq=02')],
  ['with two spaces', line.replace(' seq', '  seq')],
  ['with a number beyond 2^53', line.replace('seq=2', 'seq=9007199254740993')],
  ['with something behind it', `${line} please`],
  ['with a short digest', line.slice(0, -1)],
])('G3: a line %s makes the commit say nothing for its scope', (_name, text) => {
  expect(readStatements(Buffer.from(`subject\n\n${text}\n`))).toMatchObject([{ kind: 'void', uid }]);
});

test.each([
  ['its number is beyond 2^53', 'seq=9007199254740993 round=1'],
  ['its round is beyond 2^53', 'seq=2 round=9007199254740993'],
])('V3: a withdrawal says nothing where %s', (_name, numbers) => {
  const text = `subject\n\nFairlead-Withdraw: ${uid} ${numbers}\n`;
  expect(readStatements(Buffer.from(text))).toMatchObject([{ kind: 'void', uid }]);
});

test('G3: a malformed line voids what is said for its scope, and for every one where it names none', () => {
  const [one, two] = [uid, 'd'.repeat(64)];
  const good = line.replace(uid, two);
  const named = readStatements(Buffer.from(`s\n\n${line} please\n${good}\n`));
  expect([statementFor(named, one)?.kind, statementFor(named, two)?.kind]).toEqual(['void', 'approve']);
  const nameless = readStatements(Buffer.from(`s\n\nFairlead-Approve: please\n${good}\n`));
  expect(statementFor(nameless, two)?.kind).toBe('void');
  expect(statementFor(named, 'e'.repeat(64))).toBeNull();
});

const other = 'c'.repeat(64);
const members = [
  { uid, seq: 2, base: digest, next: digest },
  { uid: other, seq: 7, base: 'none', next: 'gone' },
];
const group = groupDigest(members);
const grouped = members.map((member) => formatApproval({ ...member, group }));

test('G16: the name of a group is the SHA-256 of its sorted lines', () => {
  const lines = `${uid} 2 ${digest} ${digest}\n${other} 7 none gone\n`;
  expect(group).toBe(sha256(lines));
  expect(groupDigest([...members].reverse())).toBe(group);
});

test('G16: words that carry the line of every member name their group', () => {
  const withdrawal = formatWithdrawal({ uid: 'd'.repeat(64), seq: 3, round: 1 });
  const found = readStatements(Buffer.from(`subject\n\n${[...grouped, withdrawal].join('\n')}\n`));
  expect(found).toMatchObject([
    { uid, group },
    { uid: other, group },
    { kind: 'withdraw', round: 1 },
  ]);
});

test.each([
  ['one member is not there', grouped.slice(1)],
  ['one member stands there twice', [...grouped, grouped[0] ?? '']],
  ['one member is malformed', [grouped[0]?.replace('seq=2', 'seq=02') ?? '', grouped[1] ?? '']],
  ['one names another seq', [grouped[0]?.replace('seq=2', 'seq=3') ?? '', grouped[1] ?? '']],
  [
    'one does not name the group',
    [formatApproval({ uid, seq: 2, base: digest, next: digest }), grouped[1] ?? ''],
  ],
  [
    'a stranger names it too',
    [...grouped, formatApproval({ uid: 'd'.repeat(64), seq: 1, base: 'none', next: digest, group })],
  ],
])('G16: where %s the words say nothing, for nobody', (_name, lines) => {
  const withdrawal = formatWithdrawal({ uid: 'e'.repeat(64), seq: 3, round: 1 });
  const found = readStatements(Buffer.from(`subject\n\n${[...lines, withdrawal].join('\n')}\n`));
  expect(found.length).toBeGreaterThan(1);
  expect(found.every(({ kind }) => kind === 'void')).toBe(true);
});
