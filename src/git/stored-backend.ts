import { resolve } from 'node:path';
import { Failure } from '../base/failure.ts';
import { type AccessSettings, type AccessSource, createAccess } from './access.ts';
import type { GitBackend, Remote } from './backend.ts';
import {
  branchMissing,
  objectMalformed,
  refMissing,
  remoteUnreachable,
  repositoryMissing,
  storeFailure,
} from './failures.ts';
import { type Files, syncFolder, wholeFiles } from './files.ts';
import type { Environment } from './native-git.ts';
import type { ObjectId } from './objects.ts';
import { isBranchName, resolveRef } from './refs.ts';
import { setDamagedAside } from './set-aside.ts';
import { checkStore, locateStore, prepareStore, type Store } from './store.ts';
import { createStoredObjects, type Reader, type StoredObjects } from './stored-objects.ts';
import type { Transport } from './transport.ts';
import { createUpkeep, type Upkeep, type UpkeepOptions } from './upkeep.ts';

export type BackendOptions = {
  /** A worktree or git folder that is only read; with a `remote`: the bare store, which is made if it is absent. */
  readonly gitdir: string;
  readonly remote?: Remote;
  /** How long a remote may be silent, in milliseconds. */
  readonly timeoutMs?: number;
  /** For http(s) remotes. */
  readonly access?: AccessSettings | null;
  /** Variables of this process: of them proxies are taken. */
  readonly environment?: Environment;
  readonly fs?: Files;
  /** The packs of the store could not be joined, which costs speed and nothing else. */
  readonly unjoined?: (error: unknown) => void;
  /** Asked before the store is written to; throws where it is another's by now. */
  readonly confirm?: () => Promise<void>;
};

/** What an adapter is given: a store that is checked, and where its remote is. */
export type Place = {
  readonly files: Files;
  readonly gitdir: string;
  readonly remote: Remote | null;
  readonly timeoutMs: number;
  readonly access: AccessSource;
};

/** What an adapter brings: how objects are found, and how the remote is reached. */
export type Opened = {
  readonly reader: Reader;
  readonly transport: Transport | null;
  readonly join: UpkeepOptions['join'];
};

/** A `GitBackend` on an adapter: all that two backends have to do alike. Throws as they do. */
export async function openBackend(
  options: BackendOptions,
  open: (place: Place) => Promise<Opened>,
): Promise<GitBackend> {
  const { gitdir, remote = null, timeoutMs = 30_000 } = options;
  const files = wholeFiles(options.fs);
  const access = createAccess(remote?.url ?? null, options.access, options.environment);
  return guarded(gitdir, async () => {
    const store = await openStore(files, resolve(gitdir), remote);
    const { reader, transport, join } = await open({
      files,
      gitdir: store.gitdir,
      remote,
      timeoutMs,
      access,
    });
    const objects = createStoredObjects(reader, store.gitdir);
    const resolveCommit = async (ref: string) => {
      const id = await guarded(gitdir, () => resolveRef(files, store, ref));
      return peel(objects, id, refMissing(ref, store.gitdir));
    };
    const has = (commit: ObjectId) => guarded(gitdir, () => isHere(objects, commit));
    const rest = { resolve: resolveCommit, has, close: reader.close };
    if (remote === null || transport === null) return { ...objects, ...withoutRemote(gitdir), ...rest };
    const { unjoined = () => {}, confirm = async () => {} } = options;
    const { gitdir: path } = store;
    const limitMs = LIMIT_SILENCES * timeoutMs;
    const upkeep = createUpkeep({ files, gitdir: path, join, limitMs, unjoined, confirm });
    const close = async () => {
      await upkeep.end();
      await reader.close();
    };
    return { ...follow(files, store, remote, transport, objects, upkeep, confirm), ...rest, close };
  });
}

/** Joining packs may take so many times as long as a remote may be silent. */
const LIMIT_SILENCES = 20;

async function openStore(files: Files, path: string, remote: Remote | null): Promise<Store> {
  if (remote !== null && !isBranchName(remote.branch)) throw branchMissing(remote.url, remote.branch);
  const store =
    remote === null ? await locateStore(files, path) : await prepareStore(files, path, remote.branch);
  if (store === null) throw repositoryMissing(path);
  await checkStore(files, store);
  return store;
}

/** The store's own branch is moved only after all that it needs is there, so it also says what need not be fetched. */
function follow(
  files: Files,
  store: Store,
  remote: Remote,
  transport: Transport,
  objects: StoredObjects,
  upkeep: Upkeep,
  confirm: () => Promise<void>,
) {
  const branch = `refs/heads/${remote.branch}`;
  let isComplete = true;
  let isDamaged = false;
  /** What was missing, so that everything was or will be fetched: what that does not bring is not for the remote to give. */
  const missed = new Set<ObjectId>();
  let turn: Promise<unknown> = Promise.resolve();

  async function fetch(signal?: AbortSignal): Promise<ObjectId> {
    const tip = await transport.tip(signal);
    const trusted = await whole();
    if (trusted === tip) return tip;
    if (isDamaged) {
      await upkeep.end();
      await confirm();
      await setDamagedAside(files, store.gitdir);
    }
    isDamaged = false;
    const fetched = await upkeep.writing(() => transport.fetch(trusted, signal));
    await checkStore(files, store);
    await checkTip(watched(fetched, objects.commit(fetched)), fetched, remote);
    await syncFolder(files, `${store.gitdir}/objects/pack`); // Git does not.
    await confirm();
    await files.writeFile(`${store.gitdir}/${branch}`, `${fetched}\n`);
    isComplete = true;
    upkeep.begin();
    return fetched;
  }

  /** What the store has in full; null where it has nothing, or a hole. After a power cut even the tip may be one. */
  async function whole(): Promise<ObjectId | null> {
    const here = await resolveRef(files, store, branch).catch(() => null);
    if (here === null)
      isDamaged = true; // Nothing was fetched yet, or nobody knows what it came to.
    else await watched(here, objects.commit(here)).catch(() => {}); // What is no hole is not mended by a fetch.
    return isComplete ? here : null;
  }

  /** A hole in the store: the next fetch asks for everything, and so heals it. What is damaged is a hole that is in the way. */
  async function watched<Value>(id: ObjectId, reading: Promise<Value>): Promise<Value> {
    try {
      const value = await reading;
      missed.delete(id);
      return value;
    } catch (error) {
      const code = error instanceof Failure ? error.code : '';
      if (code === 'object-corrupt') [isComplete, isDamaged] = [false, true];
      if (code === 'object-missing' && !missed.has(id)) {
        missed.add(id);
        isComplete = false;
      }
      throw error;
    }
  }

  return {
    commit: (id: ObjectId) => watched(id, objects.commit(id)),
    tree: (id: ObjectId) => watched(id, objects.tree(id)),
    blob: (id: ObjectId) => watched(id, objects.blob(id)),
    fetch(signal?: AbortSignal) {
      // Who gave one up may ask for the next while it still writes.
      const mine = turn.then(() => guarded(store.gitdir, () => fetch(signal)));
      turn = mine.catch(() => {});
      return mine;
    },
    remoteTip: (signal?: AbortSignal) => guarded(store.gitdir, () => transport.tip(signal)),
  };
}

/** A remote that names a tip and does not send it has failed; the branch stays where it was. */
async function checkTip(reading: Promise<unknown>, tip: ObjectId, { url }: Remote): Promise<void> {
  await reading.catch((error: unknown) => {
    const missing = error instanceof Failure && error.code === 'object-missing';
    throw missing ? remoteUnreachable(url, `did not send its tip ${tip}`, error) : error;
  });
}

async function isHere(objects: StoredObjects, commit: ObjectId): Promise<boolean> {
  try {
    return (await objects.commit(commit)).id === commit;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** The commit that an id stands for, through annotated tags. */
async function peel(objects: StoredObjects, id: ObjectId, otherwise: Failure, steps = 8): Promise<ObjectId> {
  const { type, bytes } = await objects.raw(id);
  if (type === 'commit') return id;
  if (type !== 'tag' || steps === 0) throw otherwise;
  const target = /^object ([0-9a-f]{40})\n/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
  if (target === undefined) throw objectMalformed(id, 'commit');
  return peel(objects, target, otherwise, steps - 1);
}

function withoutRemote(gitdir: string) {
  const refuse = async (): Promise<never> => {
    throw remoteUnreachable(gitdir, 'was opened without a remote');
  };
  return { fetch: refuse, remoteTip: refuse };
}

/** Errors of the file system become failures that say which store they are about. */
async function guarded<Value>(gitdir: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(error, gitdir) ?? error;
  }
}
