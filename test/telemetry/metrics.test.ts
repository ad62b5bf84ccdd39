import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { must } from '../../src/base/must.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import type { Look, ScopeView } from '../../src/telemetry/views.ts';
import { condition, repository, scope, series, views } from './views.ts';

const CDS = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const proxy = (state: 'STALE' | 'SYNCED', since: number | null = null): Look['proxies'][number] => ({
  protocol: 'delta',
  types: [
    { typeUrl: CDS, state, sent: '1.1', acked: '', version: '', resources: 0, unansweredSinceMs: since },
  ],
});

test('a scope is told with its sync, health and verdict, and goes when it ends', async () => {
  const metrics = createMetrics('1.2.3');
  const held = scope('acme.pay', { sync: 'Held', verified: { ok: false, rule: 'G5' } });
  const both = [scope('acme'), held];
  const before = await metrics.text(views({ repositories: () => [repository(both)] }));
  expect(series(before, 'fairlead_scope_info')).toEqual([
    'fairlead_scope_info{repo="mesh",scope="acme",sync="Synced",health="Healthy",verified="true"} 1',
    'fairlead_scope_info{repo="mesh",scope="acme.pay",sync="Held",health="Healthy",verified="G5"} 1',
  ]);
  const ended = [scope('acme'), { ...held, status: 'Tombstone' as const }];
  const after = await metrics.text(views({ repositories: () => [repository(ended)] }));
  expect(after).toContain('scope="acme"');
  expect(after).not.toContain('acme.pay');
});

test('what is told of scopes is made once for one list of them, and is what another server makes', async () => {
  let asked = 0;
  const counted = (path: string, health: string): ScopeView => {
    const { path: _, ...rest } = scope(path, { health });
    return {
      ...rest,
      get path() {
        asked += 1;
        return path;
      },
    };
  };
  const metrics = createMetrics('1.2.3');
  const textOf = (all: readonly ScopeView[], { text }: Pick<typeof metrics, 'text'> = metrics) =>
    text(views({ repositories: () => [repository(all)] }));
  const scopes = [counted('acme', 'Healthy'), counted('acme.pay', 'Healthy')];
  const first = await textOf(scopes);
  const times = asked;
  const info = (text: string) => text.split('\n').filter((line) => line.includes('fairlead_scope_'));
  expect(info(await textOf(scopes))).toEqual(info(first));
  expect([times, asked]).toEqual([2, 2]);
  const worse = [must(scopes[0]), counted('acme.pay', 'Degraded')];
  const changed = info(await textOf(worse));
  expect(changed).not.toEqual(info(first));
  expect(changed).toEqual(info(await textOf(worse, createMetrics('1.2.3'))));
});

test('a refusal is counted for its scopes, until they end', async () => {
  const metrics = createMetrics('1.2.3');
  metrics.nacked(CDS, ['acme', 'acme.pay']);
  metrics.nacked('made.up/by-a-client', []);
  const scopes = [scope('acme'), scope('acme.pay')];
  const nacks = async (living: typeof scopes) =>
    series(
      await metrics.text(views({ repositories: () => [repository(living)] })),
      'fairlead_xds_nacks_total',
    );
  expect(await nacks(scopes)).toEqual([
    'fairlead_xds_nacks_total{type="cds",scope="acme"} 1',
    'fairlead_xds_nacks_total{type="cds",scope="acme.pay"} 1',
    'fairlead_xds_nacks_total{type="other",scope=""} 1',
  ]);
  expect((await nacks(scopes.slice(0, 1))).join()).not.toContain('acme.pay');
});

test('a proxy that leaves leaves nothing behind', async () => {
  const metrics = createMetrics('1.2.3');
  const stale = async (proxies: Look['proxies']) => {
    const text = await metrics.text(views({ proxies: () => proxies }));
    return [...series(text, 'fairlead_xds_connected_proxies'), ...series(text, 'fairlead_xds_stale_proxies')];
  };
  const there = await stale([proxy('STALE'), proxy('SYNCED')]);
  expect(there).toContain('fairlead_xds_connected_proxies{protocol="delta"} 2');
  expect(there).toContain('fairlead_xds_stale_proxies{type="cds"} 1');
  const gone = await stale([]);
  expect(gone).toContain('fairlead_xds_connected_proxies{protocol="delta"} 0');
  expect(gone).toContain('fairlead_xds_stale_proxies{type="cds"} 0');
});

test('how long the proxy that is silent longest has owed an answer is told, and goes with it', async () => {
  const metrics = createMetrics('1.2.3', () => 60_000);
  const waited = async (proxies: Look['proxies']) =>
    series(await metrics.text(views({ proxies: () => proxies })), 'fairlead_xds_unanswered_seconds');
  const both = [proxy('STALE', 50_000), proxy('STALE', 20_000), proxy('SYNCED')];
  expect(await waited(both)).toContain('fairlead_xds_unanswered_seconds{type="cds"} 40');
  // A clock that was set back makes no time that is less than none.
  expect(await waited([proxy('STALE', 70_000)])).toContain('fairlead_xds_unanswered_seconds{type="cds"} 0');
  expect(await waited([])).toContain('fairlead_xds_unanswered_seconds{type="cds"} 0');
});

test('5,000 healthy scopes are two series each, from one look at the status', async () => {
  const metrics = createMetrics('1.2.3');
  let looks = 0;
  const scrape = (count: number) => {
    const scopes = Array.from({ length: count }, (_, index) => scope(`acme.s${index}`));
    const repositories = () => {
      looks += 1;
      return [repository(scopes)];
    };
    return metrics.text(views({ repositories }));
  };
  const [none, many] = [await scrape(0), await scrape(5_000)];
  expect(many.split('\n').length - none.split('\n').length).toBe(10_000);
  expect(looks).toBe(2);
  expect(await scrape(0)).not.toContain('acme.s');
});

test('what is not True is named with its reason', async () => {
  const conditions = [condition('Ready', 'False', 'Rejected'), condition('Distributed', 'False', 'Rejected')];
  const text = await createMetrics('1').text(
    views({ repositories: () => [repository([scope('acme', { conditions })])] }),
  );
  expect(series(text, 'fairlead_scope_condition')).toEqual([
    'fairlead_scope_condition{repo="mesh",scope="acme",type="Ready",status="False",reason="Rejected"} 1',
    'fairlead_scope_condition{repo="mesh",scope="acme",type="Distributed",status="False",reason="Rejected"} 1',
  ]);
});

test('what is suspended is Ready with that reason, and a condition of a repository goes with it', async () => {
  const ready = [condition('Ready', 'True', 'Suspended'), condition('Suspended')];
  const metrics = createMetrics('1');
  const told = async (repositories: Look['repositories']) => {
    const text = await metrics.text(views({ repositories: () => repositories }));
    return [
      ...series(text, 'fairlead_scope_condition'),
      ...series(text, 'fairlead_repository_condition'),
      ...series(text, 'fairlead_git_last_success_timestamp_seconds'),
    ];
  };
  expect(await told([repository([scope('acme', { conditions: ready })], { conditions: ready })])).toEqual([
    'fairlead_scope_condition{repo="mesh",scope="acme",type="Ready",status="True",reason="Suspended"} 1',
    'fairlead_scope_condition{repo="mesh",scope="acme",type="Suspended",status="True",reason="Suspended"} 1',
    'fairlead_repository_condition{repo="mesh",type="Ready",status="True",reason="Suspended"} 1',
    'fairlead_repository_condition{repo="mesh",type="Suspended",status="True",reason="Suspended"} 1',
    'fairlead_git_last_success_timestamp_seconds{repo="mesh"} 5',
  ]);
  expect((await told([repository([], { conditions: [] })])).join()).not.toContain('condition');
  expect(await told([])).toEqual([]);
});

test('a label is text, whatever stands in it', async () => {
  const text = await createMetrics('1').text(
    views({ repositories: () => [repository([], { name: 'a"b\\c\nd' })] }),
  );
  expect(series(text, 'fairlead_git_last_success_timestamp_seconds')).toEqual([
    'fairlead_git_last_success_timestamp_seconds{repo="a\\"b\\\\c\\nd"} 5',
  ]);
});

test('the page has each metric, and no other', async () => {
  const text = await createMetrics('1').text(views());
  const served = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| `/.test(line));
  const told = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(told.toSorted()).toEqual(served.toSorted());
});
