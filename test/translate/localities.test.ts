import { describe, expect, test } from 'vitest';
import { translate } from '../../src/translate/index.ts';
import { istio, service, slice, workload } from '../mesh/manifests.ts';
import { meshOf } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { type Json, jsonOf, proxyAt, snapshotOf } from './world.ts';

const cluster = 'outbound|80||cart.shop.svc.cluster.local';
const places = ['eu/a/1', 'eu/a/2', 'eu/b/1', 'us/a/1', 'cn/a/1'];
const workloads = places.map((place, index) =>
  workload(`w-${index}`, 'shop', `10.0.0.${index}`, `app: cart, tier: t${index % 2}`, `, locality: ${place}`),
);

function snapshot(from: string, policy: string, endpoints: readonly string[] = workloads) {
  const rule = istio('DestinationRule', 'cart', 'shop', `{host: cart, trafficPolicy: {${policy}}}`);
  const labels = { tier: 't1', ...(from === '' ? {} : { 'istio-locality': from }) };
  const files = service('cart', 'shop') + endpoints.join('') + rule;
  return snapshotOf(proxyAt('10.0.0.99', 'web', { LABELS: labels }), { path: 'acme', files });
}

/** `region/zone/subzone priority weight` of each group, as Envoy hears them. */
function heard(from: string, policy: string, endpoints?: readonly string[]): readonly string[] {
  const { endpoints: groups } = jsonOf(
    snapshot(from, policy, endpoints),
    'endpoints',
    cluster,
  ) as unknown as {
    readonly endpoints: readonly Json[];
  };
  return groups.map(({ locality, priority, load_balancing_weight: weight }) => {
    const { region, zone, sub_zone } = locality as unknown as Record<string, string>;
    return `${[region, zone, sub_zone].join('/')} ${priority ?? 0} ${weight}`;
  });
}

const ejecting = 'outlierDetection: {maxEjectionPercent: 100}';
const setting = (inner: string) => `loadBalancer: {localityLbSetting: ${inner}}`;
const anywhere = ['cn/a/1 0 1', 'eu/a/1 0 1', 'eu/a/2 0 1', 'eu/b/1 0 1', 'us/a/1 0 1'];

describe('the nearest first, with outlier detection', () => {
  test.each<readonly [string, string, string, readonly string[]]>([
    [
      'subzone, zone, region, any',
      'eu.a.1',
      ejecting,
      ['eu/a/1 0 1', 'eu/a/2 1 1', 'eu/b/1 2 1', 'cn/a/1 3 1', 'us/a/1 3 1'],
    ],
    [
      'priorities have no gap',
      'eu.c.1',
      ejecting,
      ['eu/a/1 0 1', 'eu/a/2 0 1', 'eu/b/1 0 1', 'cn/a/1 1 1', 'us/a/1 1 1'],
    ],
    ['of a locality where nobody serves', 'af.a.1', ejecting, anywhere],
    ['a client that does not say where it is', '', ejecting, anywhere],
    ['without outlier detection', 'eu.a.1', 'connectionPool: {}', anywhere],
    ['not when it is turned off', 'eu.a.1', `${ejecting}, ${setting('{enabled: false}')}`, anywhere],
    [
      'a region that takes over',
      'eu.a.1',
      `${ejecting}, ${setting('{failover: [{from: eu, to: us}]}')}`,
      ['eu/a/1 0 1', 'eu/a/2 1 1', 'eu/b/1 2 1', 'us/a/1 3 1', 'cn/a/1 4 1'],
    ],
    [
      'the region of another client',
      'us.a.1',
      `${ejecting}, ${setting('{failover: [{from: eu, to: us}]}')}`,
      ['us/a/1 0 1', 'cn/a/1 1 1', 'eu/a/1 1 1', 'eu/a/2 1 1', 'eu/b/1 1 1'],
    ],
  ])('%s', (_what, from, policy, expected) => {
    expect(heard(from, policy)).toEqual(expected);
  });

  test('of slices, which know the zone alone', () => {
    const at = (last: number, zone: string) => `{addresses: [10.0.1.${last}], zone: ${zone}}`;
    const slices = [slice('a', 'shop', 'cart', [at(1, 'eu-a'), at(2, 'eu-b')])];
    expect(heard('eu.eu-a', ejecting, slices)).toEqual(['/eu-a/ 0 1', '/eu-b/ 1 1']);
  });
});

test('clients of other localities and labels hear other priorities of one mesh', () => {
  const policy = `${ejecting}, ${setting('{failoverPriority: [tier]}')}`;
  const rule = istio('DestinationRule', 'cart', 'shop', `{host: cart, trafficPolicy: {${policy}}}`);
  const built = meshOf({ path: 'acme', files: service('cart', 'shop') + workloads.join('') + rule });
  const first = (tier: string) => {
    const proxy = proxyAt('10.0.0.99', 'web', { LABELS: { tier } });
    const json = jsonOf(translate(built.mesh, built.endpoints, proxy), 'endpoints', cluster);
    return json.endpoints?.[0]?.lb_endpoints?.[0]?.endpoint?.address?.socket_address?.address;
  };
  expect([first('t0'), first('t1'), first('t0')]).toEqual(['10.0.0.4', '10.0.0.1', '10.0.0.4']);
});

describe('those most like the client first, with outlier detection', () => {
  test.each<readonly [string, string, readonly string[]]>([
    [
      '[topology.kubernetes.io/region, tier]',
      'eu.a.1',
      ['eu/a/2 0 1', 'eu/a/1 1 1', 'eu/b/1 1 1', 'cn/a/1 2 1', 'us/a/1 2 1'],
    ],
    ['[tier=t0]', 'eu.a.1', ['cn/a/1 0 1', 'eu/a/1 0 1', 'eu/b/1 0 1', 'eu/a/2 1 1', 'us/a/1 1 1']],
    ['[tier=t0]', '', ['cn/a/1 0 1', 'eu/a/1 0 1', 'eu/b/1 0 1', 'eu/a/2 1 1', 'us/a/1 1 1']],
  ])('%s from %s', (labels, from, expected) => {
    expect(heard(from, `${ejecting}, ${setting(`{failoverPriority: ${labels}}`)}`)).toEqual(expected);
  });

  test('not without it', () => {
    expect(heard('eu.a.1', setting('{failoverPriority: [tier]}'))).toEqual(anywhere);
  });
});

describe('shares, with or without outlier detection', () => {
  const shares = '{distribute: [{from: eu/a/*, to: {eu/a/*: 70, us: 30}}, {from: "*", to: {cn/*: 100}}]}';
  test.each<readonly [string, string, readonly string[]]>([
    ['eu.a.1', setting(shares), ['eu/a/1 0 35', 'eu/a/2 0 35', 'us/a/1 0 30']],
    ['eu.a.9', `${setting(shares)}, ${ejecting}`, ['eu/a/1 0 35', 'eu/a/2 0 35', 'us/a/1 0 30']],
    ['us.a.1', setting(shares), ['cn/a/1 0 100']],
    ['', setting(shares), ['cn/a/1 0 100']],
    ['eu.a.1', setting('{distribute: [{from: us, to: {us: 100}}]}'), anywhere],
  ])('from %s', (from, policy, expected) => {
    expect(heard(from, policy)).toEqual(expected);
  });

  test('the cluster keeps to them', () => {
    expect(jsonOf(snapshot('eu.a.1', setting(shares)), 'clusters', cluster).common_lb_config).toEqual({
      locality_weighted_lb_config: {},
    });
    expect(jsonOf(snapshot('eu.a.1', ejecting), 'clusters', cluster).common_lb_config).toEqual({
      healthy_panic_threshold: { value: 0 },
    });
  });

  test.each([setting(shares), `${setting(shares)}, ${ejecting}`, ejecting])(
    'Envoy accepts %s',
    async (policy) => {
      expect(await validate(staticBootstrap(snapshot('eu.a.1', policy)))).toBe('OK');
    },
  );
});
