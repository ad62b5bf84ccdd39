import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { run } from '../repository.ts';

/** Below the checkout, ignored by git: generated histories, built programs and results. */
export const cache = join(import.meta.dirname, '..', '..', '.cache', 'bench');

/** One line of a result: what was measured, the figure, its unit, and what it is to be compared with. */
export type Figure = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly note?: string;
};

export type Report = {
  readonly title: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly figures: readonly Figure[];
};

/** What the figures were taken on. */
export async function machine(): Promise<string> {
  const [cpu] = cpus();
  const git = String(await run('git', ['--version'])).trim();
  const memoryGb = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memoryGb} GB, Node ${process.version}, ${git}`;
}

/** Prints the report for people, and keeps it as JSON. */
export async function publish(name: string, report: Report): Promise<void> {
  const { title, parameters, figures } = report;
  const given = Object.entries(parameters).map(([key, value]) => `${key} ${value}`);
  process.stdout.write(`\n${title} (${given.join(', ')})\n`);
  const width = Math.max(...figures.map(({ what }) => what.length));
  for (const { what, value, unit, note } of figures) {
    const figure = `${rounded(value).padStart(10)} ${unit.padEnd(10)}`;
    process.stdout.write(`  ${what.padEnd(width)} ${figure} ${note ?? ''}`.trimEnd().concat('\n'));
  }
  const whole = { ...report, machine: await machine(), date: new Date().toISOString() };
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, `${name}.json`), `${JSON.stringify(whole, null, 2)}\n`);
}

/** Three digits that count. */
function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** CPU time of this process so far. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
