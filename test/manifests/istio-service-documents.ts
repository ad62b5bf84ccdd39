import fc from 'fast-check';

/** Documents of Istio's kinds for services and who sees them that are right, as far as its own schemas and its documentation say. */

type Value = fc.Arbitrary<unknown>;

const is = fc.constantFrom<unknown[]>;
const some = (fields: Readonly<Record<string, Value>>, ...required: readonly string[]): Value =>
  fc.record(fields as Record<string, Value>, { requiredKeys: [...required] });
const list = (item: Value): Value => fc.array(item, { minLength: 1, maxLength: 2 });

const labels = is({ app: 'a' }, { version: 'v1', tier: 'front' });
const exportTo = is(['*'], ['.'], ['web', 'shop']);
const ports = is(
  [{ number: 80, name: 'http', protocol: 'HTTP' }],
  [
    { number: 443, name: 'tls', protocol: 'TLS', targetPort: 8443 },
    { number: 5432, name: 'tcp', protocol: 'TCP' },
  ],
);
const locality = is('eu', 'eu/a', 'eu/a/1');
const address = is('10.0.0.1', 'fd00::1');
const about = { labels, locality, weight: is(1, 5), serviceAccount: is('cart') };
const common = { ports, location: is('MESH_EXTERNAL', 'MESH_INTERNAL'), exportTo };
const hosts = is(['api.example.com'], ['a.example.com', 'b.example.com']);
const needed = ['hosts', 'ports', 'resolution'] as const;

export const serviceEntries: Value = fc.oneof(
  some(
    {
      ...{ ...common, hosts: is(['*.example.com'], ['api.example.com']), resolution: is('NONE') },
      addresses: is(['10.0.0.0/8'], ['240.0.0.1', 'fd00::/8']),
    },
    ...needed,
  ),
  some(
    { ...common, hosts, resolution: is('STATIC'), endpoints: list(some({ address, ...about }, 'address')) },
    ...needed,
    'endpoints',
  ),
  some(
    { ...common, hosts, resolution: is('STATIC'), workloadSelector: some({ labels }, 'labels') },
    ...needed,
    'workloadSelector',
  ),
  some(
    {
      ...{ ...common, hosts, resolution: is('DNS', 'DNS_ROUND_ROBIN') },
      endpoints: fc.array(some({ address: is('a.example.org'), ...about }, 'address'), { maxLength: 1 }),
    },
    ...needed,
  ),
);

export const workloadEntries: Value = some(
  {
    address: is('10.0.0.1', 'fd00::1', 'a.example.org'),
    ports: is({ http: 8080 }, { http: 80, tcp: 90 }),
    ...about,
  },
  'address',
);

const port = (number: number) =>
  is({ number, name: 'http', protocol: 'HTTP' }, { number, name: 'tcp', protocol: 'TCP' });
const outside = is(['*/*'], ['./*', 'istio-system/*'], ['shop/cart.example.com', '~/*']);

export const sidecars: Value = some(
  {
    workloadSelector: some({ labels }, 'labels'),
    ingress: fc
      .tuple(
        some(
          {
            port: port(9080),
            bind: is('10.0.0.1'),
            captureMode: is('DEFAULT', 'IPTABLES', 'NONE'),
            defaultEndpoint: is('127.0.0.1:8080', '0.0.0.0:8080', '[::1]:8080', 'unix:///run/app.sock'),
          },
          'port',
        ),
      )
      .map((all): unknown => all),
    egress: fc
      .tuple(
        some({ port: port(80), captureMode: is('DEFAULT', 'IPTABLES'), hosts: outside }, 'port', 'hosts'),
        some({ hosts: outside }, 'hosts'),
      )
      .map((all): unknown => all),
    outboundTrafficPolicy: some({ mode: is('ALLOW_ANY', 'REGISTRY_ONLY') }, 'mode'),
  },
  'egress',
);
