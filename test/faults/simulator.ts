import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import { formatVerification, type Pin } from '../../src/governance/index.ts';
import { createWorld } from '../governance/world.ts';
import { type SimulatedClock, simulatedClock } from '../reconcile/clock.ts';
import { type Disk, testDisk } from '../reconcile/files.ts';
import { FETCH_TIMEOUT_MS, POLL_MS, type Simulation, simulate } from '../reconcile/simulation.ts';
import { createFolder } from '../repository.ts';
import { type Random, seeded } from '../signatures/differential/random.ts';

const COMMITS = 24;
const REPOSITORIES = 3;
const YEAR_MS = 365 * 24 * 3_600_000;
/** The longest wait of a key that fails, or of one that polls, and a fetch that hangs meanwhile. */
const BOUND_MS = Math.max(300_000, POLL_MS * 1.1) + FETCH_TIMEOUT_MS + 1_000;

const service = (name: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: s }\nspec: { ports: [{ name: http, port: 80 }] }\n`;

const world = createWorld({ threshold: 1 });

const name = (at: number) => (at === 0 ? 'g' : `c${at}`);

/** The main line, of which two commits of three are signed; beside each commit a fork of it; and another genesis. */
async function history() {
  const main = [world.add('g', { S: service('s0') })];
  const forks: string[] = [];
  for (let at = 1; at < COMMITS; at += 1) {
    const signed = at % 3 === 0 ? {} : { by: 'x' };
    main.push(world.add(name(at), { parents: [name(at - 1)], S: service(`s${at}`), ...signed }));
    forks.push(world.add(`f${at}`, { parents: [name(at - 1)], S: service(`f${at}`), by: 'y' }));
  }
  const stranger = world.add('stranger', { S: service('stranger') });
  const pin: Pin = await world.pin();
  const texts = new Map<string, string>();
  for (const [at, id] of main.entries()) texts.set(id, formatVerification(await world.state(name(at))));
  return { main, forks, stranger, pin, texts };
}

const { main, forks, stranger, pin, texts } = await history();

const REMOTES = ['good', 'down', 'hanging', 'deaf', 'old', 'missing', 'broken', 'foreign', 'forced'] as const;
type Remote = (typeof REMOTES)[number];
const OPERATIONS = ['write', 'rename', 'syncDirectory', 'makeDirectory', 'remove'] as const;

/** Runs `steps` random steps of faults and of work over several repositories, and looks at all of them after each. */
export async function simulateFaults(seed: number, steps: number): Promise<{ readonly runs: number }> {
  const random = seeded(seed);
  const folder = await createFolder();
  const clock = simulatedClock();
  try {
    const all = Array.from({ length: REPOSITORIES }, (_, at) => {
      return new Repository(clock, join(folder.dir, `witness-${at}.json`));
    });
    for (const repository of all) await repository.begin();
    for (let step = 0; step < steps; step += 1) {
      const repository = random.pick(all);
      const done = await repository.act(random);
      for (const each of all) await each.check().catch((error) => fail(error, `step ${step}, ${done}`));
    }
    await converge(clock, all);
    const closed = all.map(({ simulation }) => simulation.queue.close());
    await clock.advance(FETCH_TIMEOUT_MS); // What hangs since before the faults were over ends by its own timeout.
    await Promise.all(closed);
    expect(clock.pending(), 'timers that are left').toBe(0);
    return { runs: all.reduce((sum, { runs }) => sum + runs, 0) };
  } finally {
    await folder.close();
  }
}

function fail(cause: unknown, at: string): never {
  throw new Error(`${at}: ${cause instanceof Error ? cause.message : cause}`, { cause });
}

/** Once nothing is wrong any more, all are at their heads before the longest wait is over. */
async function converge(clock: SimulatedClock, all: readonly Repository[]): Promise<void> {
  for (const repository of all) await repository.mend();
  const startMs = clock.steadyMs();
  while (!all.every((repository) => repository.hasConverged())) {
    if (clock.steadyMs() - startMs > BOUND_MS)
      throw new Error(
        `not converged: ${JSON.stringify(all.map(({ simulation }) => simulation.loop.status()))}`,
      );
    await clock.advance(1_000);
    for (const repository of all) await repository.settle();
  }
  for (const repository of all) await repository.check();
}

class Repository {
  readonly #clock: SimulatedClock;
  readonly #witness: string;
  simulation: Simulation;
  runs = 0;
  #disk: Disk = testDisk();
  #remote: Remote = 'good';
  #offered: string;
  #head = 0;
  #isDead = false;
  /** Fetches that nothing answers yet. */
  #hanging = 0;
  #servedAt = -1;
  #witnessedAt = -1;

  constructor(clock: SimulatedClock, witness: string) {
    this.#clock = clock;
    this.#witness = witness;
    this.#offered = main[0] ?? '';
    this.simulation = this.#begin();
  }

  #begin(): Simulation {
    this.#disk = testDisk();
    this.#hanging = 0;
    const [clock, disk, witness] = [this.#clock, this.#disk, this.#witness];
    const simulation = simulate({ objects: world.objects, pin, witness, clock, disk });
    simulation.remote({ fetch: (signal) => this.#fetch(signal) });
    return simulation;
  }

  /** Who has followed nothing yet would take any line of the pin: there is nothing to hold against it. */
  async begin(): Promise<void> {
    await this.#hint();
    await this.check();
  }

  /** One random step; what it was. */
  async act(random: Random): Promise<string> {
    const kind = random.pick([
      'remote',
      'push',
      'disk',
      'die',
      'clock',
      'time',
      'hint',
      'hint',
      'restart',
    ] as const);
    if (kind === 'remote') this.#be(random.pick(REMOTES), random);
    else if (kind === 'push') this.#push();
    else if (kind === 'disk')
      this.#disk.refuse(
        random.pick([null, ...OPERATIONS]),
        random.pick(['disk-full', 'data-unwritable'] as const),
      );
    else if (kind === 'die') this.#dieSoon(random);
    else if (kind === 'clock') this.#clock.set(random.pick([YEAR_MS, -YEAR_MS, -3_600_000, -1]));
    else if (kind === 'time') await this.#clock.advance(random.pick([10, 1_000, 40_000, 600_000]));
    else if (kind === 'hint') await this.#hint();
    else await this.#restart();
    await this.settle();
    return `${kind} (${this.#remote})`;
  }

  async mend(): Promise<void> {
    if (this.#isDead) await this.#restart();
    this.#disk.refuse(null);
    this.#be('good', seeded(0));
  }

  hasConverged(): boolean {
    const { followedTip, appliedRevision, failure, refused } = this.simulation.loop.status();
    const head = main[this.#head];
    return followedTip === head && appliedRevision === head && failure === null && refused === null;
  }

  /** Until nothing of it goes on but what waits for time to pass. */
  async settle(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const { started, finished } = this.simulation.loop.status().runs;
      if (started === finished || this.#hanging > 0) return;
    }
  }

  #be(wanted: Remote, random: Random): void {
    // What extends the followed tip is a change like any other: only what is beside it was forced.
    const remote = wanted === 'forced' && this.#witnessedAt < 1 ? 'down' : wanted;
    this.#remote = remote;
    if (remote === 'old') this.#offered = main[random.below(this.#head + 1)] ?? '';
    else if (remote === 'foreign') this.#offered = stranger;
    else if (remote === 'forced') this.#offered = forks[random.below(this.#witnessedAt)] ?? '';
    else if (remote === 'missing') this.#offered = 'f'.repeat(40);
    else this.#offered = main[this.#head] ?? '';
  }

  #push(): void {
    this.#head = Math.min(main.length - 1, this.#head + 1);
    if (this.#remote === 'good') this.#offered = main[this.#head] ?? '';
  }

  async #fetch(signal: AbortSignal | undefined): Promise<string> {
    const remote = this.#remote;
    if (remote === 'down') throw new Failure('remote-unreachable', 'nobody answers', 'check the network');
    if (remote === 'broken') throw new TypeError('garbage');
    if (remote !== 'hanging' && remote !== 'deaf') return this.#offered;
    this.#hanging += 1;
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => {
        this.#hanging -= 1;
        // Whoever is deaf to it never ends; the loop has to go on without.
        if (remote === 'hanging') reject(new Failure('remote-timeout', 'aborted', 'check the network'));
      });
    });
  }

  #dieSoon(random: Random): void {
    if (this.#isDead) return;
    this.#disk.dieAt(1 + random.below(6));
    this.#isDead = true;
  }

  /** A run that began after what the remote is now: the status has to say what is wrong with it. */
  async #hint(): Promise<void> {
    await this.settle();
    if (this.#hanging > 0) await this.#clock.advance(FETCH_TIMEOUT_MS);
    await this.settle();
    const before = this.simulation.loop.status().runs.finished;
    await this.simulation.queue.add('mesh');
    await this.#clock.advance(0);
    await this.settle();
    if (this.#hanging > 0) await this.#clock.advance(FETCH_TIMEOUT_MS);
    await this.settle();
    const status = this.simulation.loop.status();
    expect(status.runs.finished, 'runs after a hint').toBeGreaterThan(before);
    if (['down', 'hanging', 'deaf', 'broken'].includes(this.#remote)) {
      expect(status.failure).toMatchObject({ stage: 'fetch' });
      expect(status.fetch.failingSinceMs).not.toBeNull();
    }
    if (this.#remote === 'missing') expect(status.failure).not.toBeNull();
    // A machine that is off has perhaps renamed a witness that it does not know of.
    const isBeside = this.#remote === 'foreign' || this.#remote === 'forced';
    if (isBeside && !this.#isDead) expect(status.refused?.tip).toBe(this.#offered);
    const broken = status.failure !== null || status.refused !== null;
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    if (broken) expect(ready?.status).not.toBe('True');
    if (!broken && this.#remote === 'good') expect(status.followedTip).toBe(main[this.#head]);
  }

  /** As after a crash: what was in flight is forgotten, and only the disk stays. */
  async #restart(): Promise<void> {
    await this.settle();
    this.runs += this.simulation.loop.status().runs.finished;
    const closed = this.simulation.queue.close();
    if (this.#hanging > 0) await this.#clock.advance(FETCH_TIMEOUT_MS);
    await closed;
    this.#isDead = false;
    this.simulation = this.#begin();
    await this.simulation.loop.restore();
    await this.simulation.queue.add('mesh');
  }

  async check(): Promise<void> {
    const { loop, published } = this.simulation;
    const [status, state] = [loop.status(), loop.state()];
    // Of all of them time has passed, not only of the one that was settled: a run may go on while the file is read.
    const all = published.map((tip) => main.indexOf(tip));
    const witness = await readFile(this.#witness, 'utf8').catch(() => null);
    const witnessed = witness === null ? -1 : main.indexOf(JSON.parse(witness).tip);
    expect(witnessed, `the witness: ${witness}`).toBeGreaterThanOrEqual(this.#witnessedAt);
    if (witness !== null) expect(witnessed, 'the witness').toBeGreaterThanOrEqual(0);
    this.#witnessedAt = witnessed;
    const served = all.at(-1) ?? -1;
    expect(all, 'what was pushed').toEqual(all.toSorted((a, b) => a - b));
    if (all.length > 0) expect(all[0], 'what was pushed').toBeGreaterThanOrEqual(0);
    if (served >= 0) expect(served, 'what is served').toBeGreaterThanOrEqual(this.#servedAt);
    expect(served, 'served is witnessed').toBeLessThanOrEqual(witnessed);
    this.#servedAt = Math.max(this.#servedAt, served);
    if (state !== null) expect(formatVerification(state), 'the verification').toBe(texts.get(state.tip));
    if (state !== null && status.fetch.ageMs !== null) expect(status.fetch.ageMs).toBeGreaterThanOrEqual(0);
    // One for the next run of each, and one for each fetch that hangs.
    expect(this.#clock.pending(), 'timers').toBeLessThanOrEqual(REPOSITORIES * 2);
  }
}
