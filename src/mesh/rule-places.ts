import type { Path, Resource } from '../manifests/index.ts';
import { originOf } from './mistake.ts';
import type { Origin, Rule, StreamRule } from './types.ts';

/** What a rule is known by wherever it is copied to: what it does, or a rule for connections itself. */
type Key = Rule['action'] | StreamRule;

type Place = { readonly resource: Resource; readonly path: Path };

/** The line is looked up when people ask: to keep it for every rule would mean to find it whenever a file is read. */
const places = new WeakMap<Key, Place>();

/** A rule that stands at `path` of a manifest. */
export function writtenAt<R extends Rule | Omit<Rule, 'matches'> | StreamRule>(
  rule: R,
  resource: Resource,
  path: Path,
): R {
  places.set(keyOf(rule), { resource, path });
  return rule;
}

/** Where a rule itself is written; where nobody said it in so many words, its manifest. */
export function ruleOrigin(rule: Rule | StreamRule): Origin {
  return originOfAction(keyOf(rule)) ?? rule.origin;
}

/** `ruleOrigin` of the rule that does this, the very object; null where it stands for nothing that is written. */
export function originOfAction(key: Key): Origin | null {
  const place = places.get(key);
  return place === undefined ? null : { ...originOf(place.resource), ...place.resource.at(place.path) };
}

function keyOf(rule: Rule | Omit<Rule, 'matches'> | StreamRule): Key {
  return 'action' in rule ? rule.action : rule;
}
