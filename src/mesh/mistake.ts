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
export function placeOf({ file, line }: Pick<Origin, 'file' | 'line'>): string {
  return `${file}:${line}`;
}

export function originOf(resource: Resource): Origin {
  return { ...resource.source, document: `${resource.kind}/${resource.namespace}/${resource.name}` };
}
