import type { ObjectId, Objects } from '../git/index.ts';
import { follow, type Line, type LineState } from '../governance/index.ts';

export type Judged =
  /** `state` is s(tip) of the tip to serve: the offered one, or the last followed one. */
  | { readonly outcome: 'followed' | 'same'; readonly state: LineState }
  /** The offered tip is not ahead of the followed one: nothing to do, and nothing wrong with what is served. */
  | { readonly outcome: 'stale'; readonly state: LineState }
  /** What was followed last stays. */
  | { readonly outcome: 'refused'; readonly rule: string; readonly reason: string };

/**
 * Following (G9), the only step with memory: `last` is the last followed tip. Whatever is offered, what comes back
 * to be served never goes backwards. Throws `Failure` `object-missing` (no verdict; tried again).
 */
export async function judge(
  line: Line,
  objects: Objects,
  last: ObjectId | null,
  offered: ObjectId,
): Promise<Judged> {
  const following = await follow(line, objects, last, offered);
  if (following.outcome === 'refused') return following;
  const { outcome } = following;
  const verdict = await line.state(outcome === 'followed' || last === null ? offered : last);
  if (!verdict.ok) return { outcome: 'refused', rule: verdict.rule, reason: verdict.reason };
  return { outcome, state: verdict.state };
}

/**
 * The tip that an offered one has to extend: the witnessed one, where it is on a line with the pin's own tip. Where it is
 * not, an operator has moved on since (`fairlead trust --tip`), or the pin knows more than this machine.
 */
export async function lastTrusted(
  { pin, chain }: Line,
  witnessed: ObjectId | null,
): Promise<ObjectId | null> {
  const { tip } = pin;
  if (tip === undefined) return witnessed;
  if (witnessed === null) return tip;
  return (await chain(witnessed, new Set([tip]))) === null ? tip : witnessed;
}

/** s(tip) of a tip that was followed before, or null where it is no longer on a line of the pin. */
export async function stateAt(line: Line, tip: ObjectId): Promise<LineState | null> {
  const verdict = await line.state(tip);
  return verdict.ok ? verdict.state : null;
}
