import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { promtool, tested } from './promtool.ts';
import { alertsFile as file, metricsIn, queries, rules } from './queries.ts';
import { views } from './views.ts';

const root = join(import.meta.dirname, '../..');

const info = (sync: string) => `fairlead_scope_info{repo="mesh",scope="acme",sync="${sync}"}`;
const condition = (type: string, status: string, reason: string) =>
  `fairlead_repository_condition{repo="mesh",type="${type}",status="${status}",reason="${reason}"}`;
const ofScope = (type: string, status: string, reason = 'x') =>
  `fairlead_scope_condition{repo="mesh",scope="acme",type="${type}",status="${status}",reason="${reason}"}`;
const up = 'fairlead_build_info{version="1"}';
const fetched = 'fairlead_git_last_success_timestamp_seconds{repo="mesh"}';
const poll = 'fairlead_git_poll_seconds{repo="mesh"}';
const running = 'fairlead_reconcile_running_seconds{repo="mesh"}';
const webhooks = (result: string) => `fairlead_webhook_total{forge="github",result="${result}"}`;

/** What each alert fires on, with what labels, and what comes close to it and must not wake anybody. */
const cases: readonly {
  readonly alert: string;
  /** Of the series, one value each; of 60, 50 have passed. Minutes, unless the alert takes days. */
  readonly unit?: 'h';
  readonly labels: string;
  readonly fires: readonly string[];
  readonly quiet: readonly (readonly string[])[];
}[] = [
  {
    alert: 'VerificationFailed',
    labels: 'repo="mesh"',
    fires: [`${condition('SourceVerified', 'False', 'Refused')} 1x60`],
    quiet: [[`${condition('SourceVerified', 'False', 'FetchFailed')} 1x60`]],
  },
  {
    alert: 'ReplicasDiffer',
    labels: 'repo="mesh"',
    fires: [`${condition('Witnessed', 'False', 'ReplicasDiffer')} 1x60`],
    quiet: [[`${condition('Witnessed', 'Unknown', 'WithoutRedis')} 1x60`]],
  },
  {
    alert: 'WithoutRedis',
    labels: 'repo="mesh"',
    fires: [`${condition('Witnessed', 'Unknown', 'WithoutRedis')} 1x60`],
    quiet: [[`${condition('Witnessed', 'Unknown', 'WithoutRedis')} 1x5 _x55`]],
  },
  {
    alert: 'ScopeOutOfSync',
    labels: 'repo="mesh",scope="acme"',
    fires: [`${info('OutOfSync')} 1x60`],
    quiet: [
      [`${info('Held')} 1x60`],
      // Kept back on purpose, or all of a repository at once.
      [`${info('OutOfSync')} 1x60`, `${ofScope('Suspended', 'True', 'Suspended')} 1x60`],
      [`${info('OutOfSync')} 1x60`, `${ofScope('Witnessed', 'False', 'ReplicasDiffer')} 1x60`],
      [`${info('OutOfSync')} 1x60`, `${condition('Translated', 'False', 'BuildFailed')} 1x60`],
      [`${info('OutOfSync')} 1x60`, `${condition('SourceVerified', 'False', 'Failed')} 1x60`],
      [`${info('OutOfSync')} 1x60`, `${running} 0+60x60`],
      [`${info('OutOfSync')} 1x10 _x50`, `${info('Synced')} _x10 1x50`],
    ],
  },
  {
    // Kept back on purpose, at what has an error.
    alert: 'ScopeOutOfSync',
    labels: 'repo="mesh",scope="acme"',
    fires: [
      `${info('OutOfSync')} 1x60`,
      `${ofScope('Suspended', 'True', 'Suspended')} 1x60`,
      `${ofScope('Valid', 'False', 'LastGoodServed')} 1x60`,
    ],
    quiet: [],
  },
  {
    alert: 'StillSuspended',
    unit: 'h',
    labels: 'repo="mesh"',
    fires: [
      `${condition('Suspended', 'True', 'Suspended')} 1x20 _x40`,
      `${condition('Suspended', 'True', 'ScopesSuspended')} _x21 1x39`,
    ],
    quiet: [[`${condition('Suspended', 'True', 'ScopesSuspended')} 1x40 _x5 1x15`]],
  },
  {
    alert: 'ScopeStalled',
    labels: 'repo="mesh",scope="acme"',
    fires: [`${ofScope('Distributed', 'False')} 1x60`],
    quiet: [
      // What is so of all scopes is told of their repository.
      [`${ofScope('Ready', 'False')} 1x60`, `${ofScope('Distributed', 'Unknown')} 1x60`],
      [`${ofScope('SourceVerified', 'False')} 1x60`, `${ofScope('Translated', 'False')} 1x60`],
      [`${ofScope('Valid', 'False')} 1x60`, `${info('OutOfSync')} 1x60`],
    ],
  },
  {
    alert: 'GitUnreachable',
    labels: 'repo="mesh"',
    fires: [`${condition('SourceVerified', 'False', 'FetchFailed')} 1x60`],
    quiet: [[`${condition('SourceVerified', 'False', 'FetchFailed')} 1x5 _x55`]],
  },
  {
    alert: 'RemoteBehind',
    labels: 'repo="mesh"',
    fires: [`${condition('SourceVerified', 'True', 'Stale')} 1x60`],
    quiet: [
      [`${condition('SourceVerified', 'True', 'Followed')} 1x60`],
      [`${condition('SourceVerified', 'True', 'Stale')} 1x3 _x57`],
    ],
  },
  {
    alert: 'FetchOverdue',
    labels: 'repo="mesh"',
    fires: [`${fetched} 60x60`, `${poll} 60x60`],
    quiet: [
      [`${fetched} 0+60x60`, `${poll} 60x60`],
      [`${fetched} 60x60`, `${poll} 3600x60`],
      [`${fetched} 60x60`, `${poll} 60x60`, `${condition('SourceVerified', 'False', 'FetchFailed')} 1x60`],
      [`${fetched} 60x60`, `${poll} 60x60`, `${condition('SourceVerified', 'False', 'Failed')} 1x60`],
      [`${fetched} 60x60`, `${poll} 60x60`, `${condition('Suspended', 'True', 'Suspended')} 1x60`],
    ],
  },
  {
    alert: 'ReconcileFailing',
    labels: 'repo="mesh"',
    fires: [`${condition('SourceVerified', 'False', 'Failed')} 1x60`],
    quiet: [[`${condition('SourceVerified', 'False', 'Failed')} 1x5 _x55`]],
  },
  {
    alert: 'TranslationFailing',
    labels: 'repo="mesh"',
    fires: [`${condition('Translated', 'False', 'BuildFailed')} 1x60`],
    quiet: [[`${condition('Translated', 'Unknown', 'Translated')} 1x60`]],
  },
  {
    alert: 'ProxyNACK',
    labels: 'type="cds"',
    fires: ['fairlead_xds_rejecting_proxies{type="cds"} 2x60'],
    quiet: [
      ['fairlead_xds_rejecting_proxies{type="cds"} 0x60'],
      ['fairlead_xds_nacks_total{type="cds"} 7x60'],
    ],
  },
  {
    alert: 'ProxyStale',
    labels: 'type="lds"',
    fires: ['fairlead_xds_unanswered_seconds{type="lds"} 0+60x60'],
    quiet: [
      // Proxies that answer late in turn, and one that answered in the end.
      ['fairlead_xds_unanswered_seconds{type="lds"} 200x60'],
      ['fairlead_xds_unanswered_seconds{type="lds"} 0+60x8 0x52'],
    ],
  },
  {
    alert: 'QueueStuck',
    labels: '',
    fires: ['fairlead_queue_oldest_seconds 61x60'],
    quiet: [['fairlead_queue_oldest_seconds 59x60']],
  },
  {
    alert: 'RunHangs',
    labels: 'repo="mesh"',
    fires: [`${running} 0+60x60`],
    // Long runs, one after the other; one that was slow, and ended.
    quiet: [[`${running} 290x60`], [`${running} 0+60x8 0x52`]],
  },
  { alert: 'ControlPlaneDown', labels: '', fires: [`${up} 1x10 _x50`], quiet: [[`${up} 1x60`]] },
  {
    alert: 'ReplicaDown',
    labels: 'job="fairlead",instance="a:15014"',
    fires: ['up{job="fairlead",instance="a:15014"} 0x60', 'up{job="fairlead",instance="b:15014"} 1x60'],
    quiet: [['up{job="fairlead",instance="a:15014"} 0x3 1x57'], ['up{job="other",instance="a:1"} 0x60']],
  },
  {
    alert: 'WebhookAuthFailures',
    labels: 'forge="github"',
    fires: [`${webhooks('refused')} 0+1x60`],
    quiet: [[`${webhooks('accepted')} 0+9x60`], [`${webhooks('refused')} 0x10 5x50`]],
  },
];

test('each alert fires on what it is for, and on nothing that only looks like it', async () => {
  const input = (lines: readonly string[]) =>
    lines.map((line) => {
      const end = line.indexOf('}') < 0 ? line.indexOf(' ') : line.indexOf('} ') + 1;
      return { series: line.slice(0, end), values: line.slice(end + 1) };
    });
  const fired = (alert: string) => `ALERTS{alertname="${alert}",alertstate="firing"}`;
  const asked = (alert: string, unit: string, lines: readonly string[], exp_samples: readonly object[]) => ({
    interval: `1${unit}`,
    input_series: input(lines),
    promql_expr_test: [{ expr: fired(alert), eval_time: `50${unit}`, exp_samples }],
  });
  for (const [unit, some] of Map.groupBy(cases, ({ unit = 'm' }) => unit)) {
    const tests = some.flatMap(({ alert, labels, fires, quiet }) => {
      const { severity } = rules.find((rule) => rule.alert === alert)?.labels ?? {};
      const more = labels === '' ? '' : `,${labels}`;
      const firing = `ALERTS{alertname="${alert}",alertstate="firing",severity="${severity}"${more}}`;
      return [
        asked(alert, unit, fires, [{ labels: firing, value: 1 }]),
        ...quiet.map((lines) => asked(alert, unit, lines, [])),
      ];
    });
    expect(await tested(tests, `1${unit}`)).toContain('SUCCESS');
  }
});

test('the rules are well formed, and each has its cases and its page', () => {
  expect(promtool('check', 'rules', file)).toContain(`SUCCESS: ${rules.length} rules found`);
  expect(rules.map(({ alert }) => alert)).toEqual([...new Set(cases.map(({ alert }) => alert))]);
  for (const { alert, expr, annotations } of rules) {
    expect(annotations.runbook).toBe(`docs/runbooks/${alert}.md`);
    const page = readFileSync(join(root, annotations.runbook), 'utf8');
    expect(page).toMatch(new RegExp(`^# ${alert}\n`));
    expect(page).toContain(expr);
    expect(page).toContain('## What to do');
  }
  const pages = readdirSync(join(root, 'docs/runbooks')).map((name) => name.replace('.md', ''));
  expect(pages.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
});

test('every metric and label in dashboards and alerts is one that a server has', async () => {
  const text = await createMetrics('1').text(views());
  const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const page = readFileSync(join(root, 'docs/metrics.md'), 'utf8');
  const told = new Set([...page.matchAll(/`([^`]+)`/g)].flatMap(([, words = '']) => words.split(' ')));
  expect(queries.length).toBeGreaterThan(30);
  for (const query of queries) {
    const used = metricsIn(query);
    for (const name of used)
      expect(known, query).toContain(known.has(name) ? name : name.replace(/_bucket$/, ''));
    const labels = [...query.matchAll(/(?:by|on) \(([^)]*)\)|[{,](\w+)[=!]/g)].flatMap(([, by, one]) =>
      (by ?? one ?? '').split(', '),
    );
    for (const label of labels) expect([...told, 'le', 'job'], query).toContain(label);
  }
});
