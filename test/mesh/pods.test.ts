import { describe, expect, test } from 'vitest';
import { istio, service, slice, subsets } from './manifests.ts';
import { meshOf } from './world.ts';

const acme = (files: string) => ({ path: 'acme', files });

type Pod = {
  readonly ip?: string;
  readonly labels?: string;
  readonly node?: string;
  readonly status?: string;
};

/** A Pod of shop as Kubernetes says it; its port `web` is 8080. */
function pod(
  name: string,
  { ip = '10.1.0.1', labels = 'app: cart', node = 'n1', status = '' }: Pod = {},
): string {
  const metadata = `metadata: {name: ${name}, namespace: shop, labels: {${labels}}}`;
  const spec = `spec: {nodeName: ${node}, serviceAccountName: cart, dnsPolicy: ClusterFirst, containers: [{name: c, image: i, ports: [{name: web, containerPort: 8080, protocol: TCP}]}]}`;
  return `apiVersion: v1\nkind: Pod\n${metadata}\n${spec}\nstatus: {podIP: "${ip}"${status}}\n---\n`;
}

const node = (name: string, zone: string) =>
  `apiVersion: v1\nkind: Node\nmetadata: {name: ${name}, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: ${zone}}}\n---\n`;

const cart = service('cart', 'shop', '', '[{name: http, port: 80, targetPort: web}]');
const ready = (is: string) => `, phase: Running, conditions: [{type: Ready, status: "${is}"}]`;

/** Address, target port, locality and labels of each endpoint of the first service. */
function endpoints(files: string) {
  const { mesh, endpoints: all, problems } = meshOf(acme(files));
  const [first] = mesh.services;
  const list = (first && all.get(first.id)) ?? [];
  return { problems, list };
}
const addresses = (files: string) => endpoints(files).list.map(({ address }) => address);

describe('Pods behind a selector', () => {
  test('serve the named port of a container, where their Node is', () => {
    const { list, problems } = endpoints(cart + pod('cart-0') + node('n1', 'eu-a'));
    expect(problems).toEqual([]);
    expect(list.map(({ ports, locality, workload }) => [[...ports], locality, workload])).toEqual([
      [[[80, 8080]], 'eu/eu-a', 'Pod/shop/cart-0'],
    ]);
  });

  test('serve the number that the Service asks for, whatever a container’s port of its name is', () => {
    const numbered = service('cart', 'shop', '', '[{name: web, port: 80, targetPort: 4180}]');
    expect(endpoints(numbered + pod('cart-0')).list.map(({ ports }) => [...ports])).toEqual([[[80, 4180]]]);
  });

  test.each<readonly [string, string, readonly string[]]>([
    ['another label', pod('a', { labels: 'app: web' }), []],
    ['ready', pod('a', { status: ready('True') }), ['10.1.0.1']],
    ['not ready', pod('a', { status: ready('False') }), []],
    ['ended', pod('a', { status: ', phase: Succeeded' }), []],
    ['no address yet', pod('a').replace(/status: .*/, 'status: {phase: Pending}'), []],
    [
      'both families',
      pod('a', { status: ', podIPs: [{ip: "10.1.0.1"}, {ip: "fd00::1"}]' }),
      ['10.1.0.1', 'fd00::1'],
    ],
  ])('%s', (_what, files, expected) => {
    expect(addresses(cart + files)).toEqual(expected);
  });

  test('those that are not ready serve a Service that publishes them', () => {
    const published = service('cart', 'shop', ', publishNotReadyAddresses: true');
    expect(addresses(published + pod('a', { status: ready('False') }))).toEqual(['10.1.0.1']);
  });

  test('are beside WorkloadEntries', () => {
    const entry = istio(
      'WorkloadEntry',
      'w',
      'shop',
      '{address: 10.2.0.1, labels: {app: cart}, ports: {web: 1}}',
    );
    expect(addresses(cart + pod('a') + entry)).toEqual(['10.1.0.1', '10.2.0.1']);
  });

  test('give way to slices, which say who serves', () => {
    const files = cart + pod('a') + slice('s', 'shop', 'cart', ['{addresses: [10.9.0.1]}']);
    expect(addresses(files)).toEqual(['10.9.0.1']);
  });
});

test('an endpoint of a slice has the labels of its Pod, and is where its Node is', () => {
  const endpoint = '{addresses: [10.1.0.1], zone: x, nodeName: n1, targetRef: {kind: Pod, name: cart-0}}';
  const files =
    cart +
    pod('cart-0', { labels: 'app: cart, version: v1' }) +
    node('n1', 'eu-a') +
    slice('s', 'shop', 'cart', [endpoint]) +
    subsets('cart', 'shop', 'cart', 'v1');
  const { list, problems } = endpoints(files);
  expect(problems).toEqual([]);
  expect(list.map(({ labels, locality }) => [labels, locality])).toEqual([
    [{ app: 'cart', version: 'v1' }, 'eu/eu-a'],
  ]);
});

test('a ServiceEntry selects Pods, too', () => {
  const entry = istio(
    'ServiceEntry',
    'e',
    'shop',
    '{hosts: [cart.example], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], workloadSelector: {labels: {app: cart}}}',
  );
  expect(addresses(entry + pod('a'))).toEqual(['10.1.0.1']);
});

test('of two Pods, those that an edit leaves alone stay', () => {
  expect(addresses(cart + pod('a') + pod('b', { ip: '10.1.0.2' }))).toEqual(['10.1.0.1', '10.1.0.2']);
});
