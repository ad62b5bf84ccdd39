import { randomBytes } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log.ts';
import { readSecretFile } from '../../base/secret-file.ts';
import { bitbucket } from './bitbucket.ts';
import { generic } from './generic.ts';
import { forgejo, gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { createSeen, HOOK_LIMITS } from './limits.ts';
import { type Delivery, type Event, type HookRequest, hookRequest, type Provider } from './provider.ts';

const providers: ReadonlyMap<string, Provider> = new Map(
  [github, gitlab, gitea, forgejo, bitbucket, generic].map((one) => [one.name, one]),
);

/** Its name as a label of metrics: nobody who delivers can make up others. */
export function forgeOf(name: string): string {
  return providers.get(name)?.name ?? 'other';
}

/** What a hook of a repository has to know: the branch that is followed, and the file with its secrets, one a line. */
export type HookTarget = { readonly branch: string; readonly secretFile: string | null };

export type HookSource = {
  /** By name of the repository. */
  hooks(): ReadonlyMap<string, HookTarget>;
  trigger(repository: string, what: 'source', delayMs: number, hook: HookRequest): Promise<boolean>;
};

/** `unknown`: no such provider or repository, no secret, or one that did not sign; they look alike from outside. */
type Result = 'accepted' | 'duplicate' | 'ignored' | 'ping' | 'unknown';

/** A timer may be early by so much: what comes then may have been followed already, or is in time. */
const TIMER_MS = 10;

const NOT_BELIEVED = 'a webhook delivery is not believed';

export interface Deliveries {
  take(provider: string, repository: string, delivery: Delivery): Promise<Result>;
  /** Says of a generic one without a signature that it came from another machine. */
  turnAway(repository: string, from: string): void;
}

/** `now`: milliseconds since the Unix epoch. */
export function createDeliveries(source: HookSource, log: Log, now: () => number): Deliveries {
  const seen = createSeen(HOOK_LIMITS);
  /** By repository: when the last hint was, or is to be, followed. */
  const hints = new Map<string, number>();

  /** A hint at once; those that follow it closely are one, which comes when the time is over, and so on. */
  async function hint(repository: string, hook: HookRequest): Promise<void> {
    const nowMs = now();
    const lastMs = hints.get(repository) ?? Number.NEGATIVE_INFINITY;
    const isBefore = nowMs < lastMs - TIMER_MS;
    const wantedMs = isBefore ? lastMs : Math.max(nowMs, lastMs + HOOK_LIMITS.coalesceMs);
    // A clock that was put back must not hold hints back.
    const dueMs = Math.min(wantedMs, nowMs + HOOK_LIMITS.coalesceMs + TIMER_MS);
    hints.set(repository, dueMs);
    await source.trigger(repository, 'source', dueMs - nowMs, hook);
  }

  return {
    async take(name, repository, delivery) {
      const provider = providers.get(name);
      const target = source.hooks().get(repository);
      const secrets = await secretsOf(target ?? decoyOf(source), log);
      // Compared in any case, and to the end: time does not tell a name that is none.
      const { isAuthentic } = provider ?? generic;
      const matching = secrets.filter((secret) => isAuthentic(delivery, secret));
      if (provider === undefined || target === undefined || matching.length === 0) {
        const then = { ...delivery, nowMs: signedMs(delivery) };
        const isLate = secrets.filter((secret) => isAuthentic(then, secret)).length > 0;
        const about = { provider: provider?.name ?? null, repository: target && repository };
        const reason = whyUnknown(provider, target, { delivery, isLate });
        log.warn({ ...about, from: delivery.from, reason }, NOT_BELIEVED);
        return 'unknown';
      }
      const id = provider.deliveryId(delivery).slice(0, 200);
      const key = `${name} ${repository} ${id}`;
      if (id !== '' && seen.has(key, delivery.nowMs)) return 'duplicate';
      const result = resultOf(provider.event(delivery), target.branch);
      if (result === 'accepted') await hint(repository, hookRequest(name, delivery));
      if (id !== '') seen.add(key, delivery.nowMs);
      return result;
    },
    turnAway(name, from) {
      const repository = source.hooks().has(name) ? name : undefined;
      const reason = 'it is not signed, and not of this machine';
      log.warn({ provider: generic.name, repository, from, reason }, NOT_BELIEVED);
    },
  };
}

/** A repository whose secrets are read, and match nothing, where a name is none. */
function decoyOf(source: HookSource): HookTarget | undefined {
  return [...source.hooks().values()].find(({ secretFile }) => secretFile !== null);
}

const NOBODY = randomBytes(32).toString('hex');

/** Never none: a secret that nobody knows stands where a file has none. */
async function secretsOf(target: HookTarget | undefined, log: Log): Promise<readonly string[]> {
  if (target === undefined || target.secretFile === null) return [NOBODY];
  try {
    return await readSecrets(target.secretFile);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, message, fix } = error;
    log.error({ code, message, fix }, 'no webhook delivery can be believed');
    return [NOBODY];
  }
}

/** Why no delivery to a repository can be believed; null: its secrets can be read, or it has none. */
export async function faultOf({ secretFile }: HookTarget): Promise<Failure | null> {
  if (secretFile === null) return null;
  try {
    await readSecrets(secretFile);
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** Throws Failure secret-file-unusable. */
async function readSecrets(path: string): Promise<readonly string[]> {
  const lines = (await readSecretFile(path)).split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').slice(0, MAX_SECRETS);
}

/** Rotation has two. */
const MAX_SECRETS = 8;

/** When it says that it was signed. */
function signedMs({ header }: Delivery): number {
  return Number(header('webhook-timestamp')) * 1_000;
}

type Proof = {
  readonly delivery: Delivery;
  /** It would be believed, had it come when it was signed. */
  readonly isLate: boolean;
};

function whyUnknown(
  provider: Provider | undefined,
  target: HookTarget | undefined,
  { delivery, isLate }: Proof,
): string {
  if (provider === undefined) return 'there is no such provider';
  if (target === undefined) return 'there is no such repository';
  if (target.secretFile === null) return 'the repository has no webhookSecretFile';
  if (isLate) {
    const seconds = Math.round((delivery.nowMs - signedMs(delivery)) / 1_000);
    return `its time is ${Math.abs(seconds)} s ${seconds < 0 ? 'ahead of' : 'behind'} the clock here`;
  }
  return provider.signedIn.every((name) => delivery.header(name) === '')
    ? `it is not signed: it has no ${provider.signedIn.join(' or ')}`
    : 'none of the secrets signed it';
}

function resultOf(event: Event, branch: string): Result {
  if (event.kind === 'ping') return 'ping';
  if (event.kind === 'other') return 'ignored';
  return event.branches === null || event.branches.includes(branch) ? 'accepted' : 'ignored';
}
