import { Failure } from '../base/failure.ts';
import type { ScopeResources } from '../manifests/index.ts';
import { type Decision, decisionOf, type Endpoints, type Mesh, type Origin } from '../mesh/index.ts';
import type { Proxy as Client, Snapshot } from '../translate/index.ts';
import { type Build, type BuildResult, type Built, buildIsolated } from './build.ts';
import { type PartAsked, partOrigin } from './part-origin.ts';
import { toldApart } from './told-apart.ts';

export type ServeStages = {
  readonly build: Build;
  readonly translate: (mesh: Mesh, endpoints: Endpoints, proxy: Client) => Snapshot;
};

/** What is served now: the mesh of all repositories, and what each proxy hears of it. */
export interface Served {
  /** Puts a repository's scopes in the place of its former ones. Never throws. */
  replace(repository: string, resources: readonly ScopeResources[]): BuildResult;
  /**
   * The last good snapshot where translating throws. Throws `Failure` `nothing-verified` before the first
   * state, because an empty answer would take away what a proxy still has from before a restart.
   */
  snapshotFor(proxy: Client): Snapshot;
  /** What `snapshotFor` gave this proxy last; null where it was never asked. */
  lastSnapshot(proxyId: string): Snapshot | null;
  /** Where the rule is written behind a part of what `lastSnapshot` gives; null where there is none. */
  partOrigin(proxyId: string, asked: PartAsked): Origin | null;
  /** Who decided what is served of these scopes, by dotted path; those of which nothing is served are left out. */
  decisions(scopes: readonly string[]): readonly Decision[];
  /** By proxy id: why its snapshot is not of the current mesh. */
  failures(): ReadonlyMap<string, string>;
  /** Milliseconds spent on snapshots since the last `replace`. */
  translateMs(): number;
  /** Forgets proxies that are not connected. */
  retain(proxies: ReadonlySet<string>): void;
}

/** `now` in milliseconds; only measures. `names`: of all repositories, in the order in which they go before each other. */
export function createServed(stages: ServeStages, now: () => number, names: readonly string[] = []): Served {
  const repositories = new Map<string, readonly ScopeResources[]>(names.map((name) => [name, []]));
  const snapshots = new Map<string, Snapshot>();
  const failures = new Map<string, string>();
  let current: Built | null = null;
  let good: readonly ScopeResources[] = [];
  let translateMs = 0;
  return {
    replace(repository, resources) {
      repositories.set(repository, resources);
      translateMs = 0;
      const { resources: wanted, taken } = toldApart([...repositories.values()]);
      const result = buildIsolated(stages.build, wanted, good);
      if (result.built !== null) {
        current = result.built;
        good = result.used;
      }
      const own = [...taken].filter(([uid]) => resources.some(({ scope }) => scope.uid === uid));
      return own.length === 0 ? result : { ...result, failed: new Map([...result.failed, ...own]) };
    },
    snapshotFor(proxy) {
      if (current === null) throw nothingVerified();
      const startMs = now();
      try {
        const snapshot = stages.translate(current.mesh, current.endpoints, proxy);
        snapshots.set(proxy.id, snapshot);
        failures.delete(proxy.id);
        return snapshot;
      } catch (error) {
        failures.set(proxy.id, String(error));
        const before = snapshots.get(proxy.id);
        if (before === undefined) throw error;
        return before;
      } finally {
        translateMs += now() - startMs;
      }
    },
    lastSnapshot: (proxyId) => snapshots.get(proxyId) ?? null,
    partOrigin(proxyId, asked) {
      const snapshot = snapshots.get(proxyId);
      return snapshot === undefined ? null : partOrigin(snapshot, asked);
    },
    decisions: (scopes) =>
      good.flatMap(({ scope }) => (scopes.includes(scope.path) ? [decisionOf(scope)] : [])),
    failures: () => failures,
    translateMs: () => translateMs,
    retain(proxies) {
      for (const id of snapshots.keys()) if (!proxies.has(id)) snapshots.delete(id);
      for (const id of failures.keys()) if (!proxies.has(id)) failures.delete(id);
    },
  };
}

function nothingVerified(): Failure {
  const fix = 'wait for the first verified state; /readyz says what is missing';
  return new Failure('nothing-verified', 'no state has been verified yet', fix);
}
