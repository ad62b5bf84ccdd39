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

/** `file:line` as messages name another place. */
export function placeOf({ file, line }: Pick<Origin, 'file' | 'line'>): string {
  return `${file}:${line}`;
}

export function originOf(resource: Resource): Origin {
  return { ...resource.source, document: `${resource.kind}/${resource.namespace}/${resource.name}` };
}
