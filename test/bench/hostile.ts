import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../repository.ts';
import { backendNames } from './backends.ts';
import { attacks, type Hostile, hostileHistory } from './hostile-history.ts';
import type { Options } from './options.ts';
import { type Figure, publish } from './report.ts';

type Judged = {
  readonly cpuMs: number;
  readonly peakMb: number;
  /** Of the hold of `s`. */
  readonly rule: string | null;
  readonly reason?: string;
  /** Of `t`: 2 where the change behind the attack was accepted. */
  readonly seq: number;
};

/** What a hostile repository costs: its own scope is held, its neighbour's change behind it is accepted. */
export async function benchHostile({ backend }: Options): Promise<void> {
  const figures: Figure[] = [];
  for (const attack of attacks) {
    const history = await hostileHistory(attack);
    for (const each of backend === null ? backendNames : [backend]) {
      const { cpuMs, peakMb, rule, reason, seq } = await child(history, each);
      if (rule !== attack.rule || seq !== 2)
        throw new Error(`${attack.name}: ${rule} (${reason}), and t is at seq ${seq}`);
      figures.push({
        what: `${attack.name}, ${each}`,
        value: cpuMs,
        unit: 'ms CPU',
        note: `${Math.round(peakMb)} MB`,
      });
    }
    await rm(history.dir, { recursive: true });
  }
  await publish('hostile', { title: 'hostile', parameters: {}, figures });
}

async function child({ gitdir, genesis, tip }: Hostile, backend: string): Promise<Judged> {
  const program = join(import.meta.dirname, 'hostile-child.ts');
  return JSON.parse(String(await run(process.execPath, [program, gitdir, genesis, tip, backend]))) as Judged;
}
