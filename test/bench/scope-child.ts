/** CPU of one-scope changes at one number of scopes, by stage, in a process of its own. Prints JSON. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../src/base/log.ts';
import { createTreeDigests, openIsomorphic } from '../../src/git/index.ts';
import { openLine } from '../../src/governance/index.ts';
import { createStages } from '../../src/pipeline.ts';
import {
  createLoop,
  createServed,
  type LoopObserver,
  nodeFiles,
  systemClock,
} from '../../src/reconcile/index.ts';
import { NOTHING_KEPT } from '../../src/reconcile/kept.ts';
import { createClients } from './clients.ts';
import { readHistory, scopeName } from './history.ts';
import { cpuMs } from './report.ts';

const quiet: Log = { info() {}, warn() {}, error() {} };
const unwatched: LoopObserver = {
  began: () => ({ trace: '', step() {}, offered() {}, judged() {}, pushed() {}, ended() {}, acked() {} }),
};
const [dir = '', rounds = '20', proxies = '0'] = process.argv.slice(2);
const history = await readHistory(dir);
const folder = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
const objects = await openIsomorphic({ gitdir: history.gitdir });
const line = openLine(objects, createTreeDigests(objects), history.pin);
const stages = createStages();
const served = createServed(stages, () => performance.now());
const namespaces = Array.from({ length: Number(proxies) }, (_, index) => scopeName(index));
const clients = createClients(served, namespaces);

const tips: string[] = [];
for (let id = history.tip; tips.length <= Number(rounds); ) {
  tips.unshift(id);
  id = (await objects.commit(id)).parents[0] ?? '';
}
let fetchedMs = 0;
let offered = '';
const git = {
  ...objects,
  async fetch() {
    fetchedMs = cpuMs();
    return offered;
  },
};
const loop = createLoop({
  name: 'mesh',
  pin: history.pin,
  git,
  line,
  read: stages.read,
  served,
  distribution: clients,
  keeper: { suspended: () => null, kept: () => NOTHING_KEPT, apart: () => null, followed() {}, looked() {} },
  files: nodeFiles,
  witness: join(folder, 'witness.json'),
  proofs: { folder: join(folder, 'proofs'), gitdir: join(folder, 'git') },
  clock: systemClock,
  random: Math.random,
  log: quiet,
  observer: unwatched,
  pollMs: 3_600_000,
  fetchTimeoutMs: 60_000,
});

const all: number[] = [];
const encodes: number[] = [];
for (const tip of tips) {
  offered = tip;
  await loop.reconcile();
  const { appliedRevision } = loop.status();
  if (appliedRevision !== tip) throw new Error(JSON.stringify(loop.status().conditions));
  all.push(clients.publishedMs() - fetchedMs);
  encodes.push(clients.encodeMs());
  clients.take();
}
await rm(folder, { recursive: true });
const [first = 0, ...changes] = all;
process.stdout.write(
  `${JSON.stringify({ first, changes, encodes: encodes.slice(1), sent: clients.sent() })}\n`,
);
