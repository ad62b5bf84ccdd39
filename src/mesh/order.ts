import { indexesApart } from '../base/lists.ts';
import { byCodeUnit } from '../base/order.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { sameClasses } from './gateway-classes.ts';
import { sameAuthority } from './owners.ts';
import { sameSettings } from './settings.ts';

/** Scopes as they came, and their places in an order that does not depend on it. */
export type Ordered = {
  readonly given: readonly ScopeResources[];
  readonly places: readonly number[];
};

export function inOrder(given: readonly ScopeResources[]) {
  const indexed = given.map((one, index) => ({ one, index }));
  indexed.sort(({ one: { scope: left } }, { one: { scope: right } }) => {
    return byCodeUnit(left.directory, right.directory) || byCodeUnit(left.uid, right.uid);
  });
  const places: number[] = given.map(() => 0);
  for (const [place, { index }] of indexed.entries()) places[index] = place;
  return { ordered: { given, places }, scopes: indexed.map(({ one }) => one) };
}

function isLike(one: ScopeResources, old: ScopeResources): boolean {
  return sameAuthority(one.scope, old.scope) && sameSettings(one, old) && sameClasses(one, old);
}

/** Scopes that are not the same object as before, by place; null where one came or went, or is of another authority. */
export function editedScopes(given: readonly ScopeResources[], before: Ordered) {
  if (given.length !== before.given.length) return null;
  const edits = new Map<number, ScopeResources>();
  for (const index of indexesApart(given, before.given)) {
    const [one, old, place] = [given[index], before.given[index], before.places[index]];
    if (one === undefined || old === undefined || place === undefined || !isLike(one, old)) return null;
    edits.set(place, one);
  }
  return { edits, ordered: { given, places: before.places } };
}
