/** Has it among `all` until it has ended. */
export function track<T>(all: Set<Promise<unknown>>, work: Promise<T>): Promise<T> {
  all.add(work);
  const forget = () => all.delete(work);
  work.then(forget, forget);
  return work;
}

/** Resolves when all have ended, also what comes meanwhile. */
export async function settled(all: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (all.size > 0) await Promise.allSettled(all);
}
