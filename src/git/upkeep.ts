import { type Files, namesIn, syncFolder } from './files.ts';
import { sweep } from './store.ts';

export type UpkeepOptions = {
  readonly files: Files;
  readonly gitdir: string;
  /** Joins packs, and loses nothing; null where nobody can. Throws if it did not. */
  readonly join: ((signal: AbortSignal) => Promise<void>) | null;
  /** How long that may take, in milliseconds. */
  readonly limitMs: number;
  /** Packs could not be joined; once, until they could. */
  readonly unjoined: (error: unknown) => void;
  /** Throws where the store is another's by now: what is swept then may be of its writers. */
  readonly confirm: () => Promise<void>;
};

/**
 * What writes packs to a store of ours, and what it leaves: fetches, and beside them the joining of the packs of many small
 * ones, so that finding an object does not take ever longer.
 */
export interface Upkeep {
  /** Runs a writer. What one that failed has left is swept away once none is at work. */
  writing<Value>(work: () => Promise<Value>): Promise<Value>;
  /** Sees to it that packs are joined if there are many; nobody waits for that. One at a time. */
  begin(): void;
  /** Ends that. It may begin anew. */
  end(): Promise<void>;
}

export function createUpkeep({ files, gitdir, join, limitMs, unjoined, confirm }: UpkeepOptions): Upkeep {
  const folder = `${gitdir}/objects/pack`;
  let atWork = 0;
  let isLittered = false;
  let sweeping: Promise<void> = Promise.resolve();
  let ending: AbortController | null = null;
  let joining: Promise<void> = Promise.resolve();
  let most = PACKS;

  async function writing<Value>(work: () => Promise<Value>): Promise<Value> {
    atWork += 1;
    await sweeping;
    try {
      await confirm();
      return await work();
    } catch (error) {
      isLittered = true;
      throw error;
    } finally {
      atWork -= 1;
      if (atWork === 0 && isLittered) {
        isLittered = false;
        sweeping = confirm()
          .then(() => sweep(files, gitdir))
          .catch(() => {}); // Whoever opens the store next sweeps it, too.
        await sweeping;
      }
    }
  }

  async function joinMany(run: NonNullable<UpkeepOptions['join']>, ended: AbortSignal): Promise<void> {
    const names = await namesIn(files, folder);
    const packs = names.filter((name) => name.endsWith('.pack')).length;
    if (packs <= most) return;
    await writing(() => run(AbortSignal.any([ended, AbortSignal.timeout(limitMs)]))).then(
      async () => {
        await syncFolder(files, folder); // Git does not.
        most = PACKS;
      },
      (error: unknown) => {
        if (ended.aborted) return;
        if (most === PACKS) unjoined(error);
        most = 2 * packs; // What takes too long, or fails, is not tried at each fetch.
      },
    );
  }

  return {
    writing,
    begin() {
      if (join === null || ending !== null) return;
      ending = new AbortController();
      joining = joinMany(join, ending.signal)
        .catch(unjoined)
        .finally(() => {
          ending = null;
        });
    },
    async end() {
      ending?.abort();
      await joining;
    },
  };
}

const PACKS = 20;
