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

/** What became of a repository's scopes in what is served now, by uid. */
type Standing = {
  /** Left out, or left behind at what could be built last, and why; whatever repository changed last. */
  readonly failed: ReadonlyMap<string, string>;
  /** The number of what is served. */
  readonly applied: ReadonlyMap<string, number>;
};

/** What is served now: the mesh of all repositories, and what each proxy hears of it. */
export interface Served {
  /** Puts a repository's scopes in the place of its former ones. Never throws. */
  replace(repository: string, resources: readonly ScopeResources[]): BuildResult;
  /** The same object until the next `replace`. */
  of(repository: string): Standing;
  /**
   * The last good snapshot where translating throws. Throws `Failure` `nothing-verified` before the first
   * state, because an empty answer would take away what a proxy still has from before a restart.
   */
  snapshotFor(proxy: Client): Snapshot;
  /** What `snapshotFor` gave this proxy last; null where it was never asked, or has left. */
  lastSnapshot(proxyId: string): Snapshot | null;
  /** Where the rule is written behind a part of what `lastSnapshot` gives; null where there is none. */
  partOrigin(proxyId: string, asked: PartAsked): Origin | null;
  /** Who decided what is served of these scopes, by dotted path; those of which nothing is served are left out. */
  decisions(scopes: readonly string[]): readonly Decision[];
  /** By proxy id: why its snapshot is not of the current mesh. */
  failures(): ReadonlyMap<string, string>;
  /** Milliseconds spent on snapshots since the last `replace`. */
  translateMs(): number;
  /** The last stream of this proxy is over: what it heard is kept for nobody. */
  forget(proxyId: string): void;
}

/** `steadyMs` only measures. `names`: of all repositories, in the order in which they go before each other. */
export function createServed(
  stages: ServeStages,
  steadyMs: () => number,
  names: readonly string[] = [],
): Served {
  const repositories = new Map<string, readonly ScopeResources[]>(names.map((name) => [name, []]));
  const snapshots = new Map<string, Snapshot>();
  const failures = new Map<string, string>();
  let current: Built | null = null;
  let good: readonly ScopeResources[] = [];
  let last: Last = { taken: new Map(), failed: new Map(), applied: new Map(), good };
  const standings = new Map<string, Standing>();
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
      const names = [...repositories.keys()];
      const applied = new Map(good.map(({ scope }) => [scope.uid, scope.seq]));
      last = { taken: new Map(taken.map((of, at) => [names[at], of])), failed: result.failed, applied, good };
      standings.clear();
      return result;
    },
    of(repository) {
      const standing =
        standings.get(repository) ?? standingOf(repository, repositories.get(repository) ?? [], last);
      standings.set(repository, standing);
      return standing;
    },
    snapshotFor(proxy) {
      if (current === null) throw nothingVerified();
      const startMs = steadyMs();
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
        translateMs += steadyMs() - startMs;
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
    forget(proxyId) {
      snapshots.delete(proxyId);
      failures.delete(proxyId);
    },
  };
}

/** Of the last `replace`; `taken` by repository, the rest of all scopes. */
type Last = Standing & {
  readonly taken: ReadonlyMap<string | undefined, ReadonlyMap<string, string>>;
  readonly good: readonly ScopeResources[];
};

function standingOf(repository: string, scopes: readonly ScopeResources[], last: Last): Standing {
  // All of one repository are served as they are: no second list of them all.
  if (scopes === last.good && last.failed.size === 0) return last;
  const failed = new Map(last.taken.get(repository));
  const applied = new Map<string, number>();
  for (const { scope } of scopes) {
    if (failed.has(scope.uid)) continue;
    const [why, seq] = [last.failed.get(scope.uid), last.applied.get(scope.uid)];
    if (why !== undefined) failed.set(scope.uid, why);
    if (seq !== undefined) applied.set(scope.uid, seq);
  }
  return { failed, applied };
}

function nothingVerified(): Failure {
  const fix = 'wait for the first verified state; /readyz says what is missing';
  return new Failure('nothing-verified', 'no state has been verified yet', fix);
}
