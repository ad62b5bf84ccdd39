import { readItems } from '../server-client.ts';
import type { ScopeValidity } from '../valid-text.ts';

/** What commands read of the lists of a server; the rest is printed as it came. What an older server does not say is absent. */
export type Condition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionMs?: number;
};

export type Revisions = Readonly<Record<'attempted' | 'verified' | 'applied', string | null>>;

export type Timeline = {
  readonly revision: string;
  /** An older server does not say it. */
  readonly trace?: string | null;
  readonly startedMs: number | null;
  readonly fetchedMs: number | null;
  readonly verifiedMs: number | null;
  readonly translatedMs: number | null;
  readonly pushedMs: number | null;
  readonly push: number | null;
  readonly ackedMs: number | null;
};

/** What somebody has stopped; null: nobody has. */
type Brake = { readonly untilMs: number | null };

export type Repository = {
  readonly suspended?: Brake | null;
  readonly name: string;
  readonly followedTip: string | null;
  readonly appliedRevision: string | null;
  readonly revisions?: Revisions;
  readonly timeline?: Timeline | null;
  /** `pollMs` absent: the server is an older one. */
  readonly fetch: { readonly ageMs: number | null; readonly pollMs?: number };
  readonly conditions: readonly Condition[];
  readonly failure: {
    readonly stage: string;
    readonly code: string;
    readonly message: string;
    readonly fix: string;
    readonly sinceMs: number;
  } | null;
  /** An older server does not say it. */
  readonly runs?: { readonly started: number; readonly finished: number };
  readonly refused: { readonly tip: string; readonly rule: string; readonly reason: string } | null;
  readonly webhookFault?: { readonly code: string; readonly message: string; readonly fix: string } | null;
};

export type Scope = Omit<ScopeValidity, 'conditions'> & {
  readonly suspended?: Brake | null;
  readonly repository: string;
  readonly uid: string;
  readonly status?: string;
  readonly seq: number;
  readonly revisions?: Revisions;
  readonly lastChange?: {
    readonly event: string;
    readonly seq: number;
    readonly commit: string;
    readonly timeline: Timeline | null;
  };
  readonly sync: string;
  readonly health: string;
  readonly hold: { readonly rule: string; readonly reason: string } | null;
  readonly conditions?: readonly Condition[];
};

export type Proxy = {
  readonly proxy: string;
  readonly revision: string;
  readonly connectedAtMs?: number;
  readonly fullyAcked: { readonly revision: string; readonly push: number; readonly atMs: number } | null;
  readonly types: readonly { readonly typeUrl: string; readonly state: string }[];
  readonly rejected: readonly { readonly name: string; readonly message: string }[];
};

/** The server looks at all of them for each page. */
const LARGEST = '?limit=1000';

export async function readRepositories(server: string): Promise<readonly Repository[]> {
  return (await readItems(server, 'api/v1/repositories')) as readonly Repository[];
}

export async function readScopes(server: string): Promise<readonly Scope[]> {
  return (await readItems(server, `api/v1/scopes${LARGEST}`)) as readonly Scope[];
}

export async function readProxies(server: string): Promise<readonly Proxy[]> {
  return (await readItems(server, `api/v1/proxies${LARGEST}`)) as readonly Proxy[];
}

/** One that has ended stays in the list of the API, by its uid. */
export function isAlive({ status }: Pick<Scope, 'status'>): boolean {
  return status !== 'Tombstone';
}
