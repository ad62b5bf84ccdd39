import { Failure } from '../base/failure.ts';
import { indexesApart } from '../base/lists.ts';
import type { LineState, Pin, ScopeState } from '../governance/index.ts';
import { type Files, replaceFile } from './files.ts';
import { closed, is, isDigest, isId, isSeq, isText, listOf, mapOf, parsed } from './shape.ts';

/** By uid, in groups of `GROUP`: a group that says the same as before is the same object, so that its text is. */
type WitnessedScopes = readonly WitnessedGroup[];
type WitnessedGroup = readonly (readonly [uid: string, scope: WitnessedScope])[];

const GROUP = 64;

/** What one scope stood at when its line was last followed. */
type WitnessedScope = {
  readonly path: string;
  readonly seq: number;
  readonly epoch: string;
  readonly digest: string;
};

/** A tip that Following refused (G9); its objects stay in the store. */
export type RefusedTip = { readonly tip: string; readonly rule: string; readonly reason: string };

/** The one memory that cannot be derived from git (G20): the followed tip, and what was seen there. */
export type Witness = {
  readonly repository: string;
  readonly genesis: string;
  readonly path: string;
  readonly tip: string;
  readonly scopes: WitnessedScopes;
  /** The latest last; at most `MAX_REFUSED`. */
  readonly refused: readonly RefusedTip[];
};

export const MAX_REFUSED = 32;
const HEADER = { apiVersion: 'fairlead.dev/v1alpha1', kind: 'Witness' } as const;

/** The witness of a state that was just verified; `before` is the last one, if any. */
export function witnessOf(repository: string, state: LineState, before: Witness | null): Witness {
  const { pin, tip } = state;
  const scopes = groupsOf([...state.scopes.values()], before?.scopes ?? []);
  return { repository, genesis: pin.commit, path: pin.path, tip, scopes, refused: before?.refused ?? [] };
}

/** The scopes that a group was made of. */
const grouped = new WeakMap<WitnessedGroup, readonly ScopeState[]>();

function groupsOf(scopes: readonly ScopeState[], before: WitnessedScopes): WitnessedScopes {
  const groups: WitnessedGroup[] = [];
  for (let at = 0; at < scopes.length; at += GROUP) {
    const own = scopes.slice(at, at + GROUP);
    const old = before[groups.length];
    const of = old && grouped.get(old);
    const isSame = of?.length === own.length && indexesApart(own, of).length === 0;
    const group = isSame && old ? old : own.map((scope) => [scope.uid, witnessedOf(scope)] as const);
    grouped.set(group, own);
    groups.push(group);
  }
  return groups;
}

function witnessedOf({ path, seq, accepted, epoch }: ScopeState): WitnessedScope {
  return { path, seq, epoch: epoch.commit, digest: accepted.digest };
}

/** Keeps a refused tip once, as evidence. */
export function withRefused(witness: Witness, refused: RefusedTip): Witness {
  const others = witness.refused.filter(({ tip }) => tip !== refused.tip);
  return { ...witness, refused: [...others, refused].slice(-MAX_REFUSED) };
}

/** uids whose derived state at the followed tip is not what was witnessed there; empty when they agree. */
export function disagreements(witness: Witness, state: LineState): readonly string[] {
  const witnessed = new Map(witness.scopes.flat());
  const uids = new Set([...state.scopes.keys(), ...witnessed.keys()]);
  return [...uids].filter((uid) => {
    const scope = state.scopes.get(uid);
    const [seen, now] = [witnessed.get(uid), scope && witnessedOf(scope)];
    return seen?.seq !== now?.seq || seen?.epoch !== now?.epoch || seen?.digest !== now?.digest;
  });
}

/**
 * Crash-safe. Throws `Failure` `disk-full | data-unwritable`; then the old one still stands, or the new one does and may be
 * lost with the machine's power (`isOnDisk`).
 */
export async function writeWitness(files: Files, file: string, witness: Witness): Promise<void> {
  await replaceFile(files, file, textOf(witness));
}

/** Whether this very witness is what the next start reads; where nobody can tell, it is not. */
export async function isOnDisk(files: Files, file: string, witness: Witness): Promise<boolean> {
  try {
    return (await files.read(file)) === textOf(witness);
  } catch {
    return false;
  }
}

/** One line for each scope: of a long file, only the lines of groups that changed are made anew. */
function textOf({ scopes, ...rest }: Witness): string {
  const head = JSON.stringify({ ...HEADER, ...rest }, null, 2).slice(0, -'\n}'.length);
  return `${head},\n  "scopes": {\n${scopes.map(linesOf).join(',\n')}\n  }\n}\n`;
}

const texts = new WeakMap<WitnessedGroup, string>();

function linesOf(group: WitnessedGroup): string {
  const lines = () => group.map(([uid, scope]) => `${JSON.stringify(uid)}: ${JSON.stringify(scope)}`);
  const text = texts.get(group) ?? lines().join(',\n');
  texts.set(group, text);
  return text;
}

/**
 * Null on the first start. Throws `Failure` `witness-corrupt`, or `witness-mismatch` where it is of another pin:
 * starting without it would silently forget what was followed, so an operator decides.
 */
export async function readWitness(
  files: Files,
  file: string,
  repository: string,
  pin: Pin,
): Promise<Witness | null> {
  const text = await files.read(file);
  if (text === null) return null;
  const witness = parseWitness(text);
  const fix = `restore ${file} from a backup; or remove it to trust the pin and the remote anew`;
  if (witness === null) throw new Failure('witness-corrupt', `${file} is not a whole witness`, fix);
  const same =
    witness.repository === repository && witness.genesis === pin.commit && witness.path === pin.path;
  if (!same) {
    const of = `${witness.repository}, genesis ${witness.genesis}, path ${witness.path}`;
    throw new Failure('witness-mismatch', `${file} is of another pin: ${of}`, fix);
  }
  return witness;
}

/** Strict: null for anything that `writeWitness` would not have written. */
function parseWitness(text: string): Witness | null {
  const value = parsed(text);
  const shape = {
    apiVersion: is(HEADER.apiVersion),
    kind: is(HEADER.kind),
    repository: isText,
    genesis: isId,
  };
  const more = {
    path: isText,
    tip: isId,
    scopes: mapOf(isDigest, SCOPE),
    refused: listOf(REFUSED, MAX_REFUSED),
  };
  return closed({ ...shape, ...more })(value) ? fromFile(value as Written) : null;
}

type Written = Omit<Witness, 'scopes'> & { readonly scopes: Readonly<Record<string, WitnessedScope>> };

function fromFile({ repository, genesis, path, tip, scopes, refused }: Written): Witness {
  const all = Object.entries(scopes);
  const groups = Array.from({ length: Math.ceil(all.length / GROUP) }, (_, index) =>
    all.slice(index * GROUP, (index + 1) * GROUP),
  );
  return { repository, genesis, path, tip, scopes: groups, refused };
}

const SCOPE = closed({ path: isText, seq: isSeq, epoch: isId, digest: isDigest });
const REFUSED = closed({ tip: isId, rule: isText, reason: isText });
