import { must } from '../base/must.ts';
import { type Ask, type Delegation, hasForward, type Own, readable } from '../policy/index.ts';
import { tooDeep, usedUid } from './birth.ts';
import type { Proposed } from './candidate.ts';
import { heightOf, indexOf, isBelow, type Site, scopeAt } from './locate.ts';
import { trustDomainOf } from './reconfigure.ts';
import type { Case, Cases } from './survey.ts';
import type { ScopeState } from './types.ts';

/** What an ask is looked at with. */
type Look = { readonly site: Site; readonly cases: Cases; readonly asker: Case; readonly ask: Ask };
type Against = Proposed['refusal'];

/** Why a structural mutation cannot be, whoever signs; by what the records ask for (governance.md, Structural mutations). */
const CHECKS: Readonly<Record<Ask['kind'], (look: Look) => Against | Promise<Against>>> = {
  // What a new child itself must be, `firstMutation` says.
  create: () => null,
  edit: () => null,
  withdraw: () => null,
  list: ({ site, ask }) => usedUid(site, ask.uid),
  restore: ({ site, cases, ask }) => (ask.next?.path === null ? null : consents(site, cases, ask.uid)),
  dissolve: (look) => ends(look),
  merge: async (look) => (await ends(look)) ?? merges(look),
  emigrate: (look) => emigrates(look),
  rename: async ({ site, cases, asker, ask }) =>
    (await moves(site, cases, asker.scope, ask)) ?? renamed(site, asker, ask),
  arrive: (look) => arrives(look),
  leave: ({ site, cases, ask }) => {
    const taker = cases.get(site.moves.get(ask.uid)?.by ?? '');
    const isTaken =
      taker?.refusal === null && taker.asks.some(({ kind, uid }) => kind === 'arrive' && uid === ask.uid);
    return isTaken ? null : no('Structural', 'it is forwarded, and no scope takes it');
  },
};

export async function askRefusal(site: Site, cases: Cases, asker: Case, ask: Ask): Promise<Against> {
  return CHECKS[ask.kind]({ site, cases, asker, ask });
}

function no(rule: string, reason: string): Against {
  return { rule, reason };
}

/** `base = next`: who only consents stands there as it was accepted. */
function consents(site: Site, cases: Cases, uid: string): Against {
  const scope = scopeAt(site, uid);
  if (scope === null) return no('G19', 'no such scope lives in this repository');
  const own = cases.get(uid)?.own;
  if (own?.ok === true && own.digest === scope.accepted.digest) return null;
  return no(
    'Structural',
    `${scope.directory} is not as it was accepted: first let its change be accepted, or take it back`,
  );
}

async function vacated({ owns, tree }: Site, directory: string): Promise<Against> {
  const left = await owns.place(tree, directory);
  return left === null ? null : no('Structural', `its old place ${directory} still exists: remove it`);
}

/** Dissolve, merge and a move to an own repository end a scope here; its place is empty, and nobody is orphaned. */
async function ends({ site, asker, ask }: Look): Promise<Against> {
  const scope = scopeAt(site, ask.uid);
  if (scope === null || scope.parent !== asker.scope.uid) return no('G19', 'no such scope lives here');
  const name = must(ask.old).path;
  if (asker.own.ok && asker.own.files.some(({ path }) => path === name))
    return no('Structural', `a file stands at its old place ${name}: remove it`);
  const [child] = indexOf(site.state).children.get(ask.uid) ?? [];
  const below =
    child === undefined ? await livesElsewhere(site, scope, ask) : site.state.scopes.get(child)?.path;
  // #125: children first.
  if (below !== undefined) return no('Structural', `${below} lives below it: children first`);
  return vacated(site, scope.directory);
}

/** A child with a repository of its own goes along with a scope that moves, and would be lost with one that ends. */
async function livesElsewhere({ owns }: Site, scope: ScopeState, { kind }: Ask): Promise<string | undefined> {
  if (kind === 'emigrate') return undefined;
  const records = await owns.delegations(scope.accepted.tree);
  return records.find(({ live }) => live)?.name;
}

function merges({ site, cases, asker, ask }: Look): Against {
  const into = must(ask.next).successor;
  if (into === asker.scope.uid) return null;
  const record = asker.records.after.find(({ uid, live, path }) => uid === into && live && path !== null);
  if (record === undefined)
    return no('Structural', 'its successor is neither this scope nor a live one beside it');
  if (asker.born.some(({ scope }) => scope.uid === into)) return null;
  const taker = cases.get(record.uid);
  if (taker?.alone?.class === 'renew') return null;
  const isTaking =
    taker?.alone?.class === 'update' && taker.refusal === null && site.state.scopes.has(record.uid);
  if (!isTaking || taker.changes.some(({ change }) => change !== 'added'))
    return no('Structural', `${record.name} changes by more than the files that enter it`);
  return null;
}

async function emigrates(look: Look): Promise<Against> {
  const { site, ask } = look;
  const against = await ends(look);
  const [scope, repository] = [scopeAt(site, ask.uid), ask.next?.repository];
  if (against !== null || scope === null || repository == null) return against;
  // The last seq here is the first one there: a number is never used twice.
  if (repository.digest === scope.accepted.digest && repository.seq === scope.seq + 1) return null;
  return no('Structural', `its record must say digest ${scope.accepted.digest} and seq ${scope.seq + 1}`);
}

async function arrives({ site, cases, asker, ask }: Look): Promise<Against> {
  const moved = site.state.scopes.get(ask.uid);
  const giver = cases.get(moved?.parent ?? '');
  if (moved === undefined || moved.parent === null) return no('Structural', 'a root does not move');
  if (giver?.refusal !== null || !giver.asks.some(({ kind, uid }) => kind === 'leave' && uid === ask.uid)) {
    const old = site.state.scopes.get(moved.parent)?.path;
    return no('Structural', `it lives at ${moved.path}, and the record of ${old} does not let it go`);
  }
  const path = `${asker.scope.path}.${ask.next?.name}`;
  return forwards(giver.records.after, moved, path) ?? moves(site, cases, asker.scope, ask);
}

/** What every move has to keep: no cycle, the trust domain, the depth, the bytes; and the old place is empty. */
async function moves(site: Site, cases: Cases, taker: ScopeState, { uid }: Ask): Promise<Against> {
  const { scopes } = site.state;
  const [moved, located] = [scopes.get(uid), scopeAt(site, uid)];
  if (moved === undefined || located === null) return no('G19', 'no such scope lives here');
  if (isBelow(scopes, taker.uid, uid)) return no('Structural', 'it cannot stand below itself');
  if (site.moves.get(uid)?.by !== taker.uid)
    return no('Structural', 'it cannot move here together with what moves already');
  const [before, after] = [
    trustDomainOf(scopes, uid),
    moved.policy.trustDomain ?? trustDomainOf(scopes, taker.uid),
  ];
  if (before !== after) return no('Structural', `its trust domain would change: ${before} to ${after}`);
  const deep = tooDeep(site, taker.uid, heightOf(indexOf(site.state), uid));
  if (deep !== null) return no('G17', deep);
  const isVacated = moved.directory === located.directory ? null : await vacated(site, moved.directory);
  return consents(site, cases, uid) ?? isVacated;
}

function renamed({ state }: Site, { scope, records }: Case, { uid, next }: Ask): Against {
  const moved = state.scopes.get(uid);
  const isNamed = moved === undefined || moved.name === next?.name;
  return isNamed ? null : forwards(records.after, moved, `${scope.path}.${next?.name}`);
}

/** Who follows the old name finds the new one. */
function forwards(records: readonly Delegation[], { uid, name }: ScopeState, path: string): Against {
  if (hasForward(records, uid, name, path)) return null;
  return no('Structural', `at its old name ${name} there is no record that forwards to ${path}`);
}

/** The first file that leaves the asking scope's own tree and is, byte for byte, in no scope that its records create. */
export async function leaves({ owns }: Site, { scope, changes, born }: Case): Promise<string | null> {
  const taken = contents(born.map(({ own }) => own));
  return missing(leaving(changes), await owns.read(scope.accepted.tree), taken);
}

/** Which of the scopes that its records create have a file that leaves. */
export async function takers({ owns }: Site, { scope, changes, born }: Case): Promise<readonly string[]> {
  if (born.length === 0) return [];
  const gone = new Set(leaving(changes).map(({ path }) => path));
  const { files } = readable(await owns.read(scope.accepted.tree));
  const left = new Set(files.flatMap(({ path, sha256 }) => (gone.has(path) ? sha256 : [])));
  const isTaker = ({ own }: Case) => own.ok && own.files.some(({ sha256 }) => left.has(sha256));
  return born.filter(isTaker).map((each) => each.scope.uid);
}

/** The first file that enters and left no scope that ends here with this one as its successor. */
export async function enters(site: Site, cases: Cases, asker: Case): Promise<string | null> {
  const into = asker.asks.flatMap(({ kind, next }) => (kind === 'merge' && next !== null ? [next] : []));
  for (const uid of new Set(into.map(({ successor }) => must(successor)))) {
    const taker = cases.get(uid);
    const dead = into
      .filter(({ successor }) => successor === uid)
      .map((each) => must(site.state.scopes.get(each.uid)).accepted.tree);
    const given = contents(await Promise.all(dead.map((tree) => site.owns.read(tree))));
    const come = taker === undefined ? [] : entering(taker);
    const stray = taker === undefined ? null : missing(come, taker.own, given);
    if (stray !== null) return stray;
  }
  if (into.some(({ successor }) => successor === asker.scope.uid)) return null;
  return entering(asker)[0]?.path ?? null;
}

export function leaving(changes: Case['changes']): Case['changes'] {
  return changes.filter(({ path, change }) => path !== 'delegations.yaml' && change !== 'added');
}

function entering({ changes }: Case): Case['changes'] {
  return changes.filter(({ path, change }) => path !== 'delegations.yaml' && change !== 'removed');
}

function contents(owns: readonly Own[]): ReadonlySet<string> {
  return new Set(owns.flatMap((own) => readable(own).files.map(({ sha256 }) => sha256)));
}

/** By bytes: the mode is the same for every file (G10). */
function missing(changes: Case['changes'], own: Own, given: ReadonlySet<string>): string | null {
  const files = new Map(own.ok ? own.files.map(({ path, sha256 }) => [path, sha256]) : []);
  return changes.find(({ path }) => !given.has(must(files.get(path))))?.path ?? null;
}
