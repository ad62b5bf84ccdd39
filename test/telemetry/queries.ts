import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const deploy = join(import.meta.dirname, '../../deploy');

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly runbook: string };
};
type Dashboard = {
  readonly uid: string;
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
};

export const alertsFile = join(deploy, 'prometheus/alerts.yaml');
const { groups } = parse(readFileSync(alertsFile, 'utf8')) as { groups: { rules: Rule[] }[] };

/** The alert rules that are shipped. */
export const rules: readonly Rule[] = groups.flatMap(({ rules }) => rules);

/** Everything that they and the dashboards ask of Prometheus. */
export const queries: readonly string[] = [
  ...rules.map(({ expr }) => expr),
  ...readdirSync(join(deploy, 'grafana')).flatMap((name) => {
    const { panels } = JSON.parse(readFileSync(join(deploy, 'grafana', name), 'utf8')) as Dashboard;
    return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  }),
];

/** The metrics of a query, which a server has; `up` is Prometheus' own. */
export function metricsIn(query: string): readonly string[] {
  const names = [...query.matchAll(/\b(?:(?:fairlead|process)_\w+|up(?=\{))/g)].map(([name]) => name);
  if (names.length === 0) throw new Error(`no metric in ${query}`);
  return names.filter((name) => name !== 'up');
}
