import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from './clock.ts';
import { type Files, replaceFile } from './files.ts';
import { type Keeper, type Kept, NOTHING_KEPT } from './kept.ts';
import {
  formatSuspensions,
  isForgotten,
  isLater,
  type KeptVersion,
  keyOf,
  MAX_SCOPES,
  MAX_SUSPENSIONS,
  parseSuspensions,
  type Suspension,
} from './suspension.ts';

/** What somebody asks for; `scope` null: the whole repository. */
export type SuspensionAsked = Pick<Suspension, 'repository' | 'scope' | 'reason' | 'by' | 'untilMs'>;

/** What operators have stopped: on the disk before it is in force, so that a restart knows it. */
export interface Suspensions extends Pick<Keeper, 'suspended' | 'kept'> {
  suspend(asked: SuspensionAsked): Promise<Suspension>;
  /** Null where it is not suspended. */
  resume(asked: Omit<SuspensionAsked, 'untilMs'>): Promise<Suspension | null>;
  /** Takes over what another replica was told, where that is later: of a peer that lies, no more than there is room for. */
  hear(heard: readonly Suspension[]): Promise<void>;
  /** Milliseconds since the epoch: the time that `until` is judged by. */
  now(): number;
  /** To be called when it is found to be another time than it was thought to be. Never rejects. */
  recheck(): Promise<void>;
  /** Those that ended within the last 30 days too: whoever was away has to hear that they have. */
  all(): readonly Suspension[];
  close(): void;
}

export type SuspensionOptions = {
  readonly files: Files;
  /** Path of `suspend.json`. */
  readonly file: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Versions that a scope has accepted, oldest first; the last is the one that is served. */
  readonly versions: (repository: string, uid: string) => readonly Pick<KeptVersion, 'digest' | 'seq'>[];
  /** Something of the repository is kept, or no longer. */
  readonly onChange: (repository: string) => void;
  /** One begins, or ends: somebody said so, here or to another replica, or its time is over. */
  readonly told: (suspension: Suspension, how: 'suspended' | 'resumed' | 'over') => void;
};

/** Throws `Failure` `suspend-corrupt`: starting without it would let go what somebody has stopped. */
export async function openSuspensions(options: SuspensionOptions): Promise<Suspensions> {
  const { files, file } = options;
  const text = await files.read(file);
  const known = text === null ? [] : parseSuspensions(text);
  if (known !== null) return new StoredSuspensions(options, known);
  const fix = `restore ${file} from a backup; or remove it, and suspend again what has to stay`;
  throw new Failure('suspend-corrupt', `${file} is not a whole list of suspensions`, fix);
}

/** What is heard leaves room for what is told here. */
const MAX_HEARD = MAX_SUSPENSIONS / 2;
/** Replicas' clocks differ; but what is told later must always be able to end it. */
const MAX_AHEAD_MS = 2 * 366 * 24 * 3_600_000;
const MAX_LOGGED = 10;
/** Whoever sets the clock of the machine is heard so soon. */
const RECHECK_MS = 60_000;

/** In a line of the log `scope` is a name, as in all of them. */
function factsOf({ scope, ...facts }: Suspension): Readonly<Record<string, unknown>> {
  if (scope === null) return facts;
  const { path, ...version } = scope;
  return { ...facts, scope: path, ...version };
}

function scopesIn(known: ReadonlyMap<string, Suspension>): number {
  return [...known.values()].filter(({ scope }) => scope !== null).length;
}

type ByUid = ReadonlyMap<string, Kept>;
type Changed = { readonly begun: readonly Suspension[]; readonly ended: readonly Suspension[] };

class StoredSuspensions implements Suspensions {
  readonly #options: SuspensionOptions;
  /** By what they are about. */
  #known: ReadonlyMap<string, Suspension>;
  /** In force, and told to be. */
  #active: ReadonlySet<Suspension> = new Set();
  /** By repository, for as long as nothing changes. */
  readonly #kept = new Map<string, ByUid>();
  #turn: Promise<unknown> = Promise.resolve();
  #cancel = () => {};
  #closed = false;

  constructor(options: SuspensionOptions, known: readonly Suspension[]) {
    this.#options = options;
    this.#known = new Map(known.map((each) => [keyOf(each), each]));
    this.#refresh();
  }

  suspended(repository: string): Suspension | null {
    const found = this.#known.get(keyOf({ repository, scope: null }));
    return found !== undefined && this.#active.has(found) ? found : null;
  }

  kept(repository: string): ByUid {
    return this.#kept.get(repository) ?? NOTHING_KEPT;
  }

  now(): number {
    return this.#options.clock.now();
  }

  recheck(): Promise<void> {
    return this.#next(async () => {
      if (!this.#closed) await this.#recheck();
    });
  }

  all(): readonly Suspension[] {
    const now = this.now();
    return [...this.#known.values()].filter((each) => !isForgotten(each, now));
  }

  suspend(asked: SuspensionAsked): Promise<Suspension> {
    return this.#next(async () => {
      const now = this.#options.clock.now();
      if (asked.untilMs !== null && asked.untilMs <= now) {
        const at = new Date(now).toISOString();
        throw new Failure(
          'suspend-past',
          `it would have ended already: here it is ${at}`,
          'name a later time',
        );
      }
      const made = this.#made(asked, 'Suspended');
      await this.#take([made]);
      this.#options.log.warn(factsOf(made), 'suspended');
      return made;
    });
  }

  resume(asked: Omit<SuspensionAsked, 'untilMs'>): Promise<Suspension | null> {
    return this.#next(async () => {
      const found = this.#known.get(keyOf(asked));
      if (found === undefined || !this.#active.has(found)) return null;
      const made = this.#made({ ...asked, scope: found.scope, untilMs: null }, 'Resumed');
      await this.#take([made]);
      this.#options.log.warn(factsOf(made), 'resumed');
      return made;
    });
  }

  hear(heard: readonly Suspension[]): Promise<void> {
    return this.#next(async () => {
      const { clock, log } = this.#options;
      const now = clock.now();
      let room = MAX_HEARD - this.all().length;
      const news = heard.filter((each) => {
        if (each.atMs > now + MAX_AHEAD_MS) return false;
        const known = this.#known.get(keyOf(each));
        if (known !== undefined) return isLater(each, known);
        if (isForgotten(each, now)) return false;
        if (each.scope === null) return true;
        room -= 1;
        return room >= 0;
      });
      if (room < 0) log.error({ leftOut: -room }, 'other replicas were told to stop more than can be kept');
      if (news.length === 0) return;
      await this.#take(news.map((each) => this.#neverBack(each)));
      for (const each of news.slice(0, MAX_LOGGED))
        log.warn(factsOf(each), `another replica was told: ${each.state}`);
      if (news.length > MAX_LOGGED) log.warn({ all: news.length }, 'other replicas were told still more');
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  /** Later than what is known of it, whatever the clocks say. */
  #made(asked: SuspensionAsked, state: Suspension['state']): Suspension {
    const { clock, random } = this.#options;
    const known = this.#known.get(keyOf(asked));
    const atMs = Math.max(clock.now(), (known?.atMs ?? 0) + 1);
    const { repository, scope, reason, by, untilMs } = asked;
    const id = Math.floor(random() * 2 ** 48).toString(16);
    return { repository, scope, state, reason, by, atMs, untilMs, id };
  }

  /** A version that is older than the one served here would take a scope backwards, which no peer can ask for. */
  #neverBack(heard: Suspension): Suspension {
    const { repository, scope } = heard;
    if (scope === null) return heard;
    const versions = this.#options.versions(repository, scope.uid);
    const last = versions.at(-1);
    const isOlder = versions.slice(0, -1).some(({ digest }) => digest === scope.digest);
    if (last === undefined || !isOlder || last.digest === scope.digest) return heard;
    return { ...heard, scope: { ...scope, digest: last.digest, seq: last.seq } };
  }

  async #take(news: readonly Suspension[]): Promise<void> {
    const { files, file } = this.#options;
    const known = new Map([...this.all(), ...news].map((each) => [keyOf(each), each]));
    const adds = news.some((each) => each.scope !== null && !this.#known.has(keyOf(each)));
    if ((adds && scopesIn(known) > MAX_SCOPES) || known.size > MAX_SUSPENSIONS) {
      const message = `there are ${this.#known.size} suspensions, with those that ended in the last 30 days`;
      throw new Failure('suspend-full', message, 'suspend the repository instead');
    }
    await replaceFile(files, file, formatSuspensions([...known.values()]));
    this.#known = known;
    this.#tell(this.#refresh(), news);
  }

  /** What is over; and what was over too early, by a clock that was wrong: what is served by now stays then. */
  async #recheck(): Promise<void> {
    const { files, file, log } = this.#options;
    const again = this.all().flatMap((each) =>
      this.#inForce(each) && !this.#active.has(each) ? [this.#neverBack(each)] : [],
    );
    this.#known = new Map([...this.#known, ...again.map((each) => [keyOf(each), each] as const)]);
    for (const each of again.slice(0, MAX_LOGGED))
      log.warn(factsOf(each), 'its time is not over: suspended again');
    this.#tell(this.#refresh());
    if (again.length === 0) return;
    await replaceFile(files, file, formatSuspensions(this.all())).catch((error: unknown) => {
      log.error({ error: String(error) }, `what is suspended again cannot be written to ${file}`);
    });
  }

  /** One after the other: two writers of one file would mix their texts. */
  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #inForce({ state, untilMs }: Suspension): boolean {
    return state === 'Suspended' && (untilMs === null || untilMs > this.#options.clock.now());
  }

  /** What is in force from now on, and what of it was not before, or is no more by itself. */
  #refresh(): Changed {
    const before = this.#active;
    const known = [...this.#known.values()];
    const active = known.filter((each) => this.#inForce(each));
    const begun = active.filter((each) => !before.has(each));
    const gone = [...before].filter((each) => !this.#inForce(each) && this.#known.get(keyOf(each)) === each);
    this.#arm(known);
    if (active.length === before.size && begun.length === 0) return { begun, ended: gone };
    this.#active = new Set(active);
    this.#kept.clear();
    for (const [repository, own] of Map.groupBy(active, (each) => each.repository)) {
      const scopes = own.flatMap((suspension) =>
        suspension.scope === null ? [] : [{ suspension, ...suspension.scope }],
      );
      if (scopes.length === 0) continue;
      const kept = scopes.map(
        ({ uid, digest, seq, suspension }) => [uid, { digest, seq, suspension, replicas: [] }] as const,
      );
      this.#kept.set(repository, new Map(kept));
    }
    return { begun, ended: gone };
  }

  /** For the next that ends by itself; and now and then, since the clock may be set. */
  #arm(known: readonly Suspension[]): void {
    const { clock } = this.#options;
    const now = clock.now();
    const ends = known.flatMap(({ state, untilMs }) => (state === 'Suspended' ? (untilMs ?? []) : []));
    const next = ends.reduce((ms, endMs) => (endMs > now ? Math.min(ms, endMs - now) : ms), RECHECK_MS);
    this.#cancel();
    this.#cancel =
      ends.length === 0 || this.#closed ? () => {} : clock.after(next, () => void this.recheck());
  }

  #tell({ begun, ended }: Changed, news: readonly Suspension[] = []): void {
    const { told, onChange, log } = this.#options;
    for (const each of ended) log.warn(factsOf(each), 'its time is over: no longer suspended');
    for (const each of ended) told(each, 'over');
    for (const each of news) if (each.state === 'Resumed') told(each, 'resumed');
    for (const each of begun) told(each, 'suspended');
    const changed = [...ended, ...news, ...begun].map(({ repository }) => repository);
    for (const repository of new Set(changed)) onChange(repository);
  }
}
