import { type GitBackend, openIsomorphic, openNative } from '../../src/git/index.ts';

const BACKENDS: Readonly<Record<string, (gitdir: string) => Promise<GitBackend>>> = {
  isomorphic: (gitdir) => openIsomorphic({ gitdir }),
  native: (gitdir) => openNative({ gitdir, environment: process.env }),
};

export const backendNames: readonly string[] = Object.keys(BACKENDS);

/** A store that is only read. */
export async function openBackend(name: string, gitdir: string): Promise<GitBackend> {
  const open = BACKENDS[name];
  if (open === undefined) throw new Error(`--backend is one of ${backendNames.join(', ')}, not ${name}`);
  return open(gitdir);
}
