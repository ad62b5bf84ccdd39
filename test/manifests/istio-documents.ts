import fc from 'fast-check';

/** Documents of Istio's API that are right, as far as its own schemas and its documentation say. */

export type Value = fc.Arbitrary<unknown>;

/** Some of these fields. */
export const some = (fields: Readonly<Record<string, Value>>, ...required: readonly string[]): Value =>
  fc.record(fields as Record<string, Value>, { requiredKeys: [...required] });
const one = (...alternatives: readonly Value[]): Value => fc.oneof(...alternatives);
const list = (item: Value, maxLength = 2): Value => fc.array(item, { minLength: 1, maxLength });
export const is = fc.constantFrom<unknown[]>;

const port = is(80, 443, 8080, 65535);
const host = is('cart', 'cart.shop.svc.cluster.local', 'api.example.com');
const duration = is('1s', '250ms', '1m30s', '1h');
const percent = some({ value: is(0, 0.1, 50, 100) }, 'value');
const labels = is({ app: 'a' }, { version: 'v1', tier: 'front' });
const namespace = is('shop', 'web');
const exportTo = is(['*'], ['.'], ['web', 'shop']);

const text = one(is({ exact: 'a' }), is({ prefix: '/b' }), is({ regex: '^/c[0-9]+$' }));
const destination = some({ host, subset: is('v1', 'v2'), port: some({ number: port }, 'number') }, 'host');
const names = is({ 'x-a': 'b' }, { 'x-c': 'd', 'x-e': '' });
const changes = some({ set: names, add: names, remove: is(['x-f']) });
const headers = some({ request: changes, response: changes });
const shares = one(
  list(some({ destination, headers }, 'destination'), 1),
  list(some({ destination, weight: is(1, 50, 100), headers }, 'destination', 'weight')),
);
const match = some({
  name: is('a'),
  uri: text,
  scheme: is({ exact: 'http' }),
  method: is({ exact: 'GET' }),
  authority: text,
  headers: is({ 'x-a': { exact: 'b' } }, { 'x-a': {} }),
  withoutHeaders: is({ 'x-b': { prefix: 'c' } }),
  queryParams: is({ q: { regex: '[0-9]+' } }),
  ignoreUriCase: fc.boolean(),
  port,
  sourceLabels: labels,
  sourceNamespace: namespace,
  gateways: is(['mesh']),
  statPrefix: is('counted'),
});
const retries = some(
  {
    attempts: is(1, 3),
    perTryTimeout: duration,
    retryOn: is('5xx', 'connect-failure,refused-stream,503'),
    retryRemoteLocalities: fc.boolean(),
    retryIgnorePreviousHosts: fc.boolean(),
    backoff: duration,
  },
  'attempts',
);
const fault = one(
  some({ delay: some({ fixedDelay: duration, percentage: percent }, 'fixedDelay', 'percentage') }, 'delay'),
  some(
    { abort: some({ httpStatus: is(500, 503), percentage: percent }, 'httpStatus', 'percentage') },
    'abort',
  ),
  some(
    { abort: some({ grpcStatus: is('UNAVAILABLE'), percentage: percent }, 'grpcStatus', 'percentage') },
    'abort',
  ),
);
const corsPolicy = some({
  allowOrigins: list(text),
  allowMethods: is(['GET', 'PUT']),
  allowHeaders: is(['x-a']),
  exposeHeaders: is(['x-b']),
  maxAge: duration,
  allowCredentials: fc.boolean(),
  unmatchedPreflights: is('UNSPECIFIED', 'FORWARD', 'IGNORE'),
});
const rewrite = one(
  some({ uri: is('/a'), authority: is('b.example') }, 'uri'),
  some({ uriRegexRewrite: is({ match: '^/a/(.*)$', rewrite: '/b/\\1' }) }, 'uriRegexRewrite'),
);
const step = one(
  some(
    {
      name: is('a'),
      match: list(match),
      route: shares,
      rewrite,
      timeout: duration,
      retries,
      fault,
      mirrors: list(some({ destination, percentage: percent }, 'destination')),
      corsPolicy,
    },
    'match',
    'route',
  ),
  some(
    { match: list(match), route: shares, mirror: destination, mirrorPercentage: percent },
    'match',
    'route',
    'mirror',
  ),
  is({ match: [{ uri: { prefix: '/a' } }], redirect: { prefixRewrite: '/b' } }),
  some(
    {
      match: list(match),
      redirect: some(
        {
          uri: is('/a'),
          authority: is('b.example'),
          port,
          scheme: is('http', 'https'),
          redirectCode: is(301, 302, 303, 307, 308),
        },
        'uri',
      ),
    },
    'match',
    'redirect',
  ),
  some(
    {
      match: list(match),
      directResponse: some(
        { status: is(200, 418), body: one(is({ string: 'a' }), is({ bytes: 'YQ==' })) },
        'status',
      ),
    },
    'match',
    'directResponse',
  ),
  some({ match: list(match), delegate: some({ name: is('inner'), namespace }, 'name') }, 'match', 'delegate'),
);
const streamMatch = {
  destinationSubnets: is(['10.0.0.0/8'], ['192.0.2.1']),
  port,
  sourceLabels: labels,
  sourceNamespace: namespace,
  gateways: is(['mesh']),
};
const streamShares = list(some({ destination, weight: is(1, 50) }, 'destination', 'weight'));

export const virtualServices: Value = some(
  {
    hosts: is(['cart.example.com'], ['*.example.com', 'a.example.org']),
    gateways: is(['mesh']),
    exportTo,
    http: list(step, 3),
    tls: list(
      some(
        {
          match: list(
            some({ sniHosts: is(['a.example.com'], ['b.example.com']), ...streamMatch }, 'sniHosts'),
          ),
          route: streamShares,
        },
        'match',
        'route',
      ),
    ),
    tcp: list(some({ match: list(some(streamMatch)), route: streamShares }, 'match', 'route')),
  },
  'hosts',
  'http',
).filter(
  (spec) => JSON.stringify(spec).includes('tls') === false || JSON.stringify(spec).includes('*.example.com'),
);

const cookie = some({ name: is('user'), path: is('/'), ttl: duration }, 'name', 'ttl');
const consistentHash = one(
  some({ httpHeaderName: is('x-user'), ringHash: some({ minimumRingSize: is(1024) }) }, 'httpHeaderName'),
  some({ httpCookie: cookie, maglev: some({ tableSize: is(65537) }) }, 'httpCookie'),
  some({ useSourceIp: is(true), minimumRingSize: is(64) }, 'useSourceIp'),
  some({ httpQueryParameterName: is('user') }, 'httpQueryParameterName'),
);
const localityLbSetting = one(
  some({ enabled: fc.boolean() }),
  is({ distribute: [{ from: 'eu/a/*', to: { 'eu/a/*': 80, 'eu/b/*': 20 } }] }),
  is({ failover: [{ from: 'eu', to: 'us' }] }),
  is({ failoverPriority: ['topology.kubernetes.io/region'] }),
);
const loadBalancer = one(
  some(
    {
      simple: is('LEAST_REQUEST', 'ROUND_ROBIN', 'LEAST_CONN'),
      warmup: some({ duration, minimumPercent: is(10), aggression: is(1.5) }, 'duration'),
      localityLbSetting,
    },
    'simple',
  ),
  some({ simple: is('UNSPECIFIED', 'RANDOM', 'PASSTHROUGH'), localityLbSetting }, 'simple'),
  some({ consistentHash, localityLbSetting }, 'consistentHash'),
);
const connectionPool = some({
  tcp: some({
    maxConnections: is(1, 100),
    connectTimeout: duration,
    maxConnectionDuration: duration,
    idleTimeout: duration,
    tcpKeepalive: some({ probes: is(3), time: is('2h'), interval: is('75s') }),
  }),
  http: some({
    http1MaxPendingRequests: is(1),
    http2MaxRequests: is(100),
    maxRequestsPerConnection: is(10),
    maxRetries: is(3),
    idleTimeout: duration,
    h2UpgradePolicy: is('DEFAULT', 'DO_NOT_UPGRADE'),
    useClientProtocol: fc.boolean(),
    maxConcurrentStreams: is(10),
    http2KeepAlive: some({ interval: duration, timeout: duration }, 'interval', 'timeout'),
  }),
});
const outlierDetection = some({
  consecutive5xxErrors: is(0, 5),
  consecutiveGatewayErrors: is(3),
  interval: duration,
  baseEjectionTime: duration,
  maxEjectionPercent: is(0, 50, 100),
  minHealthPercent: is(0, 50),
  splitExternalLocalOriginErrors: is(true),
  outlierDetectionHttpErrorCodes: is([404], [404, 429]),
});
const tls = one(
  is({ mode: 'DISABLE' }),
  some(
    {
      mode: is('SIMPLE'),
      sni: is('a.example'),
      caCertificates: is('/ca.pem'),
      caCrl: is('/crl.pem'),
      subjectAltNames: is(['a.example']),
    },
    'mode',
  ),
  is({ mode: 'MUTUAL', clientCertificate: '/a.pem', privateKey: '/a.key' }),
  is({ mode: 'SIMPLE', insecureSkipVerify: true }),
);
const parts = { loadBalancer, connectionPool, outlierDetection, tls };
const trafficPolicy = some({
  ...parts,
  portLevelSettings: list(some({ port: is({ number: 80 }), ...parts }, 'port'), 1),
  tunnel: some(
    { protocol: is('CONNECT', 'POST'), targetHost: is('db.example'), targetPort: port },
    'targetHost',
    'targetPort',
  ),
  retryBudget: some({ percent: is(20, 12.5), minRetryConcurrency: is(3), budgetInterval: duration }),
});

export const destinationRules: Value = some(
  {
    host,
    exportTo,
    trafficPolicy: one(trafficPolicy, some({ ...parts, proxyProtocol: some({ version: is('V1', 'V2') }) })),
    subsets: list(some({ name: is('v1'), labels, trafficPolicy }, 'name'), 1),
    workloadSelector: some({ matchLabels: labels }),
  },
  'host',
);

const about = { number: port, name: is('a') };
const certificate = {
  mode: is('SIMPLE'),
  minProtocolVersion: is('TLSV1_2', 'TLSV1_3'),
  maxProtocolVersion: is('TLSV1_3', 'TLS_AUTO'),
  cipherSuites: is(['ECDHE-RSA-AES128-GCM-SHA256']),
};
const gatewayHosts = is(['a.example'], ['*'], ['shop/*.example', './b.example']);
const server = one(
  some(
    {
      port: some({ ...about, protocol: is('HTTP', 'HTTP2', 'GRPC') }, 'number', 'name', 'protocol'),
      hosts: gatewayHosts,
      bind: is('10.0.0.1'),
      name: is('outside'),
      tls: some({ httpsRedirect: is(true) }),
    },
    'port',
    'hosts',
  ),
  some(
    {
      port: some({ ...about, protocol: is('HTTPS', 'TLS') }, 'number', 'name', 'protocol'),
      hosts: gatewayHosts,
      tls: one(
        some({ ...certificate, credentialName: is('www') }, 'mode', 'credentialName'),
        some({ ...certificate, credentialNames: is(['a', 'b']) }, 'mode', 'credentialNames'),
        is({ mode: 'SIMPLE', serverCertificate: '/a.pem', privateKey: '/a.key' }),
        some(
          {
            mode: is('MUTUAL', 'OPTIONAL_MUTUAL'),
            credentialName: is('www'),
            caCertCredentialName: is('ca'),
            subjectAltNames: is(['a.example']),
            caCrl: is('/crl.pem'),
            insecureSkipVerify: fc.boolean(),
          },
          'mode',
          'credentialName',
        ),
        is({ mode: 'PASSTHROUGH' }),
      ),
    },
    'port',
    'hosts',
    'tls',
  ),
  some(
    {
      port: some({ ...about, protocol: is('TCP', 'MONGO') }, 'number', 'name', 'protocol'),
      hosts: gatewayHosts,
    },
    'port',
    'hosts',
  ),
);

export const gateways: Value = some({ selector: labels, servers: list(server, 1) }, 'servers');
