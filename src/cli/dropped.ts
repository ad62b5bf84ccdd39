import type { ObjectId } from '../git/index.ts';
import type { LineState, ScopeState } from '../governance/index.ts';
import { signerOf, verifySignature } from '../signatures/index.ts';
import type { Clone } from './clone.ts';
import { fork } from './graph.ts';
import { run } from './native.ts';
import { wouldAccept } from './would-accept.ts';

/** Signatures of anchors on a branch of this clone whose content has landed without them (squash, rebase). */
export type Dropped = {
  readonly branch: string;
  readonly signatures: readonly { readonly anchor: string; readonly commit: ObjectId }[];
  /** Whether a merge of the branch, as it is, would complete the quorum. */
  readonly mergeable: boolean;
};

/** Branches that are looked at, the newest first. */
const MAX_BRANCHES = 200;

/** The branch with most of them; null where nothing is held, or none is here. Advice, never a verdict. */
export async function droppedFrom(
  clone: Clone,
  state: LineState,
  scope: ScopeState,
): Promise<Dropped | null> {
  const next = scope.hold?.candidate?.next;
  if (next === undefined) return null;
  let best: (Omit<Dropped, 'mergeable'> & { readonly tip: ObjectId }) | null = null;
  for (const { name: branch, tip } of await openBranches(clone, state.tip)) {
    const own = await clone.line.owns.own((await clone.backend.commit(tip)).tree, scope.accepted.directory);
    if (!own.ok || own.digest !== next) continue;
    const signatures = await signaturesOn(clone, state.tip, tip, scope);
    if (signatures.length > (best?.signatures.length ?? 0)) best = { branch, tip, signatures };
  }
  if (best === null) return null;
  const { tip, ...found } = best;
  const { prospects } = await wouldAccept(clone, state, tip);
  const after = prospects.find(({ uid }) => uid === scope.uid);
  return { ...found, mergeable: after?.verdict === 'accepted' };
}

type Branch = { readonly name: string; readonly tip: ObjectId };

/** Branches that the main line does not contain. Without git none is found. */
async function openBranches({ folder }: Clone, mainTip: ObjectId): Promise<readonly Branch[]> {
  const format = ['--format=%(objectname) %(refname)', '--sort=-committerdate', `--count=${MAX_BRANCHES}`];
  const places = ['refs/heads', 'refs/remotes', 'refs/pull', 'refs/merge-requests'];
  const args = ['-C', folder, 'for-each-ref', ...format, `--no-merged=${mainTip}`, ...places];
  const { code, out } = await run('git', args).catch(() => ({ code: 1, out: '' }));
  if (code !== 0) return [];
  return out.split('\n').flatMap((line) => {
    const [, tip, ref] = /^([0-9a-f]{40}) (\S+)$/.exec(line) ?? [];
    return tip === undefined || ref === undefined ? [] : [{ tip, name: shortName(ref) }];
  });
}

function shortName(ref: string): string {
  return ref.replace(/^refs\/(?:heads|remotes)\//, '');
}

async function signaturesOn(
  { backend }: Clone,
  mainTip: ObjectId,
  tip: ObjectId,
  { policy }: ScopeState,
): Promise<Dropped['signatures']> {
  const keys = policy.anchors.flatMap((anchor) => anchor.keys);
  const found: { anchor: string; commit: ObjectId }[] = [];
  for (const { id, signature } of (await fork(backend, mainTip, tip)).fresh.values()) {
    const key = signature === null ? null : signerOf(signature, keys);
    const anchor = policy.anchors.find((each) => key !== null && each.keys.includes(key));
    if (signature === null || key === null || anchor === undefined) continue;
    if ((await verifySignature(signature, key, 'git')).ok) found.push({ anchor: anchor.name, commit: id });
  }
  return found;
}
