import type { Environment } from './native-git.ts';

/**
 * Where git puts the objects of a push until its `pre-receive` hook has agreed (git-receive-pack(1), "Quarantine
 * environment"): `objects` has the new ones, `alternates` lists where all others are, as git's own variable does.
 */
export type Quarantine = { readonly objects: string; readonly alternates: string };

/** What git told its hook; null where nothing is in quarantine. */
export function quarantineOf(environment: Environment): Quarantine | null {
  const { GIT_QUARANTINE_PATH, GIT_OBJECT_DIRECTORY, GIT_ALTERNATE_OBJECT_DIRECTORIES } = environment;
  const objects = GIT_QUARANTINE_PATH === undefined ? undefined : GIT_OBJECT_DIRECTORY;
  if (objects === undefined || GIT_ALTERNATE_OBJECT_DIRECTORIES === undefined) return null;
  return { objects, alternates: GIT_ALTERNATE_OBJECT_DIRECTORIES };
}
