import type { Problem } from '../base/problem.ts';
import { controllerName, type ScopeResources } from '../manifests/index.ts';
import { isApiGateway } from './api-gateways.ts';
import { buildAlone } from './build.ts';
import type { Code } from './codes.ts';
import { lackedBy } from './mistake.ts';
import { type Inheritance, noInheritance } from './owners.ts';
import { ownerOfHost, ownerOfNamespace } from './ownership.ts';
import { defaultSettings } from './settings.ts';
import type { Owner } from './types.ts';

/**
 * The errors that a scope has whatever other scopes say: those of its manifests, what contradicts itself, and what lacks
 * something that the scope alone could give. Nothing that another scope does makes or ends one: not even what the scopes above
 * say for it, such as a MeshConfig or a GatewayClass (decision 0033).
 */
export function ownErrors(resources: ScopeResources): readonly Problem[] {
  const manifests = resources.problems.filter(isError);
  const found = ownOf(resources, noInheritance);
  // A root inherits nothing.
  if (found.length === 0 || resources.scope.parent === null) return [...manifests, ...found];
  const others = new Set(ownOf(resources, otherInheritance(resources)).map(keyOf));
  return [...manifests, ...found.filter((problem) => others.has(keyOf(problem)))];
}

function ownOf(resources: ScopeResources, above: Inheritance): readonly Problem[] {
  const { problems, mesh } = buildAlone(resources, above);
  return problems.filter((problem) => isOwn(problem, mesh.owners));
}

/** The other end of what the scopes above may say: where nobody says anything, all is seen everywhere, and no class is ours. */
function otherInheritance({ resources }: ScopeResources): Inheritance {
  const exportTo = { services: ['.'], routings: ['.'], rules: ['.'] };
  const classes = resources.filter(isApiGateway).map(({ spec }) => spec.gatewayClassName);
  const gatewayClasses = Object.fromEntries(classes.map((name) => [name, controllerName]));
  return {
    ...noInheritance,
    settings: { ...defaultSettings, exportTo },
    gatewayClasses,
  };
}

function keyOf({ code, file, line, column }: Problem): string {
  return `${code} ${file} ${line} ${column}`;
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
