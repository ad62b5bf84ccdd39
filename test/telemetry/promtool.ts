import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFolder } from '../repository.ts';
import { alertsFile } from './queries.ts';

export const promtool = (...args: readonly string[]) => execFileSync('promtool', args, { encoding: 'utf8' });

/** What `promtool test rules` says of these tests, where rules are evaluated so often; throws where one fails. */
export async function tested(tests: readonly object[], evaluation_interval = '1m'): Promise<string> {
  const folder = await createFolder();
  try {
    const path = join(folder.dir, 'tests.yaml');
    await writeFile(path, JSON.stringify({ rule_files: [alertsFile], evaluation_interval, tests }));
    return promtool('test', 'rules', path);
  } finally {
    await folder.close();
  }
}

/** Holds that of a server whose every scrape says this, for twenty minutes, one alert fires, once, and no other. */
export async function firesOnly(alert: string, scrape: string): Promise<string> {
  const lines = scrape.split('\n').filter((line) => line.startsWith('fairlead_'));
  const input_series = lines.map((line) => {
    const end = line.lastIndexOf(' ');
    return { series: line.slice(0, end), values: `${line.slice(end + 1)}x20` };
  });
  const expr = 'count by (alertname) (ALERTS{alertstate="firing"})';
  const exp_samples = [{ labels: `{alertname="${alert}"}`, value: 1 }];
  return tested([
    { interval: '1m', input_series, promql_expr_test: [{ expr, eval_time: '20m', exp_samples }] },
  ]);
}
