import type { Log } from '../base/log.ts';
import type { LineState } from '../governance/index.ts';
import type { Announcement } from './announcement.ts';
import type { Bulletin } from './bulletin.ts';
import type { Clock } from './clock.ts';
import { derivedOf, formatDerived, mayBeOneLine, parseDerived } from './derived.ts';
import { createPace } from './pace.ts';
import { createSharedSuspensions } from './shared-suspensions.ts';
import type { KeptVersion } from './suspension.ts';
import type { Suspensions } from './suspensions.ts';
import { type Differing, type Kinship, Witnesses } from './witnesses.ts';

export type BoardOptions = {
  readonly name: string;
  readonly genesis: string;
  readonly bulletin: Bulletin;
  /** 32 hex digits, of this process alone. */
  readonly replica: string;
  readonly suspensions: Suspensions;
  readonly clock: Clock;
  readonly log: Log;
  /** Versions that a scope has accepted, oldest first; the last is the one that is served. */
  readonly versions: (repository: string, uid: string) => readonly Pick<KeptVersion, 'digest' | 'seq'>[];
  /** Of a commit with the followed tip. Whoever asks may ask of any. */
  readonly kinship: (repository: string, commit: string) => Promise<Kinship>;
  /** There is something to look for, or to keep otherwise. */
  readonly hint: (repository: string, delayMs: number) => void;
};

/** A scope that stops changing, and where. */
export type Frozen = Pick<KeptVersion, 'digest' | 'seq'> & { readonly replicas: readonly string[] };

/** What was missed is heard again after so long. */
const REPEAT_MS = 30_000;
/** However many announcements there are, the remote is looked at so often because of them. */
const HINTS = { firstMs: 250, maxMs: 5_000 };
/** Followed tips of which a slower replica may still speak. */
const MAX_TIPS = 100;
const SHOWN_SECONDS = 3_600;
/** Who speaks of the same scopes needs about as much room as is needed here. */
const MORE_BYTES = 65_536;
const NOTHING_FROZEN: ReadonlyMap<string, Frozen> = new Map();
const NO_DIGEST = '0'.repeat(64);

/** What this replica tells the others of one repository, and what follows from what they say. */
export class Board {
  readonly #options: BoardOptions;
  readonly #witnesses = new Witnesses();
  readonly suspensions: ReturnType<typeof createSharedSuspensions>;
  readonly #hints = createPace(HINTS);
  readonly #tips = new Set<string>();
  #state: LineState | null = null;
  #shown: { readonly digest: string; readonly atMs: number } | null = null;
  #saidMs = Number.NEGATIVE_INFINITY;
  #isDue = false;
  #differing: Differing | null = null;
  #frozen = NOTHING_FROZEN;

  constructor(options: BoardOptions) {
    this.#options = options;
    const { name, genesis } = options;
    const place = `suspensions:${name}:${genesis}`;
    const onNews = () => this.#announce();
    this.suspensions = createSharedSuspensions({ ...options, repository: name, place, onNews });
  }

  /** By uid: what others derive otherwise. The same object for as long as nothing changed. */
  frozen(): ReadonlyMap<string, Frozen> {
    return this.#frozen;
  }

  differing(): Differing | null {
    return this.#witnesses.differing();
  }

  followed(state: LineState): void {
    if (this.#state === state) return;
    if (this.#state?.tip !== state.tip) this.#hints.reached();
    this.#state = state;
    this.#tips.delete(state.tip);
    this.#tips.add(state.tip);
    for (const old of [...this.#tips].slice(0, -MAX_TIPS)) this.#tips.delete(old);
    this.#witnesses.follow(derivedOf(state), this.#nowMs(), (uid, said) => {
      const scope = state.scopes.get(uid);
      return scope === undefined || mayBeOneLine(scope, said);
    });
    this.#announce();
    this.#freeze();
  }

  /** The remote has answered with what it has, to what was asked at `startMs` of the steady clock. */
  looked(startMs: number): void {
    this.#witnesses.looked(startMs);
  }

  heard(said: Announcement): void {
    const { genesis, replica, name, hint } = this.#options;
    if (said.genesis !== genesis || said.replica === replica) return;
    if (said.tip !== null && !this.#tips.has(said.tip)) {
      const delayMs = this.#hints.next(this.#nowMs());
      if (delayMs !== null) hint(name, delayMs);
    }
    if (said.suspensions !== this.suspensions.digest()) this.suspensions.ask();
    // Whoever is new here has to hear what there is.
    if (!this.#witnesses.hear(said, this.#nowMs())) this.#isDue = true;
    this.#freeze();
  }

  /** Redis is there, and may have lost everything. */
  async connected(): Promise<void> {
    this.#shown = null;
    this.#announce();
    await this.suspensions.sync();
  }

  /** Once a second. */
  tick(): void {
    const nowMs = this.#nowMs();
    this.#witnesses.tick(nowMs);
    this.#freeze();
    const again = nowMs - this.#saidMs >= REPEAT_MS;
    if (again) this.suspensions.ask();
    if (again || this.#isDue) this.#announce();
  }

  /** Finds out which line one of the others follows, and reads what one has shown. */
  async compare(): Promise<void> {
    await this.#place();
    await this.#read();
  }

  async #place(): Promise<void> {
    const about = this.#witnesses.own() === null ? null : this.#witnesses.unplaced();
    if (about === null) return;
    const { name, kinship } = this.#options;
    const own = this.#witnesses.own();
    const found = this.#tips.has(about.tip) ? 'same' : await kinship(name, about.tip);
    if (this.#witnesses.own() !== own) return; // It was of another tip.
    this.#witnesses.place(about, found, this.#nowMs());
    this.#freeze();
  }

  /** What was derived here is worth showing only where somebody says otherwise. */
  async #read(): Promise<void> {
    const { name, genesis, replica, bulletin } = this.#options;
    const [own, nowMs] = [this.#witnesses.own(), this.#nowMs()];
    if (own === null || !this.#witnesses.isDisputed()) return;
    const isShown = this.#shown?.digest === own.digest && nowMs - this.#shown.atMs < REPEAT_MS;
    const said = this.#witnesses.unread(nowMs);
    if (isShown && said === null) return;
    const place = (of: string) => `derived:${name}:${genesis}:${of}`;
    const text = formatDerived(own);
    if (!isShown) {
      await bulletin.write(place(replica), text, SHOWN_SECONDS);
      this.#shown = { digest: own.digest, atMs: nowMs };
      this.#announce();
    }
    if (said === null) return;
    const shown = await bulletin.read(place(said.replica), 2 * text.length + MORE_BYTES);
    this.#witnesses.read(said, shown === null ? null : parseDerived(shown), this.#nowMs());
    this.#freeze();
  }

  close(): void {
    this.#say(null);
    this.suspensions.close();
  }

  #nowMs(): number {
    return this.#options.clock.steadyMs();
  }

  #announce(): void {
    this.#isDue = false;
    this.#saidMs = this.#nowMs();
    this.#say(this.#witnesses.own()?.tip ?? null);
  }

  #say(tip: string | null): void {
    const { bulletin, replica, name: repository, genesis } = this.#options;
    const digest = this.#witnesses.own()?.digest ?? NO_DIGEST;
    const scopes = this.#shown?.digest === digest ? 'shown' : 'unshown';
    const suspensions = this.suspensions.digest();
    const said: Announcement = { replica, repository, genesis, tip, digest, scopes, suspensions };
    bulletin.say(JSON.stringify(said));
  }

  /** Where others differ, what is served stays: never a version from before that. */
  #freeze(): void {
    const differing = this.#witnesses.differing();
    if (differing === this.#differing) return;
    const isTold = differing !== null && this.#differing !== null;
    this.#differing = differing;
    this.#tell(differing);
    const { name, versions, hint } = this.#options;
    const frozen = new Map<string, Frozen>();
    for (const [uid, replicas] of differing?.scopes ?? []) {
      const version = this.#frozen.get(uid) ?? versions(name, uid).at(-1);
      if (version !== undefined) frozen.set(uid, { digest: version.digest, seq: version.seq, replicas });
    }
    // Who more says so, and of nothing, is no reason for a run: anybody may announce.
    if (isTold && frozen.size === 0 && this.#frozen.size === 0) return;
    this.#frozen = frozen.size === 0 ? NOTHING_FROZEN : frozen;
    hint(name, 0);
  }

  #tell(differing: Differing | null): void {
    const { log, name } = this.#options;
    const about = { repository: name, tip: this.#state?.tip ?? null };
    if (differing === null) log.warn(about, 'the replicas derive the same again');
    else {
      const { replicas, elsewhere, scopes, unknown } = differing;
      const names = [...scopes.keys()].map((uid) => this.#state?.scopes.get(uid)?.path ?? uid);
      const facts = { ...about, replicas, elsewhere, scopes: names, unknown };
      const what = elsewhere.length === 0 ? 'derive something else from the same tip' : 'follow another line';
      log.error(facts, `other replicas ${what}: these scopes stop changing`);
    }
  }
}
