import type { Look, RepositoryView, ScopeView, Views } from '../../src/telemetry/views.ts';

const TIP = 'a'.repeat(40);
type Condition = ScopeView['conditions'][number];

export function condition(type: string, status: Condition['status'] = 'True', reason = type): Condition {
  return { type, status, reason, message: `${type} is ${status}` };
}

const TYPES = ['Ready', 'SourceVerified', 'QuorumMet', 'Valid', 'Translated', 'Distributed'];

export function scope(path: string, more: Partial<ScopeView> = {}): ScopeView {
  return {
    uid: 'b'.repeat(64),
    path,
    status: 'Live',
    seq: 1,
    sync: 'Synced',
    health: 'Healthy',
    verified: { ok: true },
    hold: null,
    conditions: TYPES.map((type) => condition(type)),
    ...more,
  };
}

export function repository(scopes: readonly ScopeView[], more: Partial<RepositoryView> = {}): RepositoryView {
  return {
    name: 'mesh',
    followedTip: TIP,
    appliedRevision: TIP,
    trace: null,
    refused: null,
    failure: null,
    fetch: { lastOkMs: 5_000, pollMs: 60_000 },
    conditions: TYPES.map((type) => condition(type)),
    scopes,
    ...more,
  };
}

type Asked = { readonly [K in keyof Look]: () => Look[K] } & Pick<Views, 'queue'>;

/** Each part is asked for at each look. */
export function views(more: Partial<Asked> = {}): Views {
  const { repositories, proxies, queue }: Asked = {
    repositories: () => [],
    proxies: () => [],
    queue: async () => ({ due: 0, oldestMs: 0, retries: 0 }),
    ...more,
  };
  return { look: () => ({ repositories: repositories(), proxies: proxies() }), queue };
}

/** The series of a metric, as they are written. */
export function series(text: string, name: string): readonly string[] {
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}
