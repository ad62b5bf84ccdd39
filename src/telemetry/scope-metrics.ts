import { Gauge, Registry } from 'prom-client';
import { sameItems } from '../base/lists.ts';
import type { Look, ScopeView } from './views.ts';

/**
 * What a scrape says of scopes, in Prometheus' text format: most of its lines. They are made anew where one of the lists of
 * scopes is another one than at the scrape before, and not for each scrape.
 */
export function createScopeMetrics(): (repositories: Look['repositories']) => Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const scopeInfo = new Gauge({
    name: 'fairlead_scope_info',
    help: 'One for each scope that has not ended; verified: true, or the rule that holds it.',
    labelNames: ['repo', 'scope', 'sync', 'health', 'verified'],
    registers,
  });
  const scopeCondition = new Gauge({
    name: 'fairlead_scope_condition',
    help: 'Ready of each scope, Suspended where it is, and its other conditions while they are not True.',
    labelNames: ['repo', 'scope', 'type', 'status', 'reason'],
    registers,
  });
  const fill = (repo: string, scope: ScopeView) => {
    const { path, sync, health } = scope;
    const verified = scope.verified.ok ? 'true' : scope.verified.rule;
    scopeInfo.set({ repo, scope: path, sync, health, verified }, 1);
    for (const { type, status, reason } of scope.conditions) {
      if (type === 'Ready' || type === 'Suspended' || status !== 'True')
        scopeCondition.set({ repo, scope: path, type, status, reason }, 1);
    }
  };
  let basis: readonly unknown[] = [];
  let text: Promise<string> | null = null;
  return (repositories) => {
    const now = repositories.flatMap(({ name, scopes }) => [name, scopes]);
    if (text !== null && sameItems(now, basis)) return text;
    scopeInfo.reset();
    scopeCondition.reset();
    for (const { name, scopes } of repositories)
      for (const scope of scopes.filter(isLiving)) fill(name, scope);
    basis = now;
    text = registry.metrics();
    return text;
  };
}

/** Of a scope that has ended there is nothing to say. */
export function isLiving({ status }: ScopeView): boolean {
  return status !== 'Tombstone';
}
