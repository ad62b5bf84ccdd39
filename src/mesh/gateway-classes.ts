import type { Resource, ScopeResources } from '../manifests/index.ts';
import type { Owner } from './types.ts';

type Classes = Owner['gatewayClasses'];

/** A scope that is the same object says the same. */
const read = new WeakMap<readonly Resource[], Classes>();
export const none: Classes = {};

/** The GatewayClasses that a scope itself has: their controllers by their names. */
function classesOf({ resources }: ScopeResources): Classes {
  const known = read.get(resources);
  if (known !== undefined) return known;
  const classes = resources.filter((resource) => resource.kind === 'GatewayClass');
  const found = Object.fromEntries(classes.map(({ name, spec }) => [name, spec.controllerName]));
  const said = classes.length === 0 ? none : found;
  read.set(resources, said);
  return said;
}

/** Those of a scope and of the scopes above it, of which the nearest counts, else those of `otherwise`: they stand in no namespace. */
export function inheritedClasses(line: readonly ScopeResources[], otherwise: Classes): Classes {
  const said = [...line.map(classesOf), otherwise].filter((classes) => classes !== none);
  return said.length === 0 ? none : (Object.assign({}, ...said.toReversed()) as Classes);
}

export function sameClasses(left: ScopeResources, right: ScopeResources): boolean {
  const [ours, theirs] = [classesOf(left), classesOf(right)];
  return ours === theirs || JSON.stringify(ours) === JSON.stringify(theirs);
}
