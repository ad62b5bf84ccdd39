import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { GitBackend } from '../git/index.ts';
import type { Line, LineState, Pin } from '../governance/index.ts';
import type { Files } from './files.ts';
import { keepProof, type ProofPlaces, proofOf } from './proofs.ts';
import {
  disagreements,
  isOnDisk,
  type RefusedTip,
  readWitness,
  type Witness,
  withRefused,
  witnessOf,
  writeWitness,
} from './witness.ts';

/** What Following has to remember (G9): what was followed last, and both sides of what was refused. */
export interface Memory {
  /** The last followed tip; null before the first. */
  tip(): string | null;
  /** Reads it from the disk; at start, once. Throws `Failure` `witness-corrupt | witness-mismatch`. */
  recall(): Promise<string | null>;
  /** G20: what is derived now at the followed tip must be what was derived when it was followed, else `witness-mismatch`. */
  agree(state: LineState): void;
  /** Resolves when it is on the disk: after a crash what was served is never forgotten. */
  remember(state: LineState): Promise<void>;
  /** G20: keeps both sides as proof, once. `about`: what the line of the log says besides. */
  refuse(refused: RefusedTip, followed: LineState | null, about: object): Promise<void>;
}

export type MemoryOptions = {
  readonly name: string;
  readonly pin: Pin;
  readonly git: GitBackend;
  readonly line: Line;
  readonly files: Files;
  /** Path of `witness.json`. */
  readonly witness: string;
  readonly proofs: ProofPlaces;
  readonly log: Log;
};

export function createMemory(options: MemoryOptions): Memory {
  return new WitnessMemory(options);
}

class WitnessMemory implements Memory {
  readonly #options: MemoryOptions;
  #witness: Witness | null = null;
  /** A power cut may take back what was written last. */
  #unsure = false;
  /** The refused tip that is on the disk with its proof. */
  #proven: string | null = null;
  /** What agreed last: each run asks again, and mostly nothing has changed. */
  #agreed: { readonly witness: Witness; readonly state: LineState } | null = null;

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  tip(): string | null {
    return this.#witness?.tip ?? null;
  }

  async recall(): Promise<string | null> {
    const { files, witness, name, pin } = this.#options;
    this.#witness = await readWitness(files, witness, name, pin);
    return this.tip();
  }

  agree(state: LineState): void {
    const witness = this.#witness;
    if (witness?.tip !== state.tip) return;
    if (this.#agreed?.witness === witness && this.#agreed.state === state) return;
    const uids = disagreements(witness, state);
    if (uids.length === 0) {
      this.#agreed = { witness, state };
      return;
    }
    const message = `at ${state.tip} the state of ${uids.join(', ')} is not what ${this.#options.witness} witnessed`;
    const fix = 'find out which of the two is right; remove the file to trust what is derived now';
    throw new Failure('witness-mismatch', message, fix);
  }

  /** Enforces G20. */
  async remember(state: LineState): Promise<void> {
    this.agree(state);
    if (this.tip() === state.tip && !this.#unsure) return;
    await this.#write(witnessOf(this.#options.name, state, this.#witness));
  }

  async refuse(refused: RefusedTip, followed: LineState | null, about: object): Promise<void> {
    if (this.#witness === null || (this.#proven === refused.tip && !this.#unsure)) return;
    if (followed !== null) await this.#prove(refused, followed, about);
    await this.#write(withRefused(this.#witness, refused));
    this.#proven = refused.tip; // Only now: what could not be written is written by the next run.
  }

  async #prove(refused: RefusedTip, followed: LineState, about: object): Promise<void> {
    const { name, line, git, files, proofs, log } = this.#options;
    const proof = await proofOf(name, line, git, followed, refused);
    const kept = await keepProof(files, proofs, proof);
    const facts = { ...about, conflicts: proof.conflicts?.length ?? null };
    log.warn(facts, kept ? 'both sides are kept as proof' : 'too many proofs: this one is not kept');
  }

  /** A restart goes on from what is on the disk, so that a write that failed half-way is known here too. */
  async #write(witness: Witness): Promise<void> {
    const { files, witness: file } = this.#options;
    this.#unsure = true;
    try {
      await writeWitness(files, file, witness);
    } catch (error) {
      if (await isOnDisk(files, file, witness)) this.#witness = witness;
      throw error;
    }
    this.#witness = witness;
    this.#unsure = false;
  }
}
