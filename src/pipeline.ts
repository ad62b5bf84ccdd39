import { createTreeDigests, type ObjectId, type Objects } from './git/index.ts';
import {
  type Earlier,
  type Line,
  type LineState,
  openLine,
  type Pin,
  type VerifiedScope,
} from './governance/index.ts';
import { readManifests, type ScopeResources } from './manifests/index.ts';
import { build, createBuilder, lastGood } from './mesh/index.ts';
import type { Ruleset } from './policy/index.ts';
import { type Proxy as Client, createTranslator, type Snapshot, translate } from './translate/index.ts';

/** The stages after git and governance, in order. */
export const stages = { read: readManifests, build, translate } as const;

/**
 * The same stages for whoever runs them again and again: they keep what does not change from one call to the next.
 * `roots`: uids of the roots of all repositories, in the order in which they go before each other.
 */
export function createStages(roots: readonly string[] = []): typeof stages {
  return { ...stages, build: createBuilder(roots), translate: createTranslator() };
}

/** What a set of accepted scopes comes to. */
export type Meshed = ReturnType<typeof build> & { readonly resources: readonly ScopeResources[] };

/** manifests → mesh, of what each scope accepted last without an error of its own. Its problems are those of both stages. */
export async function servedMesh(line: Line, state: LineState): Promise<Meshed> {
  return goodMesh(await line.scopes(state), (scope) => line.earlier(state, scope));
}

/** `servedMesh` of these scopes and what they said earlier, newest first. */
export async function goodMesh(
  scopes: readonly VerifiedScope[],
  earlier: (scope: VerifiedScope) => Iterable<Earlier>,
): Promise<Meshed> {
  const resources: ScopeResources[] = [];
  for (const scope of scopes)
    resources.push(await lastGood(stages.read(scope), () => earlier(scope), stages.read));
  return joined(resources);
}

/** `servedMesh` of these scopes as they are, less what their errors point at: nobody's history is asked. */
export function meshOf(scopes: readonly VerifiedScope[]): Meshed {
  return joined(scopes.map((scope) => stages.read(scope)));
}

function joined(resources: readonly ScopeResources[]): Meshed {
  const built = stages.build(resources);
  return {
    ...built,
    resources,
    problems: [...resources.flatMap(({ problems }) => problems), ...built.problems],
  };
}

export type PipelineInput = {
  readonly objects: Objects;
  readonly pin: Pin;
  readonly tip: ObjectId;
  readonly proxies: readonly Client[];
  /** Default: ruleset 1. Tests alone pass another, to be allowed to sign with the published test keys. */
  readonly ruleset?: Ruleset;
};

export type PipelineResult =
  | (Meshed & {
      readonly ok: true;
      readonly state: LineState;
      /** By proxy id. */
      readonly snapshots: ReadonlyMap<string, Snapshot>;
    })
  /** The tip is on no line of the pin. */
  | { readonly ok: false; readonly rule: string; readonly reason: string };

/**
 * The product as one function: git objects in, what every proxy hears out. Its result depends on nothing but its
 * input. Throws `Failure` `object-missing` where the store is not whole: then there is no verdict.
 */
export async function pipeline(input: PipelineInput): Promise<PipelineResult> {
  const { objects, pin, tip, proxies, ruleset } = input;
  const line = openLine(objects, createTreeDigests(objects), pin, ruleset);
  const verdict = await line.state(tip);
  if (!verdict.ok) return verdict;
  const { state } = verdict;
  const meshed = await servedMesh(line, state);
  const { mesh, endpoints } = meshed;
  const snapshots = new Map(proxies.map((proxy) => [proxy.id, stages.translate(mesh, endpoints, proxy)]));
  return { ok: true, state, ...meshed, snapshots };
}
