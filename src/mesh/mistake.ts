import type { Problem } from '../base/problem.ts';
import type { Path, Resource } from '../manifests/index.ts';
import { type Code, codes } from './codes.ts';
import type { Origin } from './types.ts';

/** A problem at a value of a resource; the fix is the code's unless a better one is known. */
export function mistake(resource: Resource, path: Path, code: Code, message: string, fix?: string): Problem {
  const { file } = resource.source;
  return { code, severity: 'error', message, fix: fix ?? codes[code].fix, file, ...resource.at(path) };
}

/** The same for what is honoured, but perhaps not as its author expects. */
export function warning(resource: Resource, path: Path, code: Code, message: string): Problem {
  return { ...mistake(resource, path, code, message), severity: 'warning' };
}

/** `file:line` as messages name another place. */
export function placeOf({ file, line }: Pick<Origin, 'file' | 'line'>): string {
  return `${file}:${line}`;
}

export function originOf(resource: Resource): Origin {
  return { ...resource.source, document: `${resource.kind}/${resource.namespace}/${resource.name}` };
}
