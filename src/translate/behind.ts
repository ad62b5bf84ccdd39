import { type Origin, originOfAction, type Rule, type StreamRule } from '../mesh/index.ts';

type Action = Rule['action'] | StreamRule;

const actions = new WeakMap<object, Action>();

/** `part` of a resource, a route or a filter that passes on bytes, is made of what a rule does, or of a rule for connections. */
export function madeOf<P extends object>(part: P, action: Action): P {
  actions.set(part, action);
  return part;
}

/** `part` is `before` with something more said of it. */
export function stillMadeOf(part: object, before: object | undefined): void {
  const action = before === undefined ? null : actionBehind(before);
  if (action !== null) actions.set(part, action);
}

/** What a part does as the mesh says it; null where it was made of no rule. */
export function actionBehind(part: object): Action | null {
  return actions.get(part) ?? null;
}

/** Where the rule is written of which a part of a snapshot, the very object, was made; null where it was made of none. */
export function originBehind(part: object): Origin | null {
  const action = actionBehind(part);
  return action === null ? null : originOfAction(action);
}
