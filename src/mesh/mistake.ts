import { byCodeUnit } from '../base/order.ts';
import type { Problem } from '../base/problem.ts';
import type { Path, Resource } from '../manifests/index.ts';
import { type Code, codes, warnings } from './codes.ts';
import type { Origin } from './types.ts';

/** A problem at a value of a resource; the severity is the code's, and so is the fix unless a better one is known. */
export function mistake(resource: Resource, path: Path, code: Code, message: string, fix?: string): Problem {
  const { file } = resource.source;
  const severity = warnings.has(code) ? 'warning' : 'error';
  return { code, severity, message, fix: fix ?? codes[code].fix, file, ...resource.at(path) };
}

/** What a scope lacks: what only the owner of a host or namespace can give it, or what any other scope may. */
export type Lacking = { readonly host: string } | { readonly namespace: string } | 'anybody';

const lacking = new WeakMap<Problem, Lacking>();

/** A problem that is none any more once somebody gives what is lacking. */
export function lacks(what: Lacking, problem: Problem): Problem {
  lacking.set(problem, what);
  return problem;
}

export function lackedBy(problem: Problem): Lacking | null {
  return lacking.get(problem) ?? null;
}

/** `file:line` as messages name another place. */
export function placeOf({ file, line }: Pick<Spot, 'file' | 'line'>): string {
  return `${file}:${line}`;
}

export type Spot = { readonly file: string; readonly line: number; readonly column: number };

export function byPlace(left: Spot, right: Spot): number {
  return byCodeUnit(left.file, right.file) || left.line - right.line || left.column - right.column;
}

/** Where something is written; each is looked up once, however many rivals it has. */
export function spotsOf<T>(whereOf: (one: T) => readonly [Resource, Path]): (one: T) => Spot {
  const known = new Map<T, Spot>();
  return (one) => {
    const [resource, path] = whereOf(one);
    const spot = known.get(one) ?? { file: resource.source.file, ...resource.at(path) };
    known.set(one, spot);
    return spot;
  };
}

/** As many as anybody reads: of many rivals, each would name all others. */
const maxPlaces = 5;

/** The first of many places, and how many more there are; a place may be given several times. */
export function placesOf(all: Iterable<Spot>): string {
  const places = createSpots();
  for (const place of all) places.add(place);
  return places.text();
}

/** Places that come one by one: it keeps no more of them than it names. */
export type Spots = { add(place: Spot): void; text(): string };

export function createSpots(): Spots {
  const first: Spot[] = [];
  let more = 0;
  return {
    add(place) {
      if (first.some((other) => byPlace(place, other) === 0)) return;
      const at = first.findIndex((other) => byPlace(place, other) < 0);
      if (at !== -1) first.splice(at, 0, place);
      else if (first.length < maxPlaces) first.push(place);
      else more += 1;
      if (first.length <= maxPlaces) return;
      first.pop();
      more += 1;
    },
    text: () => `${[...new Set(first.map(placeOf))].join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
  };
}

export function originOf(resource: Resource): Origin {
  return { ...resource.source, document: `${resource.kind}/${resource.namespace}/${resource.name}` };
}
