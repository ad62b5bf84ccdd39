import { createStages } from '../../src/pipeline.ts';
import type { Snapshot } from '../../src/translate/index.ts';

/** What was made since it was asked last: by identity, for what is the same object was not made again. */
export type Made = { readonly translations: number; readonly encodings: number };

/** The stages of a server, and what they made. */
export function createCounted() {
  const stages = createStages();
  const known = new WeakSet<object>();
  const fresh = new Set<Snapshot>();
  const translate: typeof stages.translate = (mesh, endpoints, proxy) => {
    const snapshot = stages.translate(mesh, endpoints, proxy);
    if (!known.has(snapshot)) fresh.add(snapshot);
    return snapshot;
  };
  const made = (): Made => {
    let encodings = 0;
    for (const snapshot of fresh) {
      known.add(snapshot);
      for (const resource of [...snapshot.resources.values()].flatMap((all) => [...all.values()])) {
        if (!known.has(resource)) encodings += 1;
        known.add(resource);
      }
    }
    const translations = fresh.size;
    fresh.clear();
    return { translations, encodings };
  };
  return { stages: { ...stages, translate }, made };
}
