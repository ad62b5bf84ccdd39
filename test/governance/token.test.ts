import { expect, test } from 'vitest';
import { ruleset1 } from '../../src/policy/index.ts';
import { formatApproval, formatToken, formatWithdrawal, tokenBytes } from '../../src/votes/index.ts';
import { readToken, tokenRuns } from '../../src/votes/token.ts';
import { createWorld, makeToken, scopeYaml, type World } from './world.ts';

/** Detached statements (formats.md): runs, bytes, signatures, and what they count for. */
const uid = 'a'.repeat(64);
const line = formatApproval({ uid, seq: 2, base: 'b'.repeat(64), next: 'c'.repeat(64) });
const token = makeToken([line], 'x');
const runs = (text: string) => [...tokenRuns(Buffer.from(text, 'latin1'))];

test.each([
  ['alone', token],
  ['at the start', `${token} is mine`],
  ['at the end', `approved: ${token}`],
  ['after a tab and before one', `a\t${token}\tb`],
  ['between line feeds', `a\n${token}\nb`],
  ['between carriage returns', `a\r${token}\r`],
  ['in a line that is quoted', `> ${token}`],
  ['far behind', `${'fairlead1: '.repeat(2000)}${token}`],
])('a run that stands %s is a token', (_name, text) => {
  expect(runs(text)).toEqual([token]);
});

test.each([
  ['a letter before it', `a${token}`],
  ['a letter behind it', `${token}.`],
  ['a quote around it', `\`${token}\``],
  ['brackets around it', `(${token})`],
  ['a comma behind it', `${token}, please`],
  ['a vertical tab before it', `\v${token}`],
  ['a NUL behind it', `${token}\0`],
  ['a no-break space before it', `\u00a0${token}`],
  ['a further part', `${token}:AAAA`],
  ['an empty signature', token.slice(0, token.lastIndexOf(':') + 1)],
  ['another version', token.replace('fairlead1', 'fairlead2')],
  ['capitals', token.replace('fairlead1', 'Fairlead1')],
  ['a line break within', `${token.slice(0, 40)}\n${token.slice(40)}`],
])('a run with %s is none', (_name, text) => {
  expect(runs(text)).toEqual([]);
});

test('two runs that share one space are two tokens', () => {
  expect(runs(`${token} ${token}\t${token}`)).toEqual([token, token, token]);
});

const part = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');
const signature = token.slice(token.lastIndexOf(':') + 1);

test.each([
  ['padding', `${token}=`],
  ['bits behind the last byte', `fairlead1:${part(`${line}\n`)}:${part('ab').slice(0, -1)}B`],
  ['a letter too many', `fairlead1:${part(`${line}\n`)}:${part('abc')}A`],
  ['lines without their last LF', `fairlead1:${part(line)}:${signature}`],
  ['an empty line', `fairlead1:${part(`${line}\n\n`)}:${signature}`],
  [
    'CR LF',
    `fairlead1:${part(`${line}\r\n`)}:${signature}`.replace(
      part(`${line}\r\n`),
      part(`subject\r\n${line}\n`),
    ),
  ],
  ['a trailer beside it', `fairlead1:${part(`Signed-off-by: a\n${line}\n`)}:${signature}`],
  ['a commit around it', `fairlead1:${part(`tree ${'0'.repeat(40)}\n\nwords\n\n${line}\n`)}:${signature}`],
  ['only a line feed', `fairlead1:${part('\n')}:${signature}`],
])('%s: no token', (_name, text) => {
  expect(readToken(text)).toBeNull();
});

test('what the command line writes is what is read', () => {
  const lines = [line, formatWithdrawal({ uid: 'd'.repeat(64), seq: 1, round: 2 })];
  const text = formatToken(lines, Buffer.from('signature'));
  expect(text).not.toContain('=');
  expect(readToken(text)).toMatchObject({
    statements: [
      { kind: 'approve', uid },
      { kind: 'withdraw', round: 2 },
    ],
    signature: { signed: Buffer.from(tokenBytes(lines)) },
  });
});

function genesis(options?: Parameters<typeof createWorld>[0]): World {
  const world = createWorld(options);
  world.add('g', {});
  world.add('p', { parents: ['g'], S: '1' });
  return world;
}

type Line = { seq?: number; base?: string; next?: string; round?: number; group?: string };

/** The line that approves `g → p`, or what is said instead. */
async function approval(
  world: World,
  { base = 'g', next = 'p', seq = 2, ...rest }: Line = {},
): Promise<string> {
  const [from, to] = [await world.own(base), await world.own(next)];
  return formatApproval({ uid: world.uid.S, seq, base: from, next: to, ...rest });
}

async function tokens(world: World, by: readonly string[], said: Line = {}): Promise<string> {
  const words = await approval(world, said);
  return by.map((each) => makeToken([words], each)).join('\n');
}

test('tokens in an unsigned squash commit are a quorum', async () => {
  const world = genesis();
  world.add('s', {
    parents: ['g'],
    S: '1',
    message: `Squashed (#7)\n\n* one\n${await tokens(world, ['x', 'y'])}\n\nmore`,
  });
  const scope = await world.scope('s');
  expect(scope).toMatchObject({ seq: 2, hold: null });
  expect(scope.lineage.at(-1)?.votes).toMatchObject([
    { anchor: 'x', form: 'detached', commit: world.ids.get('s') },
    { anchor: 'y', form: 'detached', group: null },
  ]);
});

test.each([
  ['an earlier side commit that is not after the epoch', 'old'],
  ['a later main-line commit', 'later'],
] as const)('V2 does not apply: tokens count from %s', async (_name, where) => {
  const world = genesis();
  const renew = await world.approve('renew', { seq: 2, base: 'g', next: 'g' });
  world.add('r', { parents: ['g'], by: 'x', message: renew });
  world.add('m0', { parents: ['r'], by: 'y', message: renew });
  const message = await tokens(world, ['x', 'y'], { base: 'm0', seq: 3 });
  world.add('old', { parents: ['g'], message });
  world.add('m1', { parents: where === 'old' ? ['m0', 'old'] : ['m0'], S: '1' });
  expect((await world.scope('m1')).seq).toBe(where === 'old' ? 3 : 2);
  world.add('m2', { parents: ['m1'], message: where === 'old' ? 'nothing' : message });
  expect((await world.scope('m2')).seq).toBe(3);
});

test.each([
  ['with a NUL', 'a\0b'],
  ['with a carriage return', 'a\r\nb'],
])('tokens count in a message %s, which itself can never vote', async (_name, subject) => {
  const world = genesis();
  world.add('s', { parents: ['g'], S: '1', message: `${subject}\n\n${await tokens(world, ['x', 'y'])}\r\n` });
  expect((await world.scope('s')).seq).toBe(2);
});

test('tokens count in a commit whose signature G1 refuses', async () => {
  const world = genesis();
  const message = await tokens(world, ['x', 'y']);
  world.add('s', { parents: ['g'], S: '1', by: 'z', header: 'gpgsig-sha256 junk', message });
  expect((await world.scope('s')).seq).toBe(2);
});

/** Main is `p` with a token of y that is good, and one of x that is not. */
test.each([
  ['for another seq', async (world: World) => tokens(world, ['x'], { seq: 3 })],
  ['for another base', async (world: World) => tokens(world, ['x'], { base: 'p' })],
  ['for another next', async (world: World) => tokens(world, ['x'], { next: 'g' })],
  [
    'for another scope',
    async (world: World) => makeToken([(await approval(world)).replace(world.uid.S, world.uid.C)], 'x'),
  ],
  ['in the namespace git', async (world: World) => makeToken([await approval(world)], 'x', 'git')],
  ['in the namespace file', async (world: World) => makeToken([await approval(world)], 'x', 'file')],
  ['by a stranger', async (world: World) => tokens(world, ['stranger'])],
  ['by the same anchor', async (world: World) => tokens(world, ['y'], { round: 1 })],
  [
    'over other lines',
    async (world: World) => {
      const [good, other] = [await tokens(world, ['x']), await tokens(world, ['x'], { next: 'g' })];
      return good.slice(0, good.lastIndexOf(':')) + other.slice(other.lastIndexOf(':'));
    },
  ],
  [
    'with two lines for one scope',
    async (world: World) => makeToken([await approval(world), world.withdraw(2).split('\n')[2] ?? ''], 'x'),
  ],
  ['with a malformed line', async (world: World) => makeToken([`${await approval(world)} `], 'x')],
] as const)('G3: a token %s is no vote, and the good one beside it still is', async (_name, bad) => {
  const world = genesis();
  const message = `${await bad(world)} ${await tokens(world, ['y'])}`;
  world.add('m', { parents: ['g'], S: '1', message });
  expect((await world.scope('m')).hold).toMatchObject({ signed: ['y'], needed: 2 });
  world.add('n', { parents: ['m'], message: await tokens(world, ['x']) });
  expect((await world.scope('n')).seq).toBe(2);
});

test('G13: a signature of a commit is none of a token, and the other way round', async () => {
  const world = genesis();
  const words = await approval(world);
  world.add('m', { parents: ['g'], S: '1', message: `m\n\n${words}\n${makeToken([words], 'x')}\n`, by: 'y' });
  // The lines beside the token are the commit's own words: y has said them, and x has in the token.
  expect((await world.scope('m')).seq).toBe(2);
  const unsigned = genesis();
  unsigned.add('m', { parents: ['g'], S: '1', message: `m\n\n${words}\n${makeToken([words], 'x')}\n` });
  expect((await unsigned.scope('m')).hold).toMatchObject({ signed: ['x'] });
});

test('#23: a token of an anchor who was removed since does not count', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml({ anchors: ['x', 'y'] }) };
  world.add('r', { parents: ['g'], files });
  world.add('q', { parents: ['r'], S: '1' });
  const reconfigure = await tokens(world, ['x', 'y'], { next: 'r' });
  world.add('m', { parents: ['g'], files, message: reconfigure });
  expect((await world.scope('m')).seq).toBe(2);
  const said = { seq: 3, base: 'r', next: 'q' };
  world.add('n', { parents: ['m'], S: '1', message: await tokens(world, ['y', 'z'], said) });
  expect((await world.scope('n')).hold).toMatchObject({ signed: ['y'], missing: ['x'] });
  world.add('o', { parents: ['n'], message: await tokens(world, ['x'], said) });
  expect((await world.scope('o')).seq).toBe(3);
});

test('#128: a token for the mutation after next waits, and counts exactly if its base has become the accepted state', async () => {
  const world = genesis();
  world.add('q', { parents: ['p'], S: '2' });
  const early = await tokens(world, ['x', 'y'], { seq: 3, base: 'p', next: 'q' });
  world.add('m1', { parents: ['g'], S: '1', message: early });
  expect((await world.scope('m1')).seq).toBe(1);
  world.add('m2', { parents: ['m1'], message: await tokens(world, ['x', 'y']) });
  world.add('m3', { parents: ['m2'], S: '2' });
  expect((await world.scope('m3')).seq).toBe(3);
});

test('#20, V3: a withdrawal in a token fences, whatever the order, and a higher round votes anew', async () => {
  for (const order of [
    ['w', 'a'],
    ['a', 'w'],
  ] as const) {
    const world = genesis();
    const words = formatWithdrawal({ uid: world.uid.S, seq: 2, round: 0 });
    const said = { w: makeToken([words], 'x'), a: await tokens(world, ['x']) };
    world.add('m1', { parents: ['g'], message: said[order[0]] });
    world.add('m2', { parents: ['m1'], S: '1', message: `${said[order[1]]} ${await tokens(world, ['y'])}` });
    const scope = await world.scope('m2');
    expect(scope.hold).toMatchObject({ rule: 'V3', signed: ['y'] });
    expect(scope.lineage.flatMap(({ withdrawals }) => withdrawals)).toMatchObject([
      { anchor: 'x', form: 'detached' },
    ]);
    // Once more: nothing new was said.
    world.add('m3', { parents: ['m2'], message: said.w });
    expect((await world.scope('m3')).lineage).toEqual(scope.lineage);
    world.add('m4', { parents: ['m3'], message: await tokens(world, ['x'], { round: 1 }) });
    expect((await world.scope('m4')).seq).toBe(2);
  }
});

test('I1: a token replaces the commits of its signer, a bad one does not', async () => {
  for (const [by, signed] of [
    ['x', ['y']],
    ['stranger', ['x', 'y']],
  ] as const) {
    const world = genesis();
    world.add('a', { parents: ['g'], S: '2', by: 'x' });
    world.add('b', { parents: ['a'], S: '2', by: 'y', message: await tokens(world, [by], { next: 'p' }) });
    world.add('c', { parents: ['b'], by: 'y' });
    world.add('m', { parents: ['g', 'c'], S: '2' });
    const { seq, hold, lineage } = await world.scope('m');
    expect(hold?.signed ?? lineage.at(-1)?.votes.map(({ anchor }) => anchor)).toEqual(signed);
    expect(seq).toBe(signed.length);
  }
});

test('I3: who carries the token of another in an empty signed commit has approved nothing thereby', async () => {
  for (const [message, signed] of [
    [await tokens(genesis(), ['x']), ['x']],
    ['fine with me', ['y']],
  ] as const) {
    const world = genesis();
    world.add('m', { parents: ['p'], by: 'y', message });
    world.add('n', { parents: ['g', 'm'], S: '1' });
    expect((await world.scope('n')).hold).toMatchObject({ signed });
  }
});

test('statements: Required takes tokens', async () => {
  const world = genesis({ quorum: '{ threshold: 2, statements: Required }' });
  world.add('m', { parents: ['g'], S: '1', message: await tokens(world, ['x', 'z']) });
  expect((await world.scope('m')).seq).toBe(2);
});

test('renew and reconfigure take tokens; a new key shows possession by one', async () => {
  const world = genesis();
  const files = { 'mesh/scope.yaml': scopeYaml({ anchors: ['x', 'y', 'z', 'gus'] }) };
  world.add('r', { parents: ['g'], files });
  const said = { seq: 3, base: 'g', next: 'r' };
  world.add('m1', { parents: ['g'], message: await tokens(world, ['y', 'z'], { next: 'g' }) });
  expect((await world.scope('m1')).lineage.at(-1)).toMatchObject({ event: 'accepted', class: 'renew' });
  world.add('m2', { parents: ['m1'], files, message: await tokens(world, ['x', 'y'], said) });
  expect((await world.scope('m2')).hold?.reason).toContain('of gus has not signed');
  world.add('m3', { parents: ['m2'], message: await tokens(world, ['gus'], said) });
  expect((await world.scope('m3')).lineage.at(-1)).toMatchObject({ event: 'accepted', class: 'reconfigure' });
});

test('G16: a token whose group is not the digest of its lines says nothing, and one that is names its group', async () => {
  const world = genesis();
  const words = await approval(world, { group: 'f'.repeat(64) });
  world.add('m', { parents: ['g'], S: '1', message: makeToken([words], 'x') });
  expect((await world.scope('m')).hold).toMatchObject({ votes: [] });
});

test('G16: a token that names a group is no vote outside it, replayed in whatever message', async () => {
  const world = genesis();
  world.add('both', { parents: ['g'], S: '1', C: '1' });
  const members = (['S', 'C'] as const).map((which) => ({ which, seq: 2, base: 'g', next: 'both' }));
  const lines = (await world.approveGroup('both', members)).split('\n').slice(2, -1);
  const message = ['x', 'y'].map((by) => makeToken(lines, by)).join('\n');
  world.add('m', { parents: ['g'], S: '1', message });
  expect((await world.scope('m')).seq).toBe(1);
  // One member's line, cut out of the group and signed by nobody anew.
  const [first = ''] = lines;
  const stolen = makeToken(lines, 'x').split(':')[2] ?? '';
  const cut = `fairlead1:${Buffer.from(`${first}\n`).toString('base64url')}:${stolen}`;
  world.add('n', { parents: ['m'], message: `${message}\n${cut}` });
  expect((await world.scope('n')).seq).toBe(1);
  world.add('o', { parents: ['n'], S: '1', C: '1', message });
  expect([(await world.scope('o')).seq, (await world.scope('o', 'C')).seq]).toEqual([2, 2]);
});

test('a token that stands in many messages is one vote', async () => {
  const world = genesis();
  const mine = await tokens(world, ['x']);
  world.add('a', { parents: ['g'], message: mine });
  world.add('b', { parents: ['a'], message: `${mine} ${mine}` });
  world.add('m', { parents: ['g', 'b'], S: '1', message: mine });
  expect((await world.scope('m')).hold?.votes).toMatchObject([{ anchor: 'x', commit: world.ids.get('a') }]);
});

const junk = (count: number) =>
  Array.from(
    { length: count },
    (_, at) => `fairlead1:AAAA:${Buffer.from(`j${at}`).toString('base64url')}`,
  ).join(' ');

test('G17: over 256 tokens of one main-line commit nothing that it brings in votes; a later one does', async () => {
  const world = genesis();
  const good = await tokens(world, ['x', 'y']);
  world.add('full', { parents: ['g'], S: '1', message: `${junk(254)}\n${good}` });
  expect((await world.scope('full')).seq).toBe(2);
  world.add('side', { parents: ['g'], message: junk(200) });
  world.add('over', {
    parents: ['g', 'side'],
    S: '1',
    message: `${junk(255).slice(junk(199).length)}\n${good}`,
  });
  const { seq, hold } = await world.scope('over');
  expect(seq).toBe(1);
  expect(hold).toMatchObject({ rule: 'G17', reason: 'more than 256 tokens in one merge' });
  world.add('n', { parents: ['over'], message: 'nothing' });
  expect((await world.scope('n')).hold).toMatchObject({ votes: [] });
  world.add('o', { parents: ['n'], message: good });
  expect((await world.scope('o')).seq).toBe(2);
});

test('G17: a repeated token counts once to the cap', async () => {
  const world = genesis({ ruleset: { ...ruleset1, tokens: 2 } });
  const good = await tokens(world, ['x', 'y']);
  world.add('a', { parents: ['g'], message: good });
  world.add('m', { parents: ['g', 'a'], S: '1', message: `${good}\n${good}` });
  expect((await world.scope('m')).seq).toBe(2);
});

test('G17: forged tokens are signature checks of the merge that brings them', async () => {
  const world = genesis({ ruleset: { ...ruleset1, signatureChecks: 3 } });
  const good = await tokens(world, ['x']);
  const forged = await Promise.all(
    [1, 2, 3].map(async (round) => {
      const other = await tokens(world, ['x'], { round });
      return other.slice(0, other.lastIndexOf(':')) + good.slice(good.lastIndexOf(':'));
    }),
  );
  world.add('m', { parents: ['g'], S: '1', message: [...forged, good].join(' ') });
  expect((await world.scope('m')).hold).toMatchObject({ rule: 'G17', votes: [] });
  const both = await tokens(world, ['x', 'y']);
  world.add('n', { parents: ['m'], message: both });
  expect((await world.scope('n')).seq).toBe(2);
});
