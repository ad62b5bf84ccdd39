import { once } from 'node:events';
import { connect } from 'node:http2';
import { type Client, type ServiceError, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Draft, envoy } from '../../src/generated/envoy.js';
import type { Snapshot } from '../../src/translate/index.ts';
import { createXdsServer, type XdsServer } from '../../src/xds/index.ts';
import { limits } from '../../src/xds/limits.ts';
import { AdsClient, connection, NODE, SotwClient } from './client.ts';
import { framed } from './framed.ts';
import { CLUSTER, cluster, ENDPOINT, endpoints, ROUTE, snapshot } from './resources.ts';

const { ClientStatusRequest, ClientStatusResponse } = envoy.service.status.v3;
const { DeltaDiscoveryRequest } = envoy.service.discovery.v3;

const { root } = protobuf.parse(`syntax = "proto3"; package test;
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse { int32 status = 1; }
  message ReflectionRequest { string file_containing_symbol = 4; string list_services = 7; }
  message ReflectionResponse { FileDescriptors file_descriptor_response = 4; Services list_services_response = 6; Error error_response = 7; }
  message FileDescriptors { repeated bytes file_descriptor_proto = 1; }
  message Services { repeated Service service = 1; }
  message Service { string name = 1; }
  message Error { int32 error_code = 1; string error_message = 2; }`);
const FileDescriptorProto = descriptor.FileDescriptorProto as unknown as {
  decode(bytes: Uint8Array): { readonly messageType: readonly Message[] };
};
const message = (name: string) => root.lookupType(`test.${name}`);
const bytes = (data: Buffer) => data;

let server: XdsServer;
let port: number;
let current: Snapshot;
let client: Client;
const clients: { close(): void }[] = [];

beforeEach(async () => {
  current = snapshot(cluster('a'), endpoints('a'));
  const silent = { info: () => {}, warn: () => {}, error: () => {} };
  server = createXdsServer({ snapshotFor: () => current, log: silent, now: () => 0 });
  port = await server.listen('127.0.0.1', 0);
  client = connection(port);
});

afterEach(async () => {
  client.close();
  for (const each of clients.splice(0)) each.close();
  await server.close();
});

function kept<T extends { close(): void }>(each: T): T {
  clients.push(each);
  return each;
}

function ask(path: string, request: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      bytes,
      bytes,
      Buffer.from(request),
      (error: ServiceError | null, answer?: Buffer) => {
        if (error === null && answer !== undefined) resolve(answer);
        else reject(error);
      },
    );
  });
}

describe('health', () => {
  const check = async (service: string) => {
    const request = message('HealthCheckRequest').encode({ service }).finish();
    const answer = message('HealthCheckResponse').decode(await ask('/grpc.health.v1.Health/Check', request));
    return answer.toJSON().status;
  };
  const [serving, notServing] = [1, 2];

  test('is NOT_SERVING until there is something to serve, of the server and of every service', async () => {
    const services = ['', 'envoy.service.discovery.v3.AggregatedDiscoveryService'];
    expect(await Promise.all(services.map(check))).toEqual([notServing, notServing]);
    server.publish('r1');
    expect(await Promise.all(services.map(check))).toEqual([serving, serving]);
  });

  test('of a service that is not served is unknown', async () => {
    await expect(check('envoy.service.secret.v3.SecretDiscoveryService')).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  test('is NOT_SERVING for who watches it before the server is gone', async () => {
    server.publish('r1');
    const request = Buffer.from(message('HealthCheckRequest').encode({ service: '' }).finish());
    const watch = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', bytes, bytes, request);
    const seen: number[] = [];
    watch.on('error', () => {});
    watch.on('data', (data: Buffer) =>
      seen.push(message('HealthCheckResponse').decode(data).toJSON().status),
    );
    await once(watch, 'data');
    const closed = server.close();
    await once(watch, 'data');
    expect(seen).toEqual([serving, notServing]);
    await closed; // a watch never ends by itself: it is cut off
  });

  test('stays NOT_SERVING when something is published while the server goes away', async () => {
    server.publish('r1');
    const request = Buffer.from(message('HealthCheckRequest').encode({ service: '' }).finish());
    const watch = client.makeServerStreamRequest('/grpc.health.v1.Health/Watch', bytes, bytes, request);
    const seen: number[] = [];
    watch.on('error', () => {});
    watch.on('data', (data: Buffer) =>
      seen.push(message('HealthCheckResponse').decode(data).toJSON().status),
    );
    const ended = new Promise((resolve) => watch.on('status', resolve));
    await once(watch, 'data');
    const closed = server.close();
    server.publish('r2');
    await Promise.all([closed, ended]);
    expect(seen).toEqual([serving, notServing]);
  });
});

describe('reflection', () => {
  async function reflect(request: object): Promise<{ [name: string]: unknown }> {
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const call = client.makeBidiStreamRequest(path, bytes, bytes);
    call.on('error', () => {});
    call.write(Buffer.from(message('ReflectionRequest').encode(request).finish()));
    const [answer] = await once(call, 'data');
    call.end();
    return message('ReflectionResponse').decode(answer).toJSON();
  }

  test('lists what is served, and nothing else of Envoy', async () => {
    const { listServicesResponse } = await reflect({ listServices: '*' });
    const services = (listServicesResponse as { service: { name: string }[] }).service.map(
      ({ name }) => name,
    );
    expect(services.sort()).toEqual([
      'envoy.service.cluster.v3.ClusterDiscoveryService',
      'envoy.service.discovery.v3.AggregatedDiscoveryService',
      'envoy.service.endpoint.v3.EndpointDiscoveryService',
      'envoy.service.listener.v3.ListenerDiscoveryService',
      'envoy.service.route.v3.RouteDiscoveryService',
      'envoy.service.status.v3.ClientStatusDiscoveryService',
      'grpc.health.v1.Health',
    ]);
  });

  test.each(['envoy.service.discovery.v3.AggregatedDiscoveryService', 'envoy.config.cluster.v3.Cluster'])(
    'a client can build %s from its descriptors alone',
    async (symbol) => {
      const { fileDescriptorResponse } = await reflect({ fileContainingSymbol: symbol });
      const { fileDescriptorProto } = fileDescriptorResponse as { fileDescriptorProto: string[] };
      const set = protobuf.Writer.create();
      for (const file of fileDescriptorProto) set.uint32(10).bytes(Buffer.from(file, 'base64')); // FileDescriptorSet.file
      const built = protobuf.Root.fromDescriptor(set.finish());
      built.resolveAll();
      expect(built.lookup(symbol)?.fullName).toBe(`.${symbol}`);
    },
  );

  test('the entries of a map are named as protoc names them: Go refuses any other', async () => {
    const types: readonly string[] = ['grpc.health.v1.Health', 'envoy.config.core.v3.Metadata'];
    for (const symbol of types) {
      const { fileDescriptorResponse } = await reflect({ fileContainingSymbol: symbol });
      const { fileDescriptorProto } = fileDescriptorResponse as { fileDescriptorProto: string[] };
      const maps = fileDescriptorProto.flatMap((file) =>
        FileDescriptorProto.decode(Buffer.from(file, 'base64')).messageType.flatMap(entries),
      );
      expect(maps.length).toBeGreaterThan(0);
      for (const { field, entry } of maps) expect(entry).toBe(`${pascal(field)}Entry`);
    }
  });

  test('what is not there is an error', async () => {
    expect((await reflect({ fileContainingSymbol: 'no.such.Thing' })).errorResponse).toMatchObject({
      errorCode: status.NOT_FOUND,
    });
  });
});

type Message = {
  readonly name: string;
  readonly field: readonly { readonly name: string; readonly typeName: string }[];
  readonly nestedType: readonly (Message & { readonly options: { readonly mapEntry: boolean } | null })[];
};

/** The fields of a message that are maps, each with the name of the message of its entries. */
function entries({ field, nestedType }: Message): readonly { field: string; entry: string }[] {
  const maps = nestedType.filter(({ options }) => options?.mapEntry).map(({ name }) => name);
  return field.flatMap(({ name, typeName }) => {
    const entry = maps.find((each) => typeName === each || typeName.endsWith(`.${each}`));
    return entry === undefined ? [] : [{ field: name, entry }];
  });
}

const pascal = (name: string) => name.replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());

describe('CSDS', () => {
  const path = '/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus';
  const [SYNCED, NOT_SENT, STALE, ERROR] = [1, 2, 3, 4];
  const [REQUESTED, DOES_NOT_EXIST, ACKED, NACKED] = [1, 2, 3, 4];

  async function fetched(request: Draft<envoy.service.status.v3.ClientStatusRequest> = {}) {
    return ClientStatusResponse.decode(await ask(path, ClientStatusRequest.encode(request).finish()));
  }

  /** `Cluster a` → its statuses, of the only client. */
  async function statuses() {
    const [only, ...others] = (await fetched()).config;
    expect(others).toEqual([]);
    return new Map(
      only?.genericXdsConfigs.map((each) => [
        `${each.typeUrl.slice(each.typeUrl.lastIndexOf('.') + 1)} ${each.name}`,
        [each.clientStatus, each.configStatus],
      ]),
    );
  }

  test('shows what was asked for, sent, acknowledged, missing and refused', async () => {
    const proxy = kept(new AdsClient(port));
    proxy.send({ node: NODE, typeUrl: CLUSTER });
    proxy.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ['a'] });
    proxy.send({ typeUrl: ROUTE, resourceNamesSubscribe: ['ghost'] });
    await until(async () => (await statuses()).size === 2);
    expect(await statuses()).toEqual(
      new Map([
        ['ClusterLoadAssignment a', [DOES_NOT_EXIST, SYNCED]],
        ['RouteConfiguration ghost', [DOES_NOT_EXIST, SYNCED]],
      ]),
    );
    server.publish('r1');
    const [clusters, assignments] = [await proxy.next(), await proxy.next()];
    expect((await statuses()).get('Cluster a')).toEqual([REQUESTED, STALE]);
    proxy.ack(clusters);
    proxy.ack(assignments);
    await until(async () => (await statuses()).get('Cluster a')?.[0] === ACKED);
    expect((await statuses()).get('Cluster a')).toEqual([ACKED, SYNCED]);
    expect((await statuses()).get('RouteConfiguration ghost')).toEqual([DOES_NOT_EXIST, SYNCED]);
  });

  test('shows what is not sent yet, and the refused with the reason, its content and the last good', async () => {
    const proxy = kept(new SotwClient(port));
    server.publish('r1');
    proxy.send({ node: NODE, typeUrl: CLUSTER });
    proxy.ack(await proxy.next());
    current = snapshot(cluster('a', '2'), endpoints('a'));
    server.publish('r2');
    const { nonce } = await proxy.next();
    current = snapshot(cluster('a', '2'), cluster('late'), endpoints('a'));
    server.publish('r3');
    await until(async () => (await statuses()).has('Cluster late'));
    expect((await statuses()).get('Cluster late')).toEqual([REQUESTED, NOT_SENT]);
    proxy.send({ typeUrl: CLUSTER, responseNonce: nonce, errorDetail: { code: 3, message: 'no' } });
    await until(async () => (await statuses()).get('Cluster a')?.[0] === NACKED);
    const [shown] = (await fetched()).config[0]?.genericXdsConfigs ?? [];
    expect(shown).toMatchObject({
      ...{ name: 'a', versionInfo: '1', clientStatus: NACKED, configStatus: ERROR },
      xdsConfig: { type_url: CLUSTER, value: Buffer.from('a@1') },
      errorState: { details: 'no', versionInfo: '2', failedConfiguration: { value: Buffer.from('a@2') } },
    });
    const [bare] = (await fetched({ excludeResourceContents: true })).config[0]?.genericXdsConfigs ?? [];
    expect([bare?.xdsConfig, bare?.errorState?.failedConfiguration]).toEqual([null, null]);
  });

  test.each([
    ['exact', { exact: NODE.id }, 1],
    ['exact, of another', { exact: 'sidecar~10.0.0.2' }, 0],
    ['prefix', { prefix: 'sidecar~10.0.0.1~' }, 1],
    ['suffix', { suffix: '.CLUSTER.local', ignoreCase: true }, 1],
    ['contains', { contains: '~web-1.' }, 1],
    ['safe_regex, all of it', { safeRegex: { regex: 'sidecar~.*local' } }, 1],
    ['safe_regex, a part', { safeRegex: { regex: 'web' } }, 0],
  ])('node matcher: %s', async (_, nodeId, count) => {
    const proxy = kept(new AdsClient(port));
    server.publish('r1');
    proxy.send({ node: NODE, typeUrl: CLUSTER });
    await proxy.next();
    const { config } = await fetched({ nodeMatchers: [{ nodeId }] });
    expect(config.map(({ node }) => node?.id)).toEqual(Array.from({ length: count }, () => NODE.id));
  });

  test.each([
    ['metadata', { nodeMetadatas: [{ path: [{ key: 'a' }] }] }],
    ['no RE2 expression', { nodeId: { safeRegex: { regex: '(' } } }],
    ['a lookahead, which RE2 has not', { nodeId: { safeRegex: { regex: '(?=a)' } } }],
    ['nothing to compare with', { nodeId: {} }],
  ])('node matcher: %s is refused', async (_, matcher) => {
    await expect(fetched({ nodeMatchers: [matcher] })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test('an answer that would be too large is refused, and says how to get less', async () => {
    current = snapshot({ ...cluster('a'), any: Buffer.alloc(limits.statusBytes, 'x') }, endpoints('a'));
    const proxy = kept(new AdsClient(port));
    server.publish('r1');
    proxy.send({ node: NODE, typeUrl: CLUSTER });
    proxy.ack(await proxy.next());
    proxy.send({ typeUrl: ENDPOINT, resourceNamesSubscribe: ['a'] });
    await proxy.next();
    await expect(fetched()).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: expect.stringContaining('exclude_resource_contents'),
    });
    expect((await fetched({ excludeResourceContents: true })).config).toHaveLength(1);
    expect((await fetched({ nodeMatchers: [{ nodeId: { exact: 'other' } }] })).config).toEqual([]);
  });

  test('bytes that are no request are refused', async () => {
    await expect(ask(path, Buffer.from('ffff', 'hex'))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });

  test('on a stream, a request that cannot be answered ends it, whatever comes after', async () => {
    const call = client.makeBidiStreamRequest(path.replace('Fetch', 'Stream'), bytes, bytes);
    call.on('data', () => {});
    call.on('error', () => {});
    for (let count = 0; count < 3; count += 1) call.write(Buffer.from('ffff', 'hex'));
    call.write(Buffer.alloc(0));
    call.end();
    const ended = new Promise<number>((resolve) => call.on('status', ({ code }) => resolve(code)));
    expect(await ended).toBe(status.INVALID_ARGUMENT);
    expect((await fetched()).config).toEqual([]);
  });

  test('on a stream, every request is answered', async () => {
    const call = client.makeBidiStreamRequest(path.replace('Fetch', 'Stream'), bytes, bytes);
    const answers: Buffer[] = [];
    call.on('data', (answer: Buffer) => answers.push(answer));
    for (let count = 0; count < 3; count += 1) call.write(Buffer.alloc(0));
    call.end();
    await once(call, 'end');
    expect(answers).toHaveLength(3);
  });
});

describe('age', () => {
  test('a connection of that age ends with its streams, however long these would last', async () => {
    const said: string[] = [];
    const log = { info: (_: object, text: string) => void said.push(text), warn: () => {}, error: () => {} };
    const aging = createXdsServer({
      ...{ snapshotFor: () => current, log, now: () => 0 },
      maxConnectionAgeMs: 20,
    });
    const agingPort = await aging.listen('127.0.0.1', 0);
    aging.publish('r1');
    // A connection may be over before a slow client has said who it is: that one comes back.
    while (!said.join().includes('connected')) {
      const proxy = kept(new AdsClient(agingPort));
      proxy.send({ node: NODE, typeUrl: CLUSTER });
      expect((await proxy.status()).code).not.toBe(status.OK);
    }
    expect(aging.sessions()).toEqual([]);
    await aging.close();
  });
});

describe('drain', () => {
  test('what is being written arrives whole, then UNAVAILABLE', async () => {
    // More than a client takes unread, and nothing that takes long: who is slow is cut off.
    const large = { ...cluster('a'), any: Buffer.alloc(1024 * 1024, 'x') };
    current = snapshot(large);
    server.publish('r1');
    const proxies = [kept(new AdsClient(port)), kept(new SotwClient(port))];
    for (const proxy of proxies) {
      proxy.send({ node: NODE, typeUrl: CLUSTER });
      proxy.pause();
    }
    await until(
      async () =>
        server.sessions().every(({ types }) => types[0]?.sent === '1.1') && server.sessions().length === 2,
    );
    const closed = server.close();
    for (const proxy of proxies) {
      proxy.resume();
      expect((await proxy.next()).resources).toHaveLength(1);
      expect((await proxy.status()).code).toBe(status.UNAVAILABLE);
    }
    await closed;
  });

  test('clients are told to look elsewhere', async () => {
    const session = connect(`http://127.0.0.1:${port}`);
    await once(session, 'connect');
    const told = once(session, 'goaway');
    const closed = server.close();
    const [code] = await told;
    expect(code).toBe(0);
    session.close();
    await closed;
  });

  test('who does not read is cut off', async () => {
    current = snapshot({ ...cluster('a'), any: Buffer.alloc(8 * 1024 * 1024, 'x') });
    server.publish('r1');
    const session = connect(`http://127.0.0.1:${port}`).on('error', () => {});
    const path = '/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters';
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
    stream.write(framed(DeltaDiscoveryRequest.encode({ node: NODE }).finish()));
    await until(async () => server.sessions()[0]?.types[0]?.sent === '1.1');
    const over = new Promise((resolve) => session.on('close', resolve));
    await Promise.all([over, server.close()]);
    expect(server.sessions()).toEqual([]);
  });
});

/** Waits for a state that comes with what is on its way; asked again each time the event loop has gone round. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(setImmediate);
}
