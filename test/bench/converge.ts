import { join } from 'node:path';
import type { Server } from '../../src/main.ts';
import { routesYaml } from '../e2e/mesh.ts';
import { createStage, eventually, proxyWhen, serving } from '../e2e/stage.ts';
import { createFolder, gitEnvironment, run } from '../repository.ts';
import { hint } from '../server.ts';
import type { Options } from './options.ts';
import { type Figure, publish, quantile } from './report.ts';

type Stages = Readonly<Record<'fetchMs' | 'verifyMs' | 'translateMs' | 'ackMs', number | null>>;
type Repositories = { readonly items: readonly { readonly stages: Stages }[] };

/** One push, by stage; milliseconds. */
type Round = Readonly<Record<(typeof PARTS)[number], number>>;

const PARTS = ['notice', 'fetch', 'verify', 'translate', 'send and ACK', 'push → ACK', 'floor'] as const;
const PUSHES = 50;

/** From the end of `git push` to the ACK of a real Envoy, beside what finding and fetching that push takes git alone. */
export async function benchConverge(_options: Options): Promise<void> {
  const stage = await createStage();
  const folder = await createFolder();
  try {
    const server = await stage.serve();
    const envoy = await stage.envoy(server);
    await envoy.ready;
    const floor = await openFloor(join(folder.dir, 'floor.git'), stage.mesh.remote);
    const rounds: Round[] = [];
    for (let push = 0; push < PUSHES; push += 1) {
      await stage.mesh.write('mesh/routes.yaml', routesYaml(11 + (push % 60)));
      await serving(server, await stage.mesh.push('Move the weight', 'alice'));
      await floor();
      const tip = await stage.mesh.approve();
      const ours = await measure(server, envoy.nodeId, tip);
      rounds.push({ ...ours, floor: await floor() });
    }
    await publish('converge', {
      title: 'converge',
      parameters: { pushes: PUSHES },
      figures: figures(rounds),
    });
  } finally {
    await stage.close();
    await folder.close();
  }
}

async function measure(server: Server, nodeId: string, tip: string): Promise<Omit<Round, 'floor'>> {
  const pushedMs = Date.now();
  await hint(server.httpPort);
  const { fullyAcked } = await proxyWhen(server, nodeId, (proxy) => proxy.fullyAcked?.revision === tip);
  const isWhole = ({ items }: Repositories) => items[0]?.stages.ackMs !== null;
  const { items } = await eventually<Repositories>(server, '/api/v1/repositories', isWhole);
  const { fetchMs, verifyMs, translateMs, ackMs } = items[0]?.stages ?? {};
  const [fetch, verify, translate, ack] = [fetchMs ?? 0, verifyMs ?? 0, translateMs ?? 0, ackMs ?? 0];
  const whole = (fullyAcked?.atMs ?? Number.NaN) - pushedMs;
  const notice = Math.max(0, whole - fetch - verify - translate - ack);
  return { notice, fetch, verify, translate, 'send and ACK': ack, 'push → ACK': whole };
}

/** `git ls-remote` and `git fetch` of what was pushed last; milliseconds. */
async function openFloor(gitdir: string, remote: string): Promise<() => Promise<number>> {
  const git = (...args: readonly string[]) => run('git', args, { env: gitEnvironment });
  await git('init', '--quiet', '--bare', gitdir);
  return async () => {
    const startMs = performance.now();
    await git('ls-remote', remote, 'refs/heads/main');
    await git('-C', gitdir, 'fetch', '--quiet', remote, 'main');
    return performance.now() - startMs;
  };
}

function figures(rounds: readonly Round[]): readonly Figure[] {
  return PARTS.map((what) => {
    const values = rounds.map((round) => round[what]);
    const [p90, p99] = [quantile(values, 0.9), quantile(values, 0.99)];
    const note = `p90 ${p90.toFixed(0)}, p99 ${p99.toFixed(0)}  ${histogram(values)}`;
    return { what, value: quantile(values, 0.5), unit: 'ms p50', note };
  });
}

/** Shares by upper bounds that double: `≤2:80% ≤4:20%`. */
function histogram(values: readonly number[]): string {
  const bounds = values.map((value) => 2 ** Math.ceil(Math.log2(Math.max(1, value))));
  const groups = [...Map.groupBy(bounds, (bound) => bound)].sort(([left], [right]) => left - right);
  return groups
    .map(([bound, all]) => `≤${bound}:${Math.round((100 * all.length) / values.length)}%`)
    .join(' ');
}
