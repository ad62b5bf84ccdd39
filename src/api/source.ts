import type { ApiError } from './answer.ts';
import type { HookRequest, HookTarget } from './hooks/index.ts';

/** What the API shows. `api-source.ts` fills it from the loop and the xDS server: edges never import each other. */
export interface ApiSource {
  /** Is what was verified being served, and will it be? */
  ready(): { readonly ready: boolean; readonly message: string };
  /** The server ends: whoever comes is welcome elsewhere. */
  draining(): boolean;
  repositories(): readonly Named[];
  /** The very text that `fairlead verify -o json` prints; null before the first verified state. */
  verification(repository: string): string | null;
  /** Whether what a repository follows has this commit; null where there is no such repository. */
  follows(repository: string, commit: string): Promise<boolean | null>;
  /** In path order. */
  scopes(): readonly { readonly path: string }[];
  /** Connected proxies, in the order of their ids. */
  proxies(): readonly { readonly proxy: string }[];
  /** What a connected proxy should have, in the order of type and name; null where there is no such proxy. */
  proxyConfig(proxy: string): ProxyConfig | null;
  /** Where the rule is written that a part of what a connected proxy should have was made of; null: of none. */
  partOrigin(proxy: string, asked: PartAsked): object | null;
  /** Who decided what is served of these scopes, by dotted path; those of which nothing is served are left out. */
  decisions(scopes: readonly string[]): readonly object[];
  /** Entries of the lineage of a scope, by dotted path or uid; null where there is no such scope. */
  lineage(scope: string): Lineage | null;
  /** What a webhook of each repository has to know, by its name. */
  hooks(): ReadonlyMap<string, HookTarget>;
  /**
   * Has what was fetched judged and translated anew, of `source` after a fetch, in `delayMs` by whichever replica takes it;
   * null: now, by this one. False where there is no such repository. `hook` is who asks.
   */
  trigger(
    repository: string,
    what: 'source' | 'judgement',
    delayMs: number | null,
    hook: HookRequest,
  ): Promise<boolean>;
  /** Those after an id, the oldest first; `complete`: none is missing since then. */
  eventsSince(id: string): { readonly items: readonly ApiEvent[]; readonly complete: boolean };
  /** Called for each that happens; the result ends it. */
  onEvent(listener: (event: ApiEvent) => void): () => void;
  /** In Prometheus' text format. */
  metrics(): Promise<string>;
  /** A delivery was answered: `accepted`, or why not. */
  hooked(forge: string, result: string): void;
  /** Has whoever says this the secret of the server's data folder? */
  mayOperate(token: string): boolean;
  /** Keeps a repository, or a scope (by path or uid), as it is. `forMs` counts from now; null, both: until resumed. */
  suspend(
    asked: BrakeAsked & { readonly forMs: number | null; readonly untilMs: number | null },
  ): Promise<BrakeAnswer>;
  resume(asked: BrakeAsked): Promise<BrakeAnswer>;
}

type BrakeAsked = { readonly name: string; readonly reason: string; readonly by: string };
/** What is in force now, or why it is not. */
export type BrakeAnswer = { readonly suspension: object } | ApiError;

/** `pointer` (RFC 6901) into the JSON of a resource. */
type PartAsked = Readonly<Record<'typeUrl' | 'name' | 'version' | 'pointer', string>>;
export type ApiEvent = { readonly id: string; readonly type: string };
type Named = { readonly name: string };
type Lineage = { readonly scope: string; readonly uid: string; readonly entries: readonly object[] };
type ProxyConfig = {
  readonly revision: string;
  readonly resources: readonly { readonly typeUrl: string; readonly name: string }[];
};
