import type { HTTPRouteParent, HTTPRouteSpec } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';

const group = 'gateway.networking.k8s.io';

/** The group of Services, which has no name; Linkerd's documentation calls it `core`. */
export function isCore(name: string | undefined): boolean {
  return name === '' || name === 'core';
}

/** Whether a parent of a route is a Service, and no Gateway. */
function isService(parent: HTTPRouteParent): boolean {
  return isCore(parent.group) && parent.kind === 'Service';
}

/** The parents of a route: Gateways or Services, each once; and whether its hostnames say anything. */
export function* checkParents(
  {
    parentRefs,
    hostnames = [],
    useDefaultGateways,
  }: Pick<HTTPRouteSpec, 'parentRefs' | 'hostnames' | 'useDefaultGateways'>,
  namespace: string,
): Generator<Finding> {
  for (const [index, parent] of parentRefs.entries()) {
    const path = ['spec', 'parentRefs', index];
    yield* checkParent(parent, path);
    if (parentRefs.slice(0, index).some((other) => isSame(parent, other, namespace)))
      yield { code: 'FL2212', message: `parent ${parent.name} is given twice`, path };
  }
  if (hostnames.length > 0 && parentRefs.every(isService)) {
    const message = 'hostnames say nothing about requests to a Service';
    yield { code: 'FL2230', message, path: ['spec', 'hostnames'], on: 'key' };
  }
  if (useDefaultGateways === 'All') {
    const message = 'Fairlead knows default Gateways, but has none yet: only those of parentRefs count';
    yield {
      code: 'FL2285',
      message,
      path: ['spec', 'useDefaultGateways'],
      on: 'key',
      fix: 'name the Gateways',
    };
  }
  for (const [index, host] of hostnames.entries()) {
    const path = ['spec', 'hostnames', index];
    if (host === '*')
      yield { code: 'FL2213', message: '* is no host: a route without hostnames is for all', path };
    if (hostnames.indexOf(host) < index) yield { code: 'FL2212', message: `${host} is given twice`, path };
  }
}

function* checkParent(parent: HTTPRouteParent, path: Finding['path']): Generator<Finding> {
  if (isService(parent)) {
    if (parent.sectionName === undefined) return;
    const message = 'Fairlead knows sectionName of a Service, but does not honour it yet';
    yield { code: 'FL2104', message, path: [...path, 'sectionName'], on: 'key', fix: 'name its port' };
    return;
  }
  const { group: named = group, kind = 'Gateway' } = parent;
  if (named === group && kind === 'Gateway') return;
  const whose = isCore(named) ? 'the core group' : named;
  const message = `Fairlead knows parents such as a ${kind} of ${whose}, but honours only Gateways and Services yet`;
  const fix = 'write group: "" and kind: Service, name a Gateway, or leave the parent out';
  yield { code: 'FL2104', message, path, fix };
}

/** Two parents that stand for a listener or port in common. */
function isSame(left: HTTPRouteParent, right: HTTPRouteParent, own: string): boolean {
  const isEqual = left.name === right.name && (left.namespace ?? own) === (right.namespace ?? own);
  const meet = (one: unknown, other: unknown) => one === undefined || other === undefined || one === other;
  const isOne = isEqual && isService(left) === isService(right);
  return isOne && meet(left.port, right.port) && meet(left.sectionName, right.sectionName);
}
