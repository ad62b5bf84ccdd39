import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { freePorts } from '../../src/cli/demo/services.ts';
import type { Server } from '../../src/main.ts';
import { createStage, type Envoy, proxyWhen, type Stage, serving } from '../e2e/stage.ts';
import { hint } from '../server.ts';
import { type Random, seeded } from '../signatures/differential/random.ts';
import { type ServerProcess, startServer } from './process.ts';
import { STEPS } from './steps.ts';
import { startTraffic, type Traffic } from './traffic.ts';

const HOSTS = ['echo.demo.svc.cluster.local', 'other.demo.svc.cluster.local'] as const;

/** What a run has counted. */
type Killed = {
  readonly kills: number;
  readonly steps: number;
  readonly commits: number;
  readonly restartsCompared: number;
  readonly requests: number;
};

/**
 * Kills a server `kills` times, each time exactly at a step that the seed picks, while commits come in, another server
 * follows them that is never killed, and traffic goes through an Envoy that the first one configures.
 */
export async function killAgain(seed: number, kills: number): Promise<Killed> {
  await using cleanup = new AsyncDisposableStack();
  const stage = await createStage();
  cleanup.defer(() => stage.close());
  const run = new Run(stage, seeded(seed));
  cleanup.defer(() => run.close());
  await run.begin();
  const order = schedule(run.random, kills);
  for (const name of order) await run.kill(name);
  return { ...(await run.end()), kills, steps: new Set(order).size };
}

/** Each step as often as any other, but for one: in a random order. */
function schedule(random: Random, kills: number): readonly string[] {
  const names: string[] = [];
  while (names.length < kills) {
    const left = Object.keys(STEPS);
    while (left.length > 0 && names.length < kills) names.push(...left.splice(random.below(left.length), 1));
  }
  return names;
}

type Repositories = {
  readonly items: readonly {
    readonly appliedRevision: string | null;
    readonly runs: { readonly finished: number };
  }[];
};
type Witness = { readonly tip: string; readonly scopes: unknown };

class Run {
  readonly random: Random;
  readonly #stage: Stage;
  readonly #dataDir: string;
  #reference: Server | null = null;
  #envoy: Envoy | null = null;
  #traffic: Traffic | null = null;
  #process: ServerProcess | null = null;
  #ports: readonly [xds: number, http: number] = [0, 0];
  /** By tip: what the server that is never killed witnessed there; and where on the main line it stands. */
  readonly #witnessed = new Map<string, { readonly at: number; readonly scopes: unknown }>();
  readonly #accepted = new Set(['0']);
  #tip = '';
  #mark = 0;
  #witnessAt = -1;
  #commits = 0;
  #compared = 0;
  #lastRoutes = 0;

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.random = random;
    this.#dataDir = join(stage.folder, 'killed');
  }

  async begin(): Promise<void> {
    this.#reference = await this.#stage.serve();
    const [xds = 0, http = 0] = await freePorts(2);
    this.#ports = [xds, http];
    await this.#write();
    await this.#follow(await this.#approved());
    this.#start();
    this.#envoy = await this.#stage.envoy({ xdsPort: xds });
    await this.#envoy.ready;
    await this.#quiet('acked');
    this.#traffic = startTraffic(this.#envoy.httpProxyPort, HOSTS[0]);
    await this.#process?.kill('SIGKILL');
  }

  /** One kill at this step, and what has to be so afterwards. */
  async kill(name: string): Promise<void> {
    const step = STEPS[name];
    if (step === undefined) throw new Error(`no step ${name}`);
    const { when, operation } = step;
    if (when === 'first') {
      await rm(this.#dataDir, { recursive: true });
      this.#witnessAt = -1;
    }
    if (when === 'change') {
      this.#start();
      const isOfProxy = operation === 'send' || operation === 'hear';
      await this.#quiet(isOfProxy ? 'acked' : 'applied');
      await this.#commit(isOfProxy ? 'approved' : this.random.pick(KINDS));
      await this.#process?.dieAt(step, operation === 'read' ? this.random.below(3) : 0);
      hint(this.#ports[1]).catch(() => {}); // It may be dead before it has answered.
    } else {
      if (when === 'start' && this.random.below(2) === 0) await this.#commit(this.random.pick(KINDS));
      this.#start([step, 0]);
    }
    const late = new Promise((resolve) => setTimeout(resolve, DEADLINE_MS, 'not reached').unref());
    expect(await Promise.race([this.#process?.ended, late]), `at ${name}`).toBe('SIGKILL');
    await this.#check(name);
  }

  async end(): Promise<Pick<Killed, 'commits' | 'requests' | 'restartsCompared'>> {
    this.#start();
    await this.#quiet('acked');
    await this.#check('the end');
    const marks = () => this.#traffic?.marks.at(-1);
    await expect.poll(marks, { timeout: DEADLINE_MS }).toBe([...this.#accepted].at(-1));
    const requests = this.#traffic?.sent() ?? 0;
    return { commits: this.#commits, requests, restartsCompared: this.#compared };
  }

  async close(): Promise<void> {
    await this.#traffic?.stop();
    await this.#process?.kill('SIGKILL');
  }

  #start(dieAt?: Parameters<typeof startServer>[0]['dieAt']): void {
    const { mesh, folder } = this.#stage;
    const from = ['--repository', mesh.remote, '--pin', mesh.pin, '--git-backend', 'isomorphic'];
    const ports = ['--xds', `127.0.0.1:${this.#ports[0]}`, '--http', `127.0.0.1:${this.#ports[1]}`];
    const flags = [...from, ...ports, '--data-dir', this.#dataDir, '--poll', '1h'];
    this.#process = startServer({ flags, log: join(folder, 'killed.log'), ...(dieAt && { dieAt }) });
  }

  /** Waits until it serves the tip and looks at nothing new by itself, and compares what it says with what one says that was never killed. */
  async #quiet(until: 'applied' | 'acked'): Promise<void> {
    const server = { httpPort: this.#ports[1], xdsPort: this.#ports[0], close: async () => {} };
    const applied = async () => {
      const body = await said(server.httpPort, 'repositories').catch(() => '{"items":[]}');
      const { items }: Repositories = JSON.parse(body);
      // It begins with a run, which would follow what comes in meanwhile, before anybody hints at it.
      return (items[0]?.runs.finished ?? 0) > 0 ? items[0]?.appliedRevision : null;
    };
    await expect.poll(applied, { timeout: DEADLINE_MS, interval: 20 }).toBe(this.#tip);
    if (until === 'acked') {
      const nodeId = this.#envoy?.nodeId ?? '';
      await proxyWhen(server, nodeId, ({ fullyAcked }) => fullyAcked?.revision === this.#tip);
    }
    for (const path of ['repositories/mesh/verification', 'lineage?scope=acme']) {
      const [here, there] = await Promise.all(
        [server.httpPort, this.#reference?.httpPort ?? 0].map((port) => said(port, path)),
      );
      expect(here, path).toBe(there);
    }
    this.#compared += 1;
  }

  async #commit(kind: Kind): Promise<void> {
    const { mesh } = this.#stage;
    if (kind === 'outside') await mesh.write('README.md', `Outside the mesh: ${this.#commits}.\n`);
    else await this.#write();
    if (kind === 'approved') await this.#follow(await this.#approved());
    else await this.#follow(await mesh.push(kind, kind === 'proposed' ? 'alice' : undefined));
  }

  /** One number in two files: a mixture of two revisions would show two numbers. */
  async #write(): Promise<void> {
    this.#mark += 1;
    for (const host of HOSTS) {
      const [name = ''] = host.split('.');
      const file = name === 'echo' ? 'routes' : name;
      await this.#stage.mesh.write(`mesh/${file}.yaml`, hostYaml(name, this.#mark));
    }
  }

  async #approved(): Promise<string> {
    const { mesh } = this.#stage;
    await mesh.push('approved', 'alice');
    await mesh.approve('alice'); // What she signs on top of what is held is no vote by itself.
    this.#accepted.add(String(this.#mark));
    return mesh.approve();
  }

  /** Has the server that is never killed follow this tip, and keeps what it witnessed. */
  async #follow(tip: string): Promise<void> {
    this.#commits += 1;
    this.#tip = tip;
    if (this.#reference === null) throw new Error('it has not begun');
    await serving(this.#reference, tip);
    const { scopes } = await witnessIn(join(this.#stage.folder, 'state'));
    this.#witnessed.set(tip, { at: this.#commits, scopes });
  }

  /** The witness is whole, never goes back, and says what one says that was never killed; so do the proxy and its requests. */
  async #check(name: string): Promise<void> {
    const witness = await witnessIn(this.#dataDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && this.#witnessAt === -1) return null;
      throw error;
    });
    if (witness !== null) {
      const known = this.#witnessed.get(witness.tip);
      expect(witness.scopes, `the witness after ${name}`).toEqual(known?.scopes);
      expect(known?.at, `the witness after ${name}`).toBeGreaterThanOrEqual(this.#witnessAt);
      this.#witnessAt = known?.at ?? -1;
    }
    const marks = await this.#routes();
    expect(marks, `routes of Envoy after ${name}`).toHaveLength(HOSTS.length);
    expect(new Set(marks).size, `routes of Envoy after ${name}: ${marks}`).toBe(1);
    expect(Number(marks[0])).toBeGreaterThanOrEqual(this.#lastRoutes);
    this.#lastRoutes = Number(marks[0]);
    const heard = this.#traffic?.marks ?? [];
    expect(this.#traffic?.failures, `requests after ${name}`).toEqual([]);
    expect(heard.filter((mark) => !this.#accepted.has(mark))).toEqual([]);
    expect(heard).toEqual(heard.toSorted((a, b) => Number(a) - Number(b)));
  }

  /** The mark of each host, as Envoy has its routes. */
  async #routes(): Promise<readonly string[]> {
    const answer = await fetch(
      `http://${await this.#envoy?.admin()}/config_dump?resource=dynamic_route_configs`,
    );
    const text = await answer.text();
    return [...text.matchAll(/"key":\s*"x-mark",\s*"value":\s*"(\d+)"/g)].map(([, mark = '']) => mark);
  }
}

const DEADLINE_MS = 60_000;
const KINDS = ['approved', 'unsigned', 'proposed', 'outside'] as const;
type Kind = (typeof KINDS)[number];

async function witnessIn(dataDir: string): Promise<Witness> {
  return JSON.parse(await readFile(join(dataDir, 'repositories/mesh/witness.json'), 'utf8'));
}

/** The body, whatever the status. */
async function said(port: number, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).text();
}

function hostYaml(name: string, mark: number): string {
  const service = `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: demo }
spec:
  selector: { app: echo }
  ports: [{ name: http, port: 80 }]
---
`;
  return `${name === 'echo' ? '' : service}apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: demo }
spec:
  hosts: [${name}.demo.svc.cluster.local]
  http:
    - headers: { response: { set: { x-mark: "${mark}" } } }
      route: [{ destination: { host: ${name}.demo.svc.cluster.local } }]
`;
}
