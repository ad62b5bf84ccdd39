/**
 * Fairlead's server over a mesh of many services, one scope each. Prints its ports as JSON. `POST /flip` edits one weight;
 * `POST /<scenario>/<round>` edits what the scenario says, and answers when all have acknowledged it; `GET /made` says what
 * that took.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../../src/base/log.ts';
import { createServed } from '../../src/reconcile/index.ts';
import { createXdsServer } from '../../src/xds/index.ts';
import { createCounted } from './counted.ts';
import { cpuMs } from './report.ts';
import { scenarios } from './scenarios.ts';
import { openShop } from './shop.ts';

process.on('SIGINT', () => process.exit(0));
const quiet: Log = { info() {}, warn() {}, error() {} };
const now = () => performance.now();
const shop = openShop(Number(process.argv[2] ?? '100'));
const counted = createCounted();
const served = createServed(counted.stages, now);
const xds = createXdsServer({ snapshotFor: served.snapshotFor, log: quiet, now, removalTimeoutMs: 30_000 });
let revision = 0;
let startCpuMs = cpuMs();

/** From the edited manifests to the streams: build, translate, publish. */
function publish(): void {
  revision += 1;
  served.replace('mesh', [...shop.scopes]);
  xds.publish(String(revision));
}

/** Milliseconds from the edit to the first and the last acknowledgement. */
async function play(edit: () => void): Promise<{ readonly firstMs: number; readonly lastMs: number }> {
  const { promise, resolve } = Promise.withResolvers<{ firstMs: number; lastMs: number }>();
  let open = xds.sessions().length;
  let firstMs: number | null = null;
  startCpuMs = cpuMs();
  const startMs = now();
  const end = xds.onAck(({ revision: acked, atMs }) => {
    if (acked !== String(revision)) return;
    firstMs ??= atMs - startMs;
    open -= 1;
    if (open === 0) resolve({ firstMs, lastMs: atMs - startMs });
  });
  edit();
  publish();
  return promise.finally(end);
}

async function answer(url: string): Promise<object> {
  const [, what = '', round = '0'] = url.split('/').map(decodeURIComponent);
  if (what === 'made') {
    const [, peakKb = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    const rssMb = process.memoryUsage.rss() / 1024 ** 2;
    return { cpuS: (cpuMs() - startCpuMs) / 1000, rssMb, peakMb: Number(peakKb) / 1024, ...counted.made() };
  }
  const name = what === 'flip' ? 'weight edit' : what;
  const scenario = scenarios.find((each) => each.name === name);
  if (scenario === undefined) throw new Error(`no scenario ${what}`);
  const edit = () => scenario.edit(shop, Number(round));
  if (what !== 'flip') return { ...(await play(edit)), sends: scenario.sends(shop, Number(round)) };
  edit();
  publish();
  return {};
}

publish();
const xdsPort = await xds.listen('127.0.0.1', 0);
const admin = createServer(async (request, response) => {
  response.end(`${JSON.stringify(await answer(request.url ?? ''))}\n`);
});
admin.listen(0, '127.0.0.1', () => {
  const { port } = admin.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ xdsPort, adminPort: port })}\n`);
});
