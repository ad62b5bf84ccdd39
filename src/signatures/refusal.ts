/** Bytes that break a rule. Thrown by the parsers of this folder and caught by its exported functions only. */
class Refusal extends Error {}

/** Ends parsing; `reason` is for people and completes "refused: …". */
export function refuse(reason: string): never {
  throw new Refusal(reason);
}

export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: string };

/** Runs a parser; a refusal becomes a value, any other exception is a bug and goes on. */
export function attempt<T>(parse: () => T): Attempt<T> {
  try {
    return { ok: true, value: parse() };
  } catch (error) {
    return refused(error);
  }
}

export async function attemptAsync<T>(parse: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await parse() };
  } catch (error) {
    return refused(error);
  }
}

function refused(error: unknown): { readonly ok: false; readonly reason: string } {
  if (error instanceof Refusal) return { ok: false, reason: error.message };
  throw error;
}
