import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import { must } from '../../src/base/must.ts';
import { type Commit, parseCommit } from '../../src/git/index.ts';
import {
  createFolder,
  createGpgKey,
  createRepository,
  createSshKey,
  run,
  type TestRepository,
} from '../repository.ts';

let repository: TestRepository;
let folder: Awaited<ReturnType<typeof createFolder>>;
let ssh: string;
let gpg: Awaited<ReturnType<typeof createGpgKey>>;

beforeAll(async () => {
  [repository, folder] = await Promise.all([createRepository(), createFolder()]);
  ssh = await createSshKey(folder.dir, 'alice');
  gpg = await createGpgKey(join(folder.dir, 'g'), 'cy');
  await repository.write('mesh/scope.yaml', 'kind: Scope\n');
});

afterAll(async () => {
  await gpg.close();
  await Promise.all([repository.close(), folder.close()]);
});

const parse = async (id: string) => parseCommit(id, await repository.raw('commit', id));

test('a commit that is kept holds its own bytes, and no pack or pool that they were read into', async () => {
  const tree = 'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904';
  const who = 'A <a@example.test> 1767225600 +0000';
  const signature = 'gpgsig -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----';
  const raw = Buffer.from(`${tree}\nauthor ${who}\ncommitter ${who}\n${signature}\n\nsays this\n`);
  const pack = Buffer.concat([Buffer.alloc(100_000), raw]);
  const { message, signature: found } = parseCommit('a'.repeat(40), pack.subarray(100_000));
  for (const bytes of [message, must(found).signed]) expect(bytes.buffer.byteLength).toBe(bytes.length);
});

/** What ssh-keygen says about the signature over the bytes that we split off. */
async function verifyBySshKeygen(commit: Commit): Promise<string> {
  const [key, mail] = [(await run('cat', [`${ssh}.pub`])).toString(), 'alice@example.test'];
  await writeFile(join(folder.dir, 'signers'), `${mail} ${key}`);
  await writeFile(join(folder.dir, 'armor'), commit.signature?.armor ?? '');
  const args = ['-Y', 'verify', '-n', 'git', '-I', mail, '-f', join(folder.dir, 'signers')];
  const input = commit.signature?.signed ?? '';
  return (await run('ssh-keygen', [...args, '-s', join(folder.dir, 'armor')], { input })).toString();
}

async function verifyByGpg(commit: Commit): Promise<string> {
  await writeFile(join(folder.dir, 'armor.asc'), commit.signature?.armor ?? '');
  const args = [
    '--batch',
    '--homedir',
    gpg.home,
    '--status-fd',
    '1',
    '--verify',
    join(folder.dir, 'armor.asc'),
    '-',
  ];
  return (await run('gpg', args, { input: commit.signature?.signed ?? '' })).toString();
}

describe('commits that git itself writes', () => {
  test('without a signature', async () => {
    const first = await repository.commit('one\n\nBody, with ünicode.');
    const second = await repository.commit('two', { author: 'Zoë <zoe@example.test>' });
    expect(await parse(second)).toMatchObject({
      id: second,
      tree: await repository.id('HEAD^{tree}'),
      parents: [first],
      author: 'Zoë <zoe@example.test>',
      signature: null,
      refusal: null,
    });
    expect(Buffer.from((await parse(first)).message).toString()).toBe('one\n\nBody, with ünicode.\n');
    expect((await parse(first)).parents).toEqual([]);
  });

  test('signed by SSH', async () => {
    const commit = await parse(await repository.commit('signed', { sign: { ssh } }));
    expect(commit).toMatchObject({ refusal: null, signature: { format: 'ssh' } });
    expect(await verifyBySshKeygen(commit)).toMatch(/^Good "git" signature/);
  });

  test('signed by OpenPGP', async () => {
    const commit = await parse(await repository.commit('signed', { sign: gpg }));
    expect(commit).toMatchObject({ refusal: null, signature: { format: 'openpgp' } });
    expect(await verifyByGpg(commit)).toContain(`VALIDSIG ${gpg.gpg}`);
  });

  test('a signed merge of a signed tag: the mergetag stays in the signed bytes', async () => {
    const base = await repository.commit('base');
    await repository.branch('side');
    await repository.write('mesh/side.yaml', 'a: 1\n');
    const side = await repository.commit('side', { sign: { ssh } });
    await repository.git(
      '-c',
      'gpg.format=ssh',
      '-c',
      `user.signingkey=${ssh}`,
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      'tag',
      '-s',
      '-m',
      'release',
      'v1',
      side,
    );
    await repository.checkout('main');
    const commit = await parse(await repository.merge('v1', 'merge v1', { sign: { ssh } }));
    expect(commit).toMatchObject({ parents: [base, side], refusal: null, signature: { format: 'ssh' } });
    expect(Buffer.from(commit.signature?.signed ?? []).toString()).toContain('\nmergetag object ');
    expect(await verifyBySshKeygen(commit)).toMatch(/^Good "git" signature/);
  });

  test('a signature inside a mergetag is not the commit’s own', async () => {
    const tip = await repository.id('main');
    await repository.git('reset', '--quiet', '--hard', 'main^');
    const commit = await parse(await repository.merge('v1', 'merge v1'));
    expect(commit).toMatchObject({ signature: null, refusal: null });
    await repository.git('reset', '--quiet', '--hard', tip);
  });

  test('in ISO-8859-1: history, never a vote', async () => {
    await repository.git('config', 'i18n.commitEncoding', 'ISO-8859-1');
    const commit = await parse(await repository.commit('caf\u00e9', { sign: { ssh } }));
    await repository.git('config', '--unset', 'i18n.commitEncoding');
    expect(commit).toMatchObject({ signature: null, refusal: 'is not encoded in UTF-8' });
    expect(commit.parents).toHaveLength(1);
  });

  test('with CRLF in the message: history, never a vote', async () => {
    await repository.git('config', 'commit.cleanup', 'verbatim');
    const commit = await parse(await repository.commit('one\r\ntwo\r\n', { sign: { ssh } }));
    await repository.git('config', '--unset', 'commit.cleanup');
    expect(commit).toMatchObject({ signature: null, refusal: 'contains a carriage return' });
  });
});

const TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const PARENT = '1111111111111111111111111111111111111111';
const PEOPLE = 'author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n';
const ARMOR = '-----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n';
const SIGNED = `${PEOPLE}gpgsig ${ARMOR}`;
const split = (text: string) => parseCommit(PARENT, Buffer.from(text, 'latin1'));

test.each([
  ['plain', `tree ${TREE}\n${SIGNED}\nm\n`],
  [
    'an unknown header before and after, with continuation',
    `tree ${TREE}\n${PEOPLE}x-a 1\n 2\ngpgsig ${ARMOR}x-b 1\n\nm\n`,
  ],
  ['encoding UTF-8', `tree ${TREE}\n${PEOPLE}encoding UTF-8\ngpgsig ${ARMOR}\nm\n`],
  ['a message that looks like headers', `tree ${TREE}\n${SIGNED}\ngpgsig ${ARMOR}\ntree ${PARENT}\n`],
  ['no message', `tree ${TREE}\n${SIGNED}\n`],
])('G1 takes %s', (_name, text) => {
  const commit = split(text);
  expect(commit.refusal).toBeNull();
  expect(commit.signature).toMatchObject({ format: 'ssh', armor: ARMOR.replaceAll('\n ', '\n') });
  expect(Buffer.from(commit.signature?.signed ?? []).toString('latin1')).toBe(
    text.replace(`gpgsig ${ARMOR}`, ''),
  );
});

test.each([
  ['two gpgsig', `${SIGNED}gpgsig ${ARMOR}`, /more than one signature/],
  ['gpgsig-sha256 beside it', `${SIGNED}gpgsig-sha256 ${ARMOR}`, /gpgsig-sha256/],
  ['gpgsig-sha256 alone', `${PEOPLE}gpgsig-sha256 ${ARMOR}`, /gpgsig-sha256/],
  ['gpgsigX', `${SIGNED}gpgsigx junk\n`, /gpgsigx/],
  ['GPGSIG in upper case', `${SIGNED}GPGSIG junk\n`, /malformed header/],
  ['a second tree', `tree ${PARENT}\n${SIGNED}`, /author/],
  ['a second tree after the people', `${SIGNED}tree ${PARENT}\n`, /tree header/],
  ['a misplaced parent', `${SIGNED}parent ${PARENT}\n`, /parent header/],
  ['a second author', `author A <a@b> 1 +0000\n${SIGNED}`, /committer/],
  ['a second author after the people', `${SIGNED}author A <a@b> 1 +0000\n`, /author header/],
  ['no author', 'committer A <a@b> 1 +0000\n', /author/],
  ['no committer', 'author A <a@b> 1 +0000\n', /committer/],
  ['a continued author', `author A <a@b>\n x\ncommitter A <a@b>\n`, /author/],
  ['a continued tree', ` x\n${SIGNED}`, /author/],
  ['two encodings', `${SIGNED}encoding UTF-8\nencoding UTF-8\n`, /encoding/],
  ['another encoding', `${SIGNED}encoding latin1\n`, /UTF-8/],
  ['a header without a value in capitals', `${SIGNED}Change-Id\n`, /malformed header/],
  ['CR in a header', `${SIGNED}x a\r\n`, /carriage return/],
])('G1 refuses %s, and the tree is the first one', (_name, headers, reason) => {
  const commit = split(`tree ${TREE}\n${headers}\nm\n`);
  expect(commit).toMatchObject({ tree: TREE, parents: [], signature: null });
  expect(commit.refusal).toMatch(reason);
});

test('G1 refuses NUL in the message, where `git log` would stop', () => {
  expect(split(`tree ${TREE}\n${SIGNED}\nm\0hidden\n`).refusal).toMatch(/NUL/);
});

test('G1 refuses a commit without a blank line', () => {
  expect(split(`tree ${TREE}\n${SIGNED}`)).toMatchObject({ refusal: 'has no blank line after its headers' });
});

test('ids in upper case are read as git reads them, and refused', () => {
  const commit = split(`tree ${TREE.toUpperCase()}\nparent ${PARENT}\n${SIGNED}\nm\n`);
  expect(commit).toMatchObject({ tree: TREE, parents: [PARENT], signature: null });
  expect(commit.refusal).toMatch(/upper case/);
});

test('#77: as many parents as bytes can hold are read as git reads them', () => {
  const commit = split(`tree ${TREE}\n${`parent ${PARENT}\n`.repeat(500_000)}${SIGNED}\nm\n`);
  expect(commit).toMatchObject({ tree: TREE, refusal: 'is larger than 1048576 bytes' });
  expect(commit.parents).toHaveLength(500_000);
});

test('a short parent line at the end is what git reads as none, and no vote', () => {
  for (const rest of ['parent \n', `parent ${PARENT.slice(1)}`, `parent ${PARENT}`]) {
    const commit = split(`tree ${TREE}\nparent ${PARENT}\n${rest}`);
    expect(commit).toMatchObject({ tree: TREE, parents: [PARENT], signature: null });
    expect(commit.refusal).not.toBeNull();
  }
});

test.each([
  [
    'a short parent line before more',
    `tree ${TREE}\nparent ${PARENT}\nparent ${PARENT.slice(1)}\n${SIGNED}\n`,
  ],
  ['a parent line that goes on', `tree ${TREE}\nparent ${PARENT}0\n${SIGNED}\n`],
  ['nothing', ''],
  ['no tree', `parent ${PARENT}\n${SIGNED}\n`],
  ['a short tree', `tree ${TREE.slice(1)}\n${SIGNED}\n`],
  ['a SHA-256 tree', `tree ${TREE}${TREE.slice(0, 24)}\n${SIGNED}\n`],
  ['a broken parent', `tree ${TREE}\nparent ${PARENT.slice(1)}\n${SIGNED}\n`],
])('%s is no commit', (_name, text) => {
  expect(() => split(text)).toThrow(expect.objectContaining({ code: 'object-malformed' }));
  expect(() => split(text)).toThrow(Failure);
});

const HEAD = `tree ${TREE}\nparent ${PARENT}\nparent ${PARENT}\n${PEOPLE}`;

test('G1: a commit of hundreds of megabytes is history and no vote, and its text is not kept', () => {
  const size = 600 * 1024 * 1024;
  const bombs = [
    { before: `${HEAD}x-large `, after: '\n\nmessage' },
    { before: `${HEAD}\nmessage `, after: '\n\nFairlead-Withdraw: none' },
  ];
  for (const { before, after } of bombs) {
    const raw = Buffer.alloc(before.length + size + after.length, 'a');
    raw.write(before, 0, 'latin1');
    raw.write(after, raw.length - after.length, 'latin1');
    const { tree, parents, message, signature, refusal } = parseCommit('f'.repeat(40), raw);
    expect({ tree, parents, signature, refusal }).toEqual({
      tree: TREE,
      parents: [PARENT, PARENT],
      signature: null,
      refusal: 'is larger than 1048576 bytes',
    });
    expect(message.buffer.byteLength).toBeLessThanOrEqual(128 * 1024);
  }
});

test('G1: a signature that is longer than any is not kept', () => {
  const armor = ARMOR.replace(' AAAA\n', ' AAAA\n'.repeat(2000));
  const commit = split(`tree ${TREE}\n${PEOPLE}gpgsig ${armor}\nm\n`);
  expect(commit).toMatchObject({ signature: null, refusal: 'has a signature of more than 8192 bytes' });
});
