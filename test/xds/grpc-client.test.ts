import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { envoy } from '../../src/generated/envoy.js';
import { createResourceServer, type RawResource, type XdsServer } from '../../src/xds/index.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from './resources.ts';

const { Cluster } = envoy.config.cluster.v3;
const { ClusterLoadAssignment } = envoy.config.endpoint.v3;
const { Listener } = envoy.config.listener.v3;
const { RouteConfiguration } = envoy.config.route.v3;
const { HttpConnectionManager } = envoy.extensions.filters.network.http_connection_manager.v3;
const HTTP_MANAGER =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';

/** So that no environment variable is needed, which would count once for the whole process. */
const BOOTSTRAP = 'grpc.TEST_ONLY_DO_NOT_USE_IN_PROD.xds_bootstrap_config';

let server: XdsServer;
let port: number;
let resources: readonly RawResource[];
const closing: (() => void)[] = [];
const bytes = (data: Buffer) => data;

beforeEach(async () => {
  resources = [];
  const silent = { info: () => {}, warn: () => {}, error: () => {} };
  server = createResourceServer({ resourcesFor: () => resources, log: silent, now: () => 0 });
  port = await server.listen('127.0.0.1', 0);
  register();
});

afterEach(async () => {
  for (const close of closing.splice(0)) close();
  await server.close();
});

/** A gRPC service that answers every call with its name. */
async function backend(name: string): Promise<number> {
  const backend = new Server();
  const method = { path: '/test.Who/Am', requestStream: false, responseStream: false } as const;
  const codecs = {
    ...{ requestSerialize: bytes, requestDeserialize: bytes },
    ...{ responseSerialize: bytes, responseDeserialize: bytes },
  };
  const Am = (_call: unknown, answer: sendUnaryData<Buffer>) => answer(null, Buffer.from(name));
  backend.addService({ Am: { ...method, ...codecs } }, { Am });
  closing.push(() => backend.forceShutdown());
  return new Promise((resolve, reject) =>
    backend.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
}

const any = (typeUrl: string, value: Uint8Array) => ({ type_url: typeUrl, value });
const raw = (typeUrl: string, name: string, version: string, value: Uint8Array): RawResource => {
  return { typeUrl, name, version, any: value };
};

/** What `xds:///greeter` needs, with its route to one cluster. */
function greeter(
  version: string,
  to: string,
  ports: Readonly<Record<string, number>>,
): readonly RawResource[] {
  const manager = HttpConnectionManager.encode({
    rds: { routeConfigName: 'routes', configSource: { ads: {} } },
    httpFilters: [{ name: 'router', typedConfig: any(ROUTER, new Uint8Array()) }],
  }).finish();
  const listener = Listener.encode({
    name: 'greeter',
    apiListener: { apiListener: any(HTTP_MANAGER, manager) },
  });
  const routes = RouteConfiguration.encode({
    name: 'routes',
    virtualHosts: [
      { name: 'all', domains: ['*'], routes: [{ match: { prefix: '' }, route: { cluster: to } }] },
    ],
  });
  const clusters = Object.entries(ports).flatMap(([name, portValue]) => {
    const eds = { edsConfig: { ads: {} }, serviceName: name };
    const cluster = Cluster.encode({ name, type: 3, edsClusterConfig: eds });
    const address = { socketAddress: { address: '127.0.0.1', portValue } };
    const endpoints = ClusterLoadAssignment.encode({
      clusterName: name,
      endpoints: [
        {
          locality: { region: 'here' },
          loadBalancingWeight: { value: 1 },
          lbEndpoints: [{ endpoint: { address } }],
        },
      ],
    });
    return [raw(CLUSTER, name, '1', cluster.finish()), raw(ENDPOINT, name, '1', endpoints.finish())];
  });
  return [
    raw(LISTENER, 'greeter', '1', listener.finish()),
    raw(ROUTE, 'routes', version, routes.finish()),
    ...clusters,
  ];
}

test('a gRPC client without a proxy, in state of the world and by name: it is routed, refuses, and is routed anew', async () => {
  const ports = { one: await backend('one'), two: await backend('two') };
  resources = greeter('1', 'one', ports);
  server.publish('r1');
  const xds_servers = [
    { server_uri: `127.0.0.1:${port}`, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] },
  ];
  const client = new Client('xds:///greeter', credentials.createInsecure(), {
    [BOOTSTRAP]: JSON.stringify({ xds_servers, node: { id: 'grpc-client', locality: {} } }),
  });
  closing.push(() => client.close());
  const call = () =>
    new Promise<string>((resolve, reject) => {
      const deadline = Date.now() + 60_000;
      client.makeUnaryRequest(
        ...(['/test.Who/Am', bytes, bytes, Buffer.alloc(0)] as const),
        { deadline },
        (error: ServiceError | null, answer?: Buffer) => (error ? reject(error) : resolve(`${answer}`)),
      );
    });
  expect(await call()).toBe('one');
  resources = greeter('2', 'two', ports);
  server.publish('r2');
  while ((await call()) !== 'two') await new Promise(setImmediate);
  const status = () => server.sessions()[0];
  expect(status()).toMatchObject({ proxy: 'grpc-client', protocol: 'sotw', rejected: [] });
  const bad = raw(ROUTE, 'routes', '3', Buffer.from('ffff', 'hex'));
  resources = [...greeter('2', 'two', ports).filter(({ name }) => name !== 'routes'), bad];
  server.publish('r3');
  while (status()?.rejected.length === 0) await new Promise(setImmediate);
  expect(status()?.rejected).toMatchObject([{ typeUrl: ROUTE, name: 'routes', version: '3' }]);
  expect(await call()).toBe('two');
  resources = greeter('4', 'one', ports);
  server.publish('r4');
  while ((await call()) !== 'one') await new Promise(setImmediate);
  expect(status()?.rejected).toEqual([]);
});
