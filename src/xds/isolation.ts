import type { Flight } from './holdings.ts';

/** What a NACK tells: who is guilty for sure, and who must be sent again, group by group, to find out. */
type Verdict = { readonly convicted: readonly string[]; readonly retry: readonly (readonly string[])[] };

/**
 * A NACK is per response, the mistake per resource. Alone in a response: guilty. Named by the message (Envoy does
 * for clusters and listeners): guilty, the rest is sent again. Otherwise halves are sent again, so that one bad
 * resource among n costs log2 n more responses and no bystander is held back. Removals go first, as they may make
 * room (two listeners on one address).
 */
export function isolate<R>(flight: Flight<R>, message: string, culpritsNamed: boolean): Verdict {
  const names = [...flight.entries.keys()].sort((left, right) => rank(flight, left) - rank(flight, right));
  if (names.length <= 1) return { convicted: names, retry: [] };
  const convicted = culpritsNamed ? names.filter((name) => blames(message, name)) : [];
  const rest = names.filter((name) => !convicted.includes(name));
  if (convicted.length > 0) return { convicted, retry: rest.length > 0 ? [rest] : [] };
  const middle = Math.ceil(names.length / 2);
  return { convicted, retry: [names.slice(0, middle), names.slice(middle)] };
}

function rank<R>(flight: Flight<R>, name: string): number {
  return flight.entries.get(name) === null ? 0 : 1;
}

/** Envoy: `Error adding/updating cluster(s) a: reason, b: reason`. */
function blames(message: string, name: string): boolean {
  if (name === '') return false; // it is in every message, and at its end without end
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    const before = at === 0 ? ' ' : message[at - 1];
    if ((before === ' ' || before === '\n') && message.startsWith(': ', at + name.length)) return true;
  }
  return false;
}
