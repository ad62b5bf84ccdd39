import { access, chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { Failure } from '../../src/base/failure.ts';
import { createTreeDigests, type GitBackend, openIsomorphic, openNative } from '../../src/git/index.ts';
import {
  follow,
  formatVerification,
  type Line,
  type LineState,
  openLine,
  type ScopeState,
} from '../../src/governance/index.ts';
import { type Ruleset, ruleset1 } from '../../src/policy/index.ts';
import { forgeKeys } from '../../src/signatures/index.ts';
import { gitEnvironment, run as runProgram } from '../repository.ts';
import type { Run, ScopeExpectation, Setup, Step } from './format.ts';

/** The cases are signed with published test keys, which ruleset 1 refuses elsewhere: nothing else of it is different. */
const ruleset: Ruleset = { ...ruleset1, refusedKeys: forgeKeys };

/**
 * How a history is read: in one go, or every main-line commit on its own, with one backend each. That both say the same
 * shows that neither the reader nor the number of commits that arrive at once decides anything (C5).
 */
const READERS: Readonly<Record<string, Reader>> = {
  isomorphic: { open: (gitdir) => openIsomorphic({ gitdir }), polls: 'once' },
  native: { open: (gitdir) => openNative({ gitdir, environment: process.env }), polls: 'each commit' },
};
type Reader = {
  readonly open: (gitdir: string) => Promise<GitBackend>;
  readonly polls: 'once' | 'each commit';
};

/** What a verifier made of a run. `verifications` is the whole answer after each step. */
export type Played = { readonly steps: readonly Step[]; readonly verifications: readonly string[] };

export const readerNames = Object.keys(READERS);

/** A git folder with the objects of a bundle; loose where a run wants to damage one. */
export async function unbundle(file: string, gitdir: string, how: 'packed' | 'loose'): Promise<void> {
  const bytes = await readFile(file);
  const pack = bytes.subarray(bytes.indexOf('\n\n') + 2);
  for (const folder of ['objects/pack', 'refs/heads']) await mkdir(join(gitdir, folder), { recursive: true });
  await writeFile(join(gitdir, 'HEAD'), 'ref: refs/heads/main\n');
  await writeFile(join(gitdir, 'config'), '[core]\n\trepositoryformatversion = 0\n\tbare = true\n');
  const args = how === 'packed' ? ['index-pack', '--stdin'] : ['unpack-objects', '-q'];
  await runProgram('git', args, { cwd: gitdir, env: { ...gitEnvironment, GIT_DIR: gitdir }, input: pack });
}

export function damages({ setup = [] }: Run): boolean {
  return setup.some((each) => each.do !== 'write');
}

/** A copy of a git folder to which a setup was applied. */
export async function prepare(from: string, to: string, setup: readonly Setup[]): Promise<void> {
  await cp(from, to, { recursive: true });
  for (const each of setup) await apply(to, each);
}

async function apply(gitdir: string, setup: Setup): Promise<void> {
  if (setup.do === 'write') {
    const file = join(gitdir, setup.path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, setup.text);
    if (setup.executable) await chmod(file, 0o755);
    return;
  }
  const { object } = setup;
  const file = join(gitdir, 'objects', object.slice(0, 2), object.slice(2));
  await access(file);
  await rm(file);
  if (setup.do === 'remove-object') return;
  const header = `blob ${Buffer.byteLength(setup.blob)}\0`;
  await writeFile(file, deflateSync(Buffer.concat([Buffer.from(header), Buffer.from(setup.blob)])));
}

/** A verifier's reader of a git folder, which may refuse to open it. */
export type Opened = { readonly reader: Reader; readonly git: GitBackend | null; close(): Promise<void> };

export async function openReader(name: string, gitdir: string): Promise<Opened> {
  const reader = READERS[name];
  if (reader === undefined) throw new Error(`no reader ${name}`);
  try {
    const git = await reader.open(gitdir);
    return { reader, git, close: () => git.close() };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { reader, git: null, close: async () => {} };
  }
}

export async function play({ reader, git }: Opened, { pin, steps }: Run): Promise<Played> {
  if (git === null)
    return { steps: steps.map(({ offer }) => ({ offer, outcome: 'unavailable' })), verifications: [] };
  return playSteps({ git, reader, line: openLine(git, createTreeDigests(git), pin, ruleset) }, steps);
}

type Player = { readonly git: GitBackend; readonly reader: Reader; readonly line: Line };
type Served = { readonly tip: string; readonly state: LineState } | null;

async function playSteps(player: Player, steps: readonly Step[]): Promise<Played> {
  const played: Step[] = [];
  const verifications: string[] = [];
  let served: Served = null;
  for (const { offer } of steps) {
    const made: Made = await playStep(player, served, offer).catch((error: unknown) =>
      unavailable(error, served),
    );
    served = made.served;
    if (served !== null) verifications.push(formatVerification(served.state));
    const scopes = served === null ? {} : { scopes: [...served.state.scopes.values()].map(toExpectation) };
    played.push({ offer, ...made.said, ...scopes });
  }
  return { steps: played, verifications };
}

type Made = { readonly said: Pick<Step, 'outcome' | 'rule'>; readonly served: Served };

async function playStep({ git, reader, line }: Player, served: Served, offer: string): Promise<Made> {
  const { outcome, ...why } = await follow(line, git, served?.tip ?? null, offer);
  if (outcome === 'refused') return { said: { outcome, ...('rule' in why && { rule: why.rule }) }, served };
  if (outcome !== 'followed') return { said: { outcome }, served };
  for (const tip of reader.polls === 'once' ? [] : await mainLine(line, offer)) await line.state(tip);
  const verdict = await line.state(offer);
  if (!verdict.ok) return { said: { outcome: 'refused', rule: verdict.rule }, served };
  return { said: { outcome }, served: { tip: offer, state: verdict.state } };
}

async function mainLine(line: Line, tip: string): Promise<readonly string[]> {
  return (await line.chain(tip, new Set([line.pin.commit])))?.toReversed() ?? [];
}

function unavailable(error: unknown, served: Served): Made {
  if (!(error instanceof Failure)) throw error;
  return { said: { outcome: 'unavailable' }, served };
}

function toExpectation(scope: ScopeState): ScopeExpectation {
  const { path, uid, seq, accepted, hold, lineage, status } = scope;
  const last = lineage.findLast(({ event }) => event === 'accepted');
  const votes = hold === null ? (last?.votes ?? []) : hold.votes;
  const voters = new Set(votes.filter(({ policy }) => policy === 'old').map(({ anchor }) => anchor));
  const signed = [...voters].sort();
  const state = status === 'Tombstone' ? 'Gone' : hold === null ? 'Accepted' : 'Held';
  const standing = status === 'Live' ? {} : { status };
  const rule = hold?.rule ?? null;
  return { path, uid, seq, state, ...standing, accepted: accepted.digest, rule, signed };
}
