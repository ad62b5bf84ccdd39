import type { Problem } from '../base/problem.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { build } from './build.ts';
import type { Code } from './codes.ts';
import { lackedBy } from './mistake.ts';
import { ownerOfHost, ownerOfNamespace } from './ownership.ts';
import type { Owner } from './types.ts';

/**
 * The errors that a scope has whatever other scopes say: those of its manifests, what contradicts itself, and what lacks
 * something that the scope alone could give. Nothing that another scope does makes or ends one (decision 0033).
 */
export function ownErrors(resources: ScopeResources): readonly Problem[] {
  const alone = build([resources]);
  const found = alone.problems.filter((problem) => isOwn(problem, alone.mesh.owners));
  return [...resources.problems.filter(isError), ...found];
}

function isOwn(problem: Problem, owners: readonly Owner[]): boolean {
  if (!isError(problem)) return false;
  if (CONTRADICTIONS.has(problem.code)) return true;
  const what = lackedBy(problem);
  if (what === null || what === 'anybody') return false;
  return 'host' in what
    ? ownerOfHost(owners, what.host) !== null
    : ownerOfNamespace(owners, what.namespace) !== null;
}

function isError({ severity }: Problem): boolean {
  return severity === 'error';
}

/** Of two manifests of one scope, or of one with itself. */
const CONTRADICTIONS: ReadonlySet<string> = new Set<Code>([
  'FL3201',
  'FL3202',
  'FL3203',
  'FL3304',
  'FL3305',
  'FL3306',
  'FL3310',
  'FL3320',
  'FL3322',
  'FL3323',
  'FL3324',
  'FL3331',
  'FL3333',
  'FL3337',
  'FL3350',
  'FL3351',
  'FL3352',
  'FL3360',
  'FL3361',
  'FL3362',
]);
