import { join } from 'node:path';
import { Failure } from '../base/failure.ts';
import type { ObjectId, Objects } from '../git/index.ts';
import type { Line, LineageEntry, LineState, Pin } from '../governance/index.ts';
import { type Files, replaceFile } from './files.ts';
import type { RefusedTip } from './witness.ts';

/** Where proofs are kept: a JSON file for each refused tip, and refs in the store, so that both sides stay in it. */
export type ProofPlaces = { readonly folder: string; readonly gitdir: string };

/** One accepted mutation of a side: the main-line commit, and what was signed for it. */
type SignedSide = {
  readonly commit: ObjectId;
  readonly next: string | null;
  readonly votes: readonly SignedVote[];
};

/** A vote with the very bytes, so that a reader needs neither repository: `armor` is a signature over `signed` (base64). */
type SignedVote = LineageEntry['votes'][number] & {
  readonly armor: string | null;
  readonly signed: string;
};

/** Two mutations of one scope with the same seq and base that both had a quorum. `both`: whoever signed for each. */
type Conflict = {
  readonly uid: string;
  readonly path: string;
  readonly seq: number;
  readonly base: string | null;
  readonly both: readonly string[];
  readonly followed: SignedSide;
  readonly refused: SignedSide;
};

/** Both sides of a refused Following (G20), as evidence: whoever has the pin and the objects judges them again. */
export type Proof = {
  readonly repository: string;
  readonly pin: Pin;
  readonly followed: ObjectId;
  readonly refused: RefusedTip;
  /** The last main-line commit that both have; null for another genesis. */
  readonly fork: ObjectId | null;
  /** Null where the refused side was not judged: it is on no line of the pin, incomplete, or too long. */
  readonly conflicts: readonly Conflict[] | null;
};

/** The first evidence is the best: later ones never push it out. */
export const MAX_PROOFS = 100;
/** Main-line commits of a refused side that are judged for the evidence's sake. */
const MAX_JUDGED = 10_000;
const HEADER = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Proof' } as const;

/** Makes the proof of a tip that was refused while `followed` was served. Throws `Failure` where that side is incomplete. */
export async function proofOf(
  repository: string,
  line: Line,
  objects: Objects,
  followed: LineState,
  refused: RefusedTip,
): Promise<Proof> {
  const ours = await line.chain(followed.tip, new Set([line.pin.commit]));
  const theirs = await line.chain(refused.tip, new Set(ours));
  const isJudged = theirs !== null && theirs.length <= MAX_JUDGED;
  const other = isJudged ? await stateIfWhole(line, refused.tip) : null;
  const conflicts = other === null ? null : await conflictsOf(objects, followed, other);
  const fork = theirs?.at(-1) ?? null;
  return { repository, pin: line.pin, followed: followed.tip, refused, fork, conflicts };
}

/** Whoever withholds objects of the refused side must not keep us from refusing it. */
async function stateIfWhole(line: Line, tip: ObjectId): Promise<LineState | null> {
  try {
    const verdict = await line.state(tip);
    return verdict.ok ? verdict.state : null;
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

async function conflictsOf(
  objects: Objects,
  left: LineState,
  right: LineState,
): Promise<readonly Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const { uid, path, lineage } of left.scopes.values()) {
    const found = firstConflict(lineage, right.scopes.get(uid)?.lineage ?? []);
    if (found === null) continue;
    const [followed, refused] = [await sideOf(objects, found[0]), await sideOf(objects, found[1])];
    const others = new Set(refused.votes.map(({ anchor }) => anchor));
    const both = [...new Set(followed.votes.map(({ anchor }) => anchor))].filter((name) => others.has(name));
    conflicts.push({ uid, path, seq: found[0].seq, base: found[0].base, both, followed, refused });
  }
  return conflicts;
}

/** What follows the first one has other bases: it is its consequence. */
function firstConflict(
  ours: readonly LineageEntry[],
  theirs: readonly LineageEntry[],
): readonly [LineageEntry, LineageEntry] | null {
  for (const entry of ours.filter(({ event }) => event === 'accepted')) {
    const other = theirs.find(({ event, seq }) => event === 'accepted' && seq === entry.seq);
    if (other === undefined || other.base !== entry.base) return null;
    if (other.next !== entry.next) return [entry, other];
  }
  return null;
}

async function sideOf(objects: Objects, { commit, next, votes }: LineageEntry): Promise<SignedSide> {
  const signed: SignedVote[] = [];
  for (const vote of votes) {
    const { signature, message } = await objects.commit(vote.commit);
    const bytes = signature?.signed ?? message;
    signed.push({ ...vote, armor: signature?.armor ?? null, signed: Buffer.from(bytes).toString('base64') });
  }
  return { commit, next, votes: signed };
}

/**
 * Writes a proof once, crash-safe; false where there are `MAX_PROOFS` others. Its refs come first: with
 * `fairlead verify --repository <gitdir> --tip refs/proofs/<refused>/refused` each side is judged again.
 */
export async function keepProof(
  files: Files,
  { folder, gitdir }: ProofPlaces,
  proof: Proof,
): Promise<boolean> {
  const { tip } = proof.refused;
  const file = join(folder, `${tip}.json`);
  await files.makeDirectory(folder);
  const kept = await files.list(folder);
  if (kept.includes(`${tip}.json`)) return true;
  if (kept.length >= MAX_PROOFS) return false;
  const refs = join(gitdir, 'refs', 'proofs', tip);
  await files.makeDirectory(refs);
  await replaceFile(files, join(refs, 'followed'), `${proof.followed}\n`);
  await replaceFile(files, join(refs, 'refused'), `${tip}\n`);
  await replaceFile(files, file, `${JSON.stringify({ ...HEADER, ...proof }, null, 2)}\n`);
  return true;
}
