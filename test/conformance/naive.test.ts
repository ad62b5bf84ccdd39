import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Objects, openIsomorphic } from '../../src/git/index.ts';
import {
  type AnchorKey,
  parseOpenpgpKey,
  parseSshKey,
  signerOf,
  verifySignature,
} from '../../src/signatures/index.ts';
import { readToken, tokenRuns } from '../../src/votes/token.ts';
import type { Commit } from '../governance/naive/history.ts';
import { states } from '../governance/naive/line.ts';
import { keyOf } from '../governance/naive/policy.ts';
import type { State } from '../governance/naive/state.ts';
import { fingerprints, openpgpCertificate, openpgpNames, sshNames, sshPublicKey } from '../keys/index.ts';
import { createFolder } from '../repository.ts';
import type { Expectation, Step } from './format.ts';
import { unbundle } from './play.ts';

/**
 * Another implementation runs the cases: the naive one, which shares no rule with `src/governance`. It is told who signed
 * a commit or a token, and knows no bytes of git, certificates, caps or YAML: cases that are about these are not its subject.
 */
const SUBJECT = new Set([
  ...[
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
    '8',
    '9',
    '11',
    '13',
    '15',
    '16',
    '17',
    '18',
    '19',
    '20',
    '21',
    '22',
    '23',
    '24',
  ],
  ...['27', '37', '38', '39', '40', '46', '47', '49', '55', '56', '57', '58', '59', '60', '61', '62', '63'],
  ...[
    '75',
    '78',
    '79',
    '80',
    '81',
    '82',
    '83',
    '84',
    '85',
    '86',
    '87',
    '88',
    '89',
    '91',
    '93',
    '94',
    '95',
    '96',
  ],
  ...[
    '97',
    '98',
    '99',
    '100',
    '101',
    '102',
    '103',
    '104',
    '105',
    '106',
    '107',
    '108',
    '109',
    '110',
    '111',
    '113',
  ],
  ...['114', '115', '117', '118', '121', '122', '123', '125', '126', '127', '128', '129', '130', '131'],
  ...Array.from({ length: 14 }, (_, at) => `C${at + 1}`),
]);

const data = join(import.meta.dirname, 'data');
const cases = readdirSync(data)
  .map((folder) => {
    const text = readFileSync(join(data, folder, 'expectation.json'), 'utf8');
    return { folder, ...(JSON.parse(text) as Expectation) };
  })
  .filter(({ number }) => SUBJECT.has(number));

let scratch: { dir: string; close(): Promise<void> };
let keys: ReadonlyMap<AnchorKey, string>;
beforeAll(async () => {
  scratch = await createFolder();
  keys = await readKeys();
});
afterAll(() => scratch.close());

test.each(cases)('the naive implementation agrees on #$number $title', async ({ folder, runs }) => {
  expect.hasAssertions();
  const gitdir = join(scratch.dir, folder);
  await unbundle(join(data, folder, 'history.bundle'), gitdir, 'packed');
  const git = await openIsomorphic({ gitdir });
  const source = await readSource(
    git,
    runs.flatMap(({ steps }) => steps.map(({ offer }) => offer)),
  );
  for (const { name, pin, steps, setup } of runs) {
    if (setup !== undefined) continue;
    const known = new Map<string, readonly State[]>();
    for (const { offer, outcome, scopes } of steps) {
      if (outcome !== 'followed' || scopes === undefined) continue;
      const state = states({ ...source, genesis: pin.commit }, offer, known).at(-1) ?? new Map();
      expect(factsOf(state), name).toEqual(wanted(scopes));
    }
  }
  await git.close();
});

function factsOf(state: State) {
  const facts = [...state].map(([uid, { seq, digest, isLive, isHeld }]) => {
    const standing = isLive ? (isHeld ? 'Held' : 'Accepted') : 'Gone';
    return [uid, { seq, state: standing, accepted: isLive ? digest : 'gone' }] as const;
  });
  return Object.fromEntries(facts);
}

function wanted(scopes: NonNullable<Step['scopes']>) {
  const facts = scopes.map(({ uid, seq, state, accepted }) => [
    uid,
    { seq, state, accepted: state === 'Gone' ? 'gone' : accepted },
  ]);
  return Object.fromEntries(facts);
}

async function readKeys(): Promise<ReadonlyMap<AnchorKey, string>> {
  const found = new Map<AnchorKey, string>();
  for (const name of sshNames) {
    const read = parseSshKey(sshPublicKey(name));
    if (read.ok) found.set(read.key, keyOf(sshPublicKey(name)));
  }
  for (const name of openpgpNames) {
    const read = await parseOpenpgpKey(openpgpCertificate(name), fingerprints[name]);
    if (read.ok) found.set(read.key, fingerprints[name]);
  }
  return found;
}

/** Every commit of these tips as the naive implementation knows one: its files, and who signed. */
async function readSource(objects: Objects, tips: readonly string[]) {
  const commits = new Map<string, Commit>();
  const tokens = new Map<string, string>();
  const pending = [...tips];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (commits.has(id)) continue;
    const { parents, tree, message, signature } = await objects.commit(id);
    const signer = signature === null ? null : await signerIn(signature, 'git');
    const files = new Map(await readFiles(objects, tree, ''));
    commits.set(id, { id, parents, files, signer, message: Buffer.from(message).toString() });
    for (const run of tokenRuns(message)) {
      const read = readToken(run);
      const by = read === null ? null : await signerIn(read.signature, 'fairlead');
      if (by !== null) tokens.set(run, by);
    }
    pending.push(...parents);
  }
  return { commits, signerOfToken: (token: string) => tokens.get(token) ?? null };
}

async function signerIn(
  signature: Parameters<typeof signerOf>[0],
  namespace: 'git' | 'fairlead',
): Promise<string | null> {
  const key = signerOf(signature, [...keys.keys()]);
  if (key === null || !(await verifySignature(signature, key, namespace)).ok) return null;
  return keys.get(key) ?? null;
}

async function readFiles(
  objects: Objects,
  tree: string,
  prefix: string,
): Promise<readonly (readonly [path: string, text: string])[]> {
  const found: (readonly [string, string])[] = [];
  for (const { mode, name, id } of await objects.tree(tree)) {
    if (mode === '40000') found.push(...(await readFiles(objects, id, `${prefix}${name}/`)));
    else found.push([`${prefix}${name}`, Buffer.from(await objects.blob(id)).toString()]);
  }
  return found;
}
