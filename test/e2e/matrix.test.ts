import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Server } from '../../src/main.ts';
import { bound, gateway, istio, service, subsets, to } from '../mesh/manifests.ts';
import type { HostEnvoy } from '../network/envoy.ts';
import type { Host } from '../network/namespaces.ts';
import { createNetworkStage, type NetworkStage } from '../network/stage.ts';
import { ask } from '../server.ts';

/**
 * Real Envoys of every shape under one server: {state of the world, delta} × {ADS, per type} × {ports, redirect,
 * gateway}. Each is called without a pause while signed changes move the traffic and take away what it used.
 */
const CELLS = (['delta', 'sotw'] as const).flatMap((protocol) =>
  (['ads', 'per-type'] as const).flatMap((services) =>
    (['ports', 'redirect', 'gateway'] as const).map((mode) => ({ protocol, services, mode })),
  ),
);

type Cell = (typeof CELLS)[number];
type Shape = Omit<Cell, 'mode'>;

type Running = {
  readonly envoy: HostEnvoy;
  /** The answers through the cell's Envoy. */
  readonly ask: (count: number) => Promise<readonly string[]>;
};

type Answers = ReadonlyMap<Cell, readonly string[]>;

const HOST = 'www.acme.example';
const VIP = '10.96.0.10';

let stage: NetworkStage;
let control: Server;
let versions: (...names: readonly string[]) => string;
const running = new Map<Cell, Running>();
let shapes: ReadonlyMap<Cell, readonly Shape[]>;
/** What every cell was told: at rest, while the traffic moved to v2 and v1 was taken away, and while all of it came back. */
let rest: Answers;
let moving: Answers;
let members: ReadonlyMap<Cell, readonly number[]>;
let returning: Answers;

/** All requests to `use`; of the others nothing is left, neither cluster nor endpoint. */
function manifests(address: string, use: string, kept: readonly string[]): string {
  const ports: Readonly<Record<string, number>> = { v1: 8081, v2: 8082 };
  const workloads = kept.map((version) =>
    istio(
      'WorkloadEntry',
      `echo-${version}`,
      'demo',
      `{address: ${address}, labels: {app: echo, version: ${version}}, ports: {http: ${ports[version]}}}`,
    ),
  );
  return [
    service('echo', 'demo', `, clusterIP: ${VIP}`),
    ...workloads,
    subsets('echo', 'demo', 'echo', ...kept),
    gateway('public', 'edge', `["demo/*"]`, '', 8080),
    bound('www', 'demo', HOST, '[mesh, edge/public]', to('echo', `, subset: ${use}, port: {number: 80}`)),
  ].join('');
}

beforeAll(async () => {
  stage = await createNetworkStage();
  const server = await stage.network.host('server');
  await server.serve('http', 8081, 'v1');
  await server.serve('http', 8082, 'v2');
  versions = (use = '', ...others) => manifests(server.address, use, [use, ...others].toSorted());
  control = await stage.serve(versions('v1', 'v2'));
  const outsider = await stage.network.host('outsider');
  for (const [index, cell] of CELLS.entries())
    running.set(cell, await start(cell, `cell-${index}`, outsider));
  shapes = await shapesOf();
  rest = await askAll(3);
  moving = await askDuring(async () => {
    await stage.change(control, versions('v2', 'v1'));
    await stage.change(control, versions('v2'));
  });
  members = await membersOf('v1', 'v2');
  returning = await askDuring(() => stage.change(control, versions('v1', 'v2')));
});
afterAll(() => stage?.close());

async function start({ mode, ...asks }: Cell, name: string, outsider: Host): Promise<Running> {
  const host = await stage.network.host(name, { [HOST]: VIP });
  const header = `host=${HOST}`;
  if (mode === 'gateway') {
    const about = { type: 'router', namespace: 'edge', metadata: { LABELS: { app: 'edge' } } } as const;
    const envoy = await stage.envoy(control, host, { ...about, name, asks });
    return { envoy, ask: (count) => outsider.get(`http://${host.address}:8080/`, count, header) };
  }
  if (mode === 'redirect') await host.redirect();
  const metadata = { FAIRLEAD: { capture: mode } };
  const envoy = await stage.envoy(control, host, { name, namespace: 'web', metadata, asks });
  // Applications of `ports` use an HTTP proxy; those of `redirect` know of nothing.
  return mode === 'ports'
    ? { envoy, ask: (count) => host.get('http://127.0.0.1:15080/', count, header) }
    : { envoy, ask: (count) => host.get(`http://${HOST}/`, count) };
}

async function ofAll<T>(work: (cell: Running) => Promise<T>): Promise<ReadonlyMap<Cell, T>> {
  return new Map(
    await Promise.all([...running].map(async ([cell, each]) => [cell, await work(each)] as const)),
  );
}

/** The status and the version that answered. */
async function askOne({ ask }: Running, count: number): Promise<readonly string[]> {
  return (await ask(count)).map((answer) => answer.split(' ').slice(0, 2).join(' '));
}

function askAll(count: number): Promise<Answers> {
  return ofAll((cell) => askOne(cell, count));
}

/** Every cell is asked again and again: before `work` begins, until it is done, and once more. */
async function askDuring(work: () => Promise<void>): Promise<Answers> {
  let done = false;
  let begun = 0;
  const allBegun = Promise.withResolvers<void>();
  const asking = ofAll(async (cell) => {
    const answers = [...(await askOne(cell, 25))];
    begun += 1;
    if (begun === running.size) allBegun.resolve();
    for (let last = false; !last; ) {
      last = done;
      answers.push(...(await askOne(cell, 25)));
    }
    return answers;
  });
  asking.catch(allBegun.reject);
  await allBegun.promise;
  await work().finally(() => {
    done = true;
  });
  return asking;
}

/** How each cell's Envoy asks, as its server sees it; once, however many streams it opens. */
async function shapesOf(): Promise<ReadonlyMap<Cell, readonly Shape[]>> {
  type Proxies = { readonly items: readonly (Shape & { readonly proxy: string })[] };
  const { items } = await ask<Proxies>(control.httpPort, '/api/v1/proxies');
  return ofAll(async ({ envoy }) => {
    const own = items.filter(({ proxy }) => proxy === envoy.nodeId);
    return own.map(({ protocol, services }) => ({ protocol, services }));
  });
}

/** How many endpoints each cell's Envoy has for each version; 0 where the cluster is gone. */
function membersOf(...names: readonly string[]): Promise<ReadonlyMap<Cell, readonly number[]>> {
  const stat = (name: string) => `cluster.outbound|80|${name}|echo.demo.svc.cluster.local.membership_total`;
  return ofAll(({ envoy }) => Promise.all(names.map((name) => envoy.stat(stat(name)))));
}

describe.each(CELLS)('$protocol, $services, $mode', (cell) => {
  test('asks as its shape says', () => {
    const { protocol, services } = cell;
    expect(shapes.get(cell)).toEqual([{ protocol, services }]);
  });

  test('is routed as the manifests say', () => {
    expect(rest.get(cell)).toEqual(['200 v1', '200 v1', '200 v1']);
  });

  test('moves with a signed change, and no request fails', () => {
    const answers = moving.get(cell) ?? [];
    expect(new Set(answers)).toEqual(new Set(['200 v1', '200 v2']));
    expect(answers.at(-1)).toBe('200 v2');
  });

  test('has nothing left of what it no longer uses', () => {
    expect(members.get(cell)).toEqual([0, 1]);
  });

  test('gets it back, and no request fails', () => {
    const answers = returning.get(cell) ?? [];
    expect(new Set(answers)).toEqual(new Set(['200 v1', '200 v2']));
    expect(answers.at(-1)).toBe('200 v1');
  });
});
