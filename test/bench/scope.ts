import { join } from 'node:path';
import { run } from '../repository.ts';
import { historyOf } from './history.ts';
import type { Options } from './options.ts';
import { cache, type Figure, median, publish } from './report.ts';

type Measured = {
  readonly first: number;
  readonly changes: readonly number[];
  /** Of each change, what the bytes of its responses took. */
  readonly encodes: readonly number[];
};

const FEW = 50;
const MANY = 2_000;
const CHANGES = 20;
/** Before them, in the same process: a server that runs has its code compiled, and V8 decides when. */
const WARM = 75;
/** Each in the namespace of one scope; all of them see the services of all scopes. */
const PROXIES = [0, 4] as const;

/** CPU from fetch to publish for a change of one scope, in a mesh of few and of many scopes. */
export async function benchScope(_options: Options): Promise<void> {
  const figures: Figure[] = [];
  for (const proxies of PROXIES) {
    const few = await measure(FEW, proxies);
    const many = await measure(MANY, proxies);
    const [before, after] = [median(few.changes), median(many.changes)];
    const who = `${proxies} proxies`;
    figures.push(
      { what: `${who}: ${FEW} scopes`, value: before, unit: 'ms CPU', note: `first ${few.first.toFixed(0)}` },
      {
        what: `${who}: ${MANY} scopes`,
        value: after,
        unit: 'ms CPU',
        note: `first ${many.first.toFixed(0)}`,
      },
      { what: `${who}: ratio`, value: after / before, unit: '×', note: 'aim ≤ 1.5' },
    );
    if (proxies === 0) continue;
    const [beforeLess, afterLess] = [median(lessBytes(few)), median(lessBytes(many))];
    const value = afterLess / beforeLess;
    const note = `${beforeLess.toFixed(1)} and ${afterLess.toFixed(1)} ms`;
    figures.push({ what: `${who}: ratio without the bytes of responses`, value, unit: '×', note });
  }
  await publish('scope', { title: 'scope', parameters: { changes: CHANGES }, figures });
}

function lessBytes({ changes, encodes }: Measured): readonly number[] {
  return changes.map((change, index) => change - (encodes[index] ?? 0));
}

async function measure(scopes: number, proxies: number): Promise<Measured> {
  const { dir } = await historyOf(cache, { commits: 1 + 3 * (WARM + CHANGES + 5), scopes, format: 'ssh' });
  const program = join(import.meta.dirname, 'scope-child.ts');
  const args = [program, dir, String(WARM + CHANGES), String(proxies)];
  const { first, changes, encodes } = JSON.parse(String(await run(process.execPath, args))) as Measured;
  return { first, changes: changes.slice(WARM), encodes: encodes.slice(WARM) };
}
