import { type Objects, openIsomorphic } from '../../src/git/index.ts';

/** A store that is only read. */
interface OpenedObjects extends Objects {
  close(): Promise<void>;
}

const BACKENDS: Readonly<Record<string, (gitdir: string) => Promise<OpenedObjects>>> = {
  isomorphic: async (gitdir) => ({ ...(await openIsomorphic({ gitdir })), close: async () => {} }),
};

export const backendNames: readonly string[] = Object.keys(BACKENDS);

export async function openBackend(name: string, gitdir: string): Promise<OpenedObjects> {
  const open = BACKENDS[name];
  if (open === undefined) throw new Error(`--backend is one of ${backendNames.join(', ')}, not ${name}`);
  return open(gitdir);
}
