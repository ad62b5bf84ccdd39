import type { ProxyStatus } from '../xds/index.ts';

/** What the status says that metrics and events are made of; `main.ts` hands over the status itself. */
type ConditionView = {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
};

export type ScopeView = {
  readonly uid: string;
  readonly path: string;
  readonly status: 'Live' | 'Withdrawn' | 'Tombstone';
  readonly seq: number;
  readonly sync: string;
  readonly health: string;
  readonly verified: { readonly ok: true } | { readonly ok: false; readonly rule: string };
  readonly hold: { readonly rule: string; readonly reason: string } | null;
  readonly conditions: readonly ConditionView[];
};

export type RepositoryView = {
  readonly name: string;
  readonly followedTip: string | null;
  readonly appliedRevision: string | null;
  readonly trace: string | null;
  readonly refused: { readonly tip: string; readonly rule: string; readonly reason: string } | null;
  readonly failure: { readonly code: string; readonly message: string; readonly stage: string } | null;
  readonly fetch: { readonly lastOkMs: number | null; readonly pollMs: number };
  readonly conditions: readonly ConditionView[];
  readonly scopes: readonly ScopeView[];
};

/** What a scrape is made of. */
export type Look = {
  readonly repositories: readonly RepositoryView[];
  readonly proxies: readonly Pick<ProxyStatus, 'protocol' | 'types'>[];
};

export interface Views {
  /** Costs as much as there are scopes and proxies: once for all that is told of one moment. */
  look(): Look;
  /** Keys that are due, the longest waiting one's time, and failed runs so far. */
  queue(): Promise<{ readonly due: number; readonly oldestMs: number; readonly retries: number }>;
}
