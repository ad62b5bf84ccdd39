import type { Log } from '../base/log.ts';
import type { Clock } from './clock.ts';
import type { DataFolder } from './data-folder.ts';
import type { RepositoryLoop } from './loop.ts';
import type { ReplicaQueue } from './redis/replica-queue.ts';
import { createReplicas, type Replicas, type ReplicasOptions } from './replicas.ts';
import { openSharedClock } from './shared-clock.ts';
import { openSuspensions, type SuspensionOptions } from './suspensions.ts';

type Options = Pick<SuspensionOptions, 'told'> & {
  readonly folder: DataFolder;
  readonly repositories: ReplicasOptions['repositories'];
  /** Those that are there already. */
  readonly loops: ReadonlyMap<string, RepositoryLoop>;
  readonly queue: ReplicaQueue;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
};

/** What operators have stopped, and what other replicas say; changes of it run the repository here. Throws as `openSuspensions`. */
export async function openReplicas(options: Options): Promise<Replicas> {
  const { folder, loops, queue } = options;
  const versions = (repository: string, uid: string) => loops.get(repository)?.versions(uid) ?? [];
  const hint = (repository: string, delayMs = 0) =>
    void (loops.has(repository) && queue.here(repository, delayMs));
  const kinship = async (repository: string, commit: string) =>
    (await loops.get(repository)?.kinship(commit)) ?? 'unknown';
  const { files, suspensions: file } = folder;
  const onChange = (repository: string) => hint(repository);
  const { bulletin } = queue;
  const told =
    bulletin === null ? null : await openSharedClock({ ...options, bulletin, files, file: folder.clock });
  const clock = told ?? options.clock;
  const suspensions = await openSuspensions({ ...options, clock, files, file, versions, onChange });
  const redisFailure = () => queue.redisFailure();
  const learn = async () => told?.learn();
  const isAway = told?.isAsking() === true;
  const common = { ...options, clock, learn, isAway, bulletin, suspensions };
  return createReplicas({ ...common, versions, kinship, hint, redisFailure });
}
