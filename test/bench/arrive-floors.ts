import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { parseAllDocuments } from 'yaml';
import { createTreeDigests } from '../../src/git/index.ts';
import { makePin } from '../../src/governance/index.ts';
import { gitEnvironment, run } from '../repository.ts';
import { openBackend } from './backends.ts';
import { openFloor } from './floor.ts';
import type { History } from './history.ts';
import { type Load, startLoad } from './load.ts';
import { pinned, serverCore } from './push.ts';

/** Milliseconds of the least that can be done for each stage. */
export type Floors = Readonly<Record<'receipt' | 'queue' | 'fetch' | 'verify' | 'translate' | 'ACK', number>>;

type World = {
  readonly folder: string;
  readonly history: History;
  readonly url: string;
  readonly clients: number;
  readonly redisPort: number;
  /** Of the server beside it. */
  readonly witness: string;
};

/** Measures all of them for a tip that was just pushed to `url`. */
export async function openFloors(world: World) {
  const { folder, url, history } = world;
  const child = await startChild(world.clients);
  const gitdir = join(folder, 'floor.git');
  const git = (...args: readonly string[]) => run('git', args, { env: gitEnvironment });
  await git('init', '--quiet', '--bare', gitdir);
  const verify = await verifyFloor(history);
  const hand = openHandover(world.redisPort);
  /** `bytes`: how many each client is sent. */
  const measure = async (tip: string, bytes: number): Promise<Floors> => {
    const text = await changedText(history, tip);
    return {
      receipt: await timed(() => child.post('{"ref":"refs/heads/main"}')),
      queue: await timed(hand.over),
      fetch: await timed(async () => {
        await git('ls-remote', url, 'refs/heads/main');
        await git('-C', gitdir, 'fetch', '--quiet', url, 'main');
      }),
      verify: await timed(() => verify.read(tip)),
      translate: await timed(() => written(world, text)),
      ACK: await child.send(bytes),
    };
  };
  return {
    measure,
    async close() {
      hand.close();
      await verify.close();
      await child.close();
    },
  };
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}

async function startChild(clients: number) {
  const program = join(import.meta.dirname, 'floor-child.ts');
  const child = pinned(serverCore(), process.execPath, [program]);
  child.stderr?.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
  const said = async () => JSON.parse((await lines.next()).value as string) as unknown;
  const { httpPort, xdsPort } = (await said()) as { readonly httpPort: number; readonly xdsPort: number };
  const load: Load = await startLoad(xdsPort, clients);
  await load.take();
  return {
    async post(body: string) {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/`, { method: 'POST', body });
      await answer.arrayBuffer();
    },
    async send(bytes: number) {
      child.stdin?.write(`${bytes}\n`);
      return (await said()) as number;
    },
    async close() {
      await load.close();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** What of the history is new since the tip that was asked for before. */
async function verifyFloor({ gitdir, pin }: History) {
  const objects = await openBackend('native', gitdir);
  const made = await makePin(objects, createTreeDigests(objects), pin.commit, pin.path);
  if (!made.ok) throw new Error(made.reason);
  const [root] = made.state.scopes.values();
  const keys = root?.policy.anchors.flatMap((anchor) => anchor.keys) ?? [];
  return { read: openFloor(objects, keys), close: () => objects.close() };
}

/** One that waits at a list in Redis, and one that puts something there. */
function openHandover(port: number) {
  const [giver, taker] = [new Redis({ port }), new Redis({ port })];
  return {
    async over() {
      const taken = taker.brpop('floor', 0);
      await giver.lpush('floor', 'mesh');
      await taken;
    },
    close() {
      for (const client of [giver, taker]) client.disconnect();
    },
  };
}

/** What changed with a merge: the text of its one file. */
async function changedText({ gitdir }: History, tip: string): Promise<string> {
  const git = async (...args: readonly string[]) =>
    String(await run('git', ['-C', gitdir, ...args], { env: gitEnvironment }));
  const path = (await git('diff', '--name-only', `${tip}^1`, tip)).trim();
  return git('show', `${tip}:${path}`);
}

/** The witness is on the disk, and the YAML of what changed is read. */
async function written({ folder, witness }: World, text: string): Promise<void> {
  const file = await open(join(folder, 'floor.json'), 'w');
  await file.writeFile(await readFile(witness));
  await file.sync();
  await file.close();
  parseAllDocuments(text);
}
