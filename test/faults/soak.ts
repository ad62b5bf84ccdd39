import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect } from 'vitest';
import { must } from '../../src/base/must.ts';
import { createTreeDigests, openIsomorphic } from '../../src/git/index.ts';
import { openLine, propose } from '../../src/governance/index.ts';
import { formatApproval } from '../../src/votes/index.ts';
import { serveGit } from '../git/http-remote.ts';
import { createSite, followed, hint, type Site } from '../server.ts';
import { type Random, seeded } from '../signatures/differential/random.ts';
import { AdsClient } from '../xds/client.ts';
import { CLUSTER, LISTENER, ROUTE } from '../xds/resources.ts';
import { type MeasuredServer, startMeasured } from './measured.ts';
import type { Measured } from './measuring.ts';

/** What a server held at one moment of a soak. */
type Sample = Measured & {
  readonly commits: number;
  readonly streams: number;
  /** Of the data folder. */
  readonly folderBytes: number;
  readonly folderFiles: number;
};

type Soaked = {
  readonly commits: number;
  readonly steps: number;
  /** At even distances, the first when a tenth of the time is over. */
  readonly samples: readonly Sample[];
  /** What a server holds that starts on the same folder afterwards, for as many proxies. */
  readonly anew: Measured;
};

const CLIENTS = 5;
const SAMPLES = 30;

/** Random commits for so long, with proxies that come and go: what the server holds meanwhile. */
export async function soak(seed: number, forMs: number): Promise<Soaked> {
  await using cleanup = new AsyncDisposableStack();
  const local = await createSite();
  cleanup.defer(() => local.close());
  const { dir } = local.repository;
  const remote = await serveGit(dirname(dir));
  cleanup.defer(() => remote.close());
  const repository = `${remote.url}/${basename(dir)}/.git`;
  const repositories = [{ ...followed(local.config), repository }];
  const site = { ...local, config: { ...local.config, repositories } };
  const server = await startMeasured(site);
  const run = await openSoak(site, server, seeded(seed));
  const startMs = performance.now();
  const samples: Sample[] = [];
  let steps = 0;
  for (let spent = 0; spent < 1; spent = (performance.now() - startMs) / forMs) {
    await run.step();
    steps += 1;
    if (spent > 0.1 + (samples.length * 0.9) / SAMPLES) samples.push(await run.sample());
  }
  await server.serves(await site.repository.id());
  samples.push(await run.sample());
  run.close();
  await server.close();
  return { commits: run.commits(), steps, samples, anew: await measureAnew(site) };
}

/** Caches fill and lineages grow with the history, in any server: what goes beyond that was leaked. */
async function measureAnew(site: Site): Promise<Measured> {
  await using cleanup = new AsyncDisposableStack();
  const server = await startMeasured(site);
  cleanup.defer(() => server.close());
  for (let index = 0; index < CLIENTS; index += 1) {
    const client = openProxy(server.xdsPort, index);
    cleanup.defer(() => client.close());
  }
  type Proxies = { readonly items: readonly { readonly fullyAcked: object | null }[] };
  const isServed = ({ items }: Proxies) =>
    items.length === CLIENTS && items.every(({ fullyAcked }) => fullyAcked !== null);
  await server.says('/api/v1/proxies', isServed);
  return server.measure();
}

/** Files, timers, streams and the folder by commit stay as they were; memory is what the history takes. */
export function expectFlat({ samples, anew }: Soaked): void {
  const third = Math.ceil(samples.length / 3);
  const most = (of: readonly Sample[], key: keyof Sample) => Math.max(...of.map((sample) => sample[key]));
  const [early, late] = [samples.slice(0, third), samples.slice(-third)];
  for (const key of ['files', 'timers'] as const)
    expect(most(late, key), key).toBeLessThanOrEqual(most(early, key) + 5);
  expect(most(samples, 'streams')).toBeLessThanOrEqual(CLIENTS + 1);
  // Packs of many fetches are joined.
  expect(most(samples, 'folderFiles')).toBeLessThan(80);
  const [first, last] = [must(samples[0]), must(samples.at(-1))];
  const perCommit = ({ folderBytes, commits }: Sample) => folderBytes / commits;
  expect(perCommit(last) / perCommit(first), 'bytes of the folder for each commit').toBeLessThan(2);
  expect(last.bytes / anew.bytes, 'memory beyond that of one that starts anew').toBeLessThan(1.3);
  // What a commit needs for a moment grows with no history.
  expect(last.peakBytes / most(early, 'peakBytes'), 'peak beyond that of the first third').toBeLessThan(2);
}

const KINDS = [
  'change',
  'change',
  'change',
  'remove',
  'broken',
  'held',
  'outside',
  'several',
  'proxy',
] as const;
type Kind = (typeof KINDS)[number] | 'approve';

/** The random steps of one soak. */
async function openSoak(site: Site, server: MeasuredServer, random: Random) {
  const approval = await openApprovals(site);
  const clients = Array.from({ length: CLIENTS }, (_, index) => openProxy(server.xdsPort, index));
  let [commits, opened, isHeld] = [0, CLIENTS, false];
  const commit = async (message: string, by?: 'alice') => {
    commits += 1;
    return site.commit(message, by);
  };
  const edit = (text: string) => site.repository.write(`mesh/random-${random.below(12)}.yaml`, text);
  const acts: Readonly<Record<Kind, () => Promise<unknown>>> = {
    async change() {
      await edit(manifests(random));
      await commit('change', 'alice');
    },
    async remove() {
      await edit('');
      await commit('remove', 'alice');
    },
    async broken() {
      await edit(manifests(random).replace('port: 80', 'port: none'));
      await commit('broken', 'alice');
    },
    async held() {
      await edit(manifests(random));
      await commit('nobody signed it');
      isHeld = true;
    },
    // What she signs on top of what is held is no vote by itself.
    async approve() {
      await commit(`Approve\n\n${await approval(await site.repository.id())}`, 'alice');
      isHeld = false;
    },
    async outside() {
      await site.repository.write('README.md', `Outside the mesh: ${commits}.\n`);
      await commit('outside');
    },
    async several() {
      for (let count = 0; count < 3; count += 1) await acts.change();
    },
    async proxy() {
      const at = random.below(CLIENTS);
      clients[at]?.close();
      opened += 1;
      clients[at] = openProxy(server.xdsPort, opened);
    },
  };
  return {
    commits: () => commits,
    async step() {
      await acts[isHeld ? random.pick(['approve', 'outside', 'proxy'] as const) : random.pick(KINDS)]();
      await hint(server.httpPort);
      await server.metric('fairlead_xds_stale_proxies');
      if (random.below(3) > 0) await server.serves(await site.repository.id());
    },
    async sample(): Promise<Sample> {
      const { bytes: folderBytes, files: folderFiles } = await sizeOf(site.config.dataDir);
      const streams = await server.metric('fairlead_xds_connected_proxies');
      return { ...(await server.measure()), commits, streams, folderBytes, folderFiles };
    },
    close() {
      for (const client of clients) client.close();
    },
  };
}

/** The line by which alice approves what a tip proposes for the mesh's one scope. */
async function openApprovals({ repository, pin }: Site): Promise<(tip: string) => Promise<string>> {
  const objects = await openIsomorphic({ gitdir: repository.gitdir });
  const line = openLine(objects, createTreeDigests(objects), pin);
  return async (tip) => {
    const verdict = await line.state(tip);
    if (!verdict.ok) throw new Error(verdict.reason);
    const [proposal] = await propose(line, objects, verdict.state, tip);
    if (proposal?.outcome.kind !== 'candidate') return '';
    const { seq, base, next } = proposal.outcome.candidate;
    return formatApproval({ uid: proposal.scope.uid, seq, base, next });
  };
}

/** A proxy of an id of its own, that takes all that it is sent for as long as it is there. */
function openProxy(port: number, index: number): AdsClient {
  const client = new AdsClient(port);
  const id = `sidecar~10.0.${index >> 8}.${index & 255}~web-${index}.shop~shop.svc.cluster.local`;
  const take = async () => {
    for (;;) client.ack(await client.next());
  };
  client.send({ node: { id }, typeUrl: CLUSTER });
  client.send({ typeUrl: LISTENER });
  client.send({ typeUrl: ROUTE, resourceNamesSubscribe: ['http_proxy'] });
  take().catch(() => {}); // It ends with the stream.
  return client;
}

/** A service, and where its requests go. */
function manifests(random: Random): string {
  const name = `random-${random.below(40)}`;
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: shop }
spec:
  hosts: [${name}]
  http:
    - timeout: ${1 + random.below(60)}s
      route: [{ destination: { host: ${name} } }]
`;
}

async function sizeOf(folder: string): Promise<{ readonly bytes: number; readonly files: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  // A draft may be gone by now.
  const sizes = await Promise.all(
    files.map((file) =>
      lstat(file).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return { bytes: sizes.reduce((sum, size) => sum + size, 0), files: files.length };
}
