import { type Amendment, amendmentsOf, type Change, type Mesh } from '../mesh/index.ts';
import { assignmentsOf, flawOf, tablesOf, textsIn } from './amend-flaws.ts';
import { amendListener } from './amend-listeners.ts';
import { contextOf, isForProxy, isIn } from './amend-match.ts';
import { amendRoutes, type Work } from './amend-routes.ts';
import type { Bound } from './bindings.ts';
import type { Draft } from './encode.ts';
import { type Fields, mergeChange } from './merge-message.ts';
import { INBOUND_PASSTHROUGH } from './names.ts';
import {
  CLUSTER,
  ENDPOINTS,
  LISTENER,
  type Proxy,
  type Reference,
  ROUTES,
  type Skipped,
  type TypeUrl,
} from './types.ts';
import type { View } from './view.ts';

/** By the positions of those that are for a proxy: the same list for all who have the same. */
const lists = new WeakMap<readonly Amendment[], Map<string, readonly Change[]>>();

/** What is changed in the end of what a proxy hears, in order. */
export function changesFor(mesh: Mesh, proxy: Proxy): readonly Change[] {
  const amendments = amendmentsOf(mesh, proxy.namespace, proxy.labels);
  const all = amendments.flatMap(({ changes }) => changes);
  const indexes = [...all.keys()].filter((index) => {
    const change = all[index];
    return change !== undefined && isForProxy(change, proxy);
  });
  const known = lists.get(amendments) ?? new Map<string, readonly Change[]>();
  lists.set(amendments, known);
  const key = indexes.join();
  const found = known.get(key) ?? indexes.flatMap((index) => all[index] ?? []);
  known.set(key, found);
  return found;
}

/**
 * Drafts as the changes leave them, those that no change is for the same objects. A change of which Envoy could make
 * nothing, or no more than with what a change before it did, is left out and told. Those of `intercepted` come first, and
 * each list of them stays together.
 */
export function amend(
  drafts: readonly Draft[],
  view: View,
  changes: readonly Change[],
  intercepted: readonly (readonly Change[])[] = [],
): Bound {
  if (changes.length + intercepted.length === 0) return { drafts, skipped: [] };
  const whole = attempt(
    drafts,
    view,
    intercepted.length === 0 ? changes : [...intercepted.flat(), ...changes],
  );
  if ('drafts' in whole) return { drafts: whole.drafts, skipped: [] };
  return oneByOne([...intercepted, ...changes.map((change) => [change])], drafts, view);
}

/** Which of the changes do something to the drafts, or add one: a look apart from what is served, which takes no note of it. */
export function changesDone(
  drafts: readonly Draft[],
  view: View,
  changes: readonly Change[],
): ReadonlySet<Change> {
  const done = new Set(changes.filter((change) => added(change).length > 0));
  const work: Work = { view, changes, done };
  for (const { typeUrl, json } of drafts) amendJson[typeUrl](work, json as Fields);
  return done;
}

type Together = readonly Change[];

/** How often what comes of changes is looked at for one proxy: somebody may have written very many that are wrong. */
const MOST_ATTEMPTS = 64;

/** With the changes that go well, in order: the first that does not is found by halves, and left out. */
function oneByOne(all: readonly Together[], drafts: readonly Draft[], view: View): Bound {
  const tried = attemptsOf(drafts, view, all.flat());
  let attempts = 0;
  const tryWith = (changes: readonly Together[]): Attempt => {
    attempts += 1;
    return attempts > MOST_ATTEMPTS ? { reason: 'too many others are wrong' } : tried(changes.flat());
  };
  let [kept, rest]: [readonly Together[], readonly Together[]] = [[], all];
  let best = drafts;
  const skipped: Skipped[] = [];
  while (rest.length > 0) {
    let [good, bad] = [0, rest.length];
    let last = tryWith([...kept, ...rest]);
    if ('drafts' in last) return { drafts: last.drafts, skipped };
    let { reason } = last;
    while (bad - good > 1) {
      const middle = (good + bad) >> 1;
      last = tryWith([...kept, ...rest.slice(0, middle)]);
      if ('reason' in last) [bad, reason] = [middle, last.reason];
      else [good, best] = [middle, last.drafts];
    }
    skipped.push(
      ...rest.slice(good, bad).flatMap((one) => one.slice(0, 1).map((it) => leaveOut(it, reason))),
    );
    [kept, rest] = [[...kept, ...rest.slice(0, good)], rest.slice(bad)];
  }
  return { drafts: best, skipped };
}

function leaveOut({ origin }: Change, reason: string): Skipped {
  const { scope, uid, document, file, line, column } = origin;
  return { address: document, reason, sources: [{ scope, uid, file, line, column }] };
}

type Attempt = { readonly drafts: readonly Draft[] } | { readonly reason: string };

function attempt(drafts: readonly Draft[], view: View, changes: readonly Change[]): Attempt {
  return judged([
    ...drafts.flatMap((draft) => amended(draft, view, changes) ?? []),
    ...changes.flatMap(added),
  ]);
}

/**
 * Attempts with some of `all`. Each draft is asked once which of them are for it, and is changed again only where an attempt has others
 * of those than the attempt before: a flaw among very many changes is found for little more than it takes to apply them.
 */
function attemptsOf(
  drafts: readonly Draft[],
  view: View,
  all: readonly Change[],
): (changes: readonly Change[]) => Attempt {
  const last = drafts.map((draft) => {
    return {
      draft,
      may: all.filter((change) => mayChange(change, draft, view)),
      with: [] as readonly Change[],
      now: draft as Draft | null,
    };
  });
  return (changes) => {
    const wanted = new Set(changes);
    const now = last.flatMap((one) => {
      const own = one.may.filter((change) => wanted.has(change));
      if (own.length !== one.with.length || own.some((change, index) => change !== one.with[index])) {
        one.with = own;
        one.now = changedBy(one.draft, view, own);
      }
      return one.now ?? [];
    });
    return judged([...now, ...changes.flatMap(added)]);
  };
}

/** Whether a change may be for a draft, whatever others do to it before. */
function mayChange(change: Change, { typeUrl, json }: Draft, view: View): boolean {
  const { applyTo } = change.says;
  if (typeUrl === CLUSTER) return isOfCluster(change, String((json as Fields).name), view);
  if (typeUrl === LISTENER) return applyTo !== 'CLUSTER';
  return typeUrl === ROUTES && ofRoutes.has(applyTo);
}

const ofRoutes: ReadonlySet<Change['says']['applyTo']> = new Set([
  'ROUTE_CONFIGURATION',
  'VIRTUAL_HOST',
  'HTTP_ROUTE',
]);

function judged(all: readonly Draft[]): Attempt {
  const closed = withReferences(all);
  const reason = flawOf(closed);
  return reason === null ? { drafts: closed } : { reason };
}

/** By what is changed of it: a draft that several proxies share is changed once for all who have the same changes. */
const known = new WeakMap<readonly Change[], WeakMap<Draft, Draft>>();

/** Null: it is gone. */
function amended(draft: Draft, view: View, changes: readonly Change[]): Draft | null {
  const shared = draft.typeUrl === CLUSTER ? (known.get(changes) ?? new WeakMap<Draft, Draft>()) : null;
  if (shared !== null) known.set(changes, shared);
  const before = shared?.get(draft);
  if (before !== undefined) return before;
  const now = changedBy(draft, view, changes);
  if (now !== null) shared?.set(draft, now);
  return now;
}

/** Null: it is gone. */
function changedBy(draft: Draft, view: View, changes: readonly Change[]): Draft | null {
  const work: Work = { view, changes, done: new Set() };
  const json = amendJson[draft.typeUrl](work, draft.json as Fields);
  if (json === null) return null;
  return json === draft.json ? draft : changedDraft(draft, json, [...work.done]);
}

function changedDraft(draft: Draft, json: Fields, done: readonly Change[]): Draft {
  const { typeUrl, name, references } = draft;
  const own = done.map(({ origin }) => origin);
  return {
    ...{ typeUrl, name, json, references, types: 'any' },
    get origins() {
      return [...draft.origins, ...own];
    },
  };
}

const amendJson: Readonly<Record<TypeUrl, (work: Work, json: Fields) => Fields | null>> = {
  [CLUSTER]: amendCluster,
  [LISTENER]: amendListener,
  [ROUTES]: (work, json) => amendRoutes(work, json, contextOf(work.view.proxy, false)),
  [ENDPOINTS]: (_, json) => json,
};

function amendCluster({ view, changes, done }: Work, cluster: Fields): Fields | null {
  const name = String(cluster.name);
  let now = cluster;
  for (const change of changes) {
    if (!isOfCluster(change, name, view)) continue;
    done.add(change);
    if (change.says.patch.operation === 'REMOVE') return null;
    now = mergeChange('envoy.config.cluster.v3.Cluster', now, change.says);
  }
  return now;
}

function isOfCluster(change: Change, name: string, view: View): boolean {
  const { applyTo, patch } = change.says;
  if (applyTo !== 'CLUSTER' || patch.operation === 'ADD') return false;
  const context = contextOf(view.proxy, name.startsWith('inbound|') || name === INBOUND_PASSTHROUGH);
  return isIn(change, context) && isCluster(change, name, view);
}

/** `outbound|80|v1|cart.shop.svc.cluster.local`, or `inbound|8080||`, which is of every service of the workload. */
function isCluster({ says: { match } }: Change, own: string, view: View): boolean {
  const { name, service, subset, portNumber } = match?.cluster ?? {};
  if (name !== undefined) return name === own;
  const [direction, port, ownSubset, host] = own.split('|');
  if (portNumber !== undefined && port !== String(portNumber)) return false;
  if (subset !== undefined && ownSubset !== subset) return false;
  if (service === undefined) return true;
  if (direction === 'inbound') return view.local.some((local) => local.host === service.toLowerCase());
  return host === service.toLowerCase();
}

/** What a change adds that stands for itself. */
function added({ says: { applyTo, patch }, origin }: Change): readonly Draft[] {
  if (patch.operation !== 'ADD' || (applyTo !== 'CLUSTER' && applyTo !== 'LISTENER')) return [];
  const typeUrl = applyTo === 'CLUSTER' ? CLUSTER : LISTENER;
  const json = patch.value ?? {};
  return [{ typeUrl, name: String(json.name), json, origins: [origin], references: [], types: 'any' }];
}

/**
 * Of changed drafts, what they name; of all others, what is still there. Endpoints whose cluster is gone go, too. What is
 * named and not there is answered 503.
 */
function withReferences(drafts: readonly Draft[]): readonly Draft[] {
  const there = new Set(drafts.map(keyOf));
  const isThere = (reference: Reference) => reference.typeUrl === ENDPOINTS || there.has(keyOf(reference));
  const closed = drafts.map((draft): Draft => {
    const all = draft.types === 'any' ? referencesOf(draft) : draft.references;
    const references = all.filter(isThere);
    const isSame = references.map(keyOf).join() === draft.references.map(keyOf).join();
    return isSame ? draft : { ...draft, references };
  });
  const used = new Set(closed.flatMap(({ references }) => references.map(keyOf)));
  return closed.filter((draft) => draft.typeUrl !== ENDPOINTS || used.has(keyOf(draft)));
}

function keyOf({ typeUrl, name }: Reference): string {
  return `${typeUrl} ${name}`;
}

/** By what says so. */
const named = new WeakMap<object, readonly Reference[]>();

/** All that it may name: whatever says a name of a cluster leads there. */
function referencesOf(draft: Draft): readonly Reference[] {
  const found = named.get(draft.json) ?? findReferences(draft);
  named.set(draft.json, found);
  return found;
}

function findReferences({ typeUrl, json }: Draft): readonly Reference[] {
  if (typeUrl === CLUSTER) return assignmentsOf(json as Fields).map((name) => ({ typeUrl: ENDPOINTS, name }));
  const texts = [...new Set(textsIn(json))];
  const tables = typeUrl === LISTENER ? tablesOf(json) : [];
  return [
    ...texts.map((name) => ({ typeUrl: CLUSTER, name }) as const),
    ...tables.map((name) => ({ typeUrl: ROUTES, name }) as const),
  ];
}
