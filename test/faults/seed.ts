/** The seed of a run: `FAULTS_SEED=… npx vitest run test/faults` replays one that a failure has printed. */
export function faultsSeed(otherwise: number): number {
  const given = process.env.FAULTS_SEED;
  return given === undefined ? otherwise : Number(given);
}

/** Runs it, and tells the seed with what it throws. */
export async function replayable<T>(seed: number, run: (seed: number) => Promise<T>): Promise<T> {
  try {
    return await run(seed);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`FAULTS_SEED=${seed} replays it: ${said}`, { cause });
  }
}
