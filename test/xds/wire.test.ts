import protobuf from 'protobufjs/minimal.js';
import { expect, onTestFinished, test, vi } from 'vitest';
import { envoy } from '../../src/generated/envoy.js';
import { delta } from '../../src/xds/delta.ts';
import { sotw } from '../../src/xds/sotw-wire.ts';
import { createEncoder } from '../../src/xds/wire.ts';
import { CLUSTER, cluster, endpoints } from './resources.ts';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse } =
  envoy.service.discovery.v3;

const sent = {
  typeUrl: CLUSTER,
  nonce: '1',
  revision: '',
  version: '',
  resources: [],
  changed: [],
  removed: [],
};

test('the extensions of a node are those that it has not disabled', () => {
  const extensions = [
    { name: 'envoy.filters.http.fault' },
    { name: 'envoy.filters.http.cors', disabled: true },
  ];
  const bytes = DeltaDiscoveryRequest.encode({ node: { id: 'a', extensions } }).finish();
  expect(delta.decode(Buffer.from(bytes)).node?.extensions).toEqual(['envoy.filters.http.fault']);
});

test('a refusal is what it says, without the end of line of Envoy', () => {
  const errorDetail = { code: 13, message: 'Error adding listener: cannot bind\nAddress already in use\n' };
  const error = 'Error adding listener: cannot bind\nAddress already in use';
  expect(delta.decode(Buffer.from(DeltaDiscoveryRequest.encode({ errorDetail }).finish())).error).toBe(error);
  expect(sotw.decode(Buffer.from(DiscoveryRequest.encode({ errorDetail }).finish())).error).toBe(error);
  const empty = DeltaDiscoveryRequest.encode({ errorDetail: { code: 13, message: '' } }).finish();
  expect(delta.decode(Buffer.from(empty)).error).toBe('');
});

test('the metadata of a node is the JSON that its Struct stands for', () => {
  const fields = {
    NAMESPACE: { stringValue: 'demo' },
    empty: { stringValue: '' },
    zero: { numberValue: 0 },
    no: { boolValue: false },
    nothing: { nullValue: 0 },
    list: { listValue: { values: [{ numberValue: 1 }, { stringValue: 'a' }] } },
    FAIRLEAD: { structValue: { fields: { httpProxyPort: { numberValue: 15080 } } } },
  };
  const bytes = DeltaDiscoveryRequest.encode({ node: { id: 'a', metadata: { fields } } }).finish();
  expect(delta.decode(Buffer.from(bytes)).node?.metadata).toEqual({
    NAMESPACE: 'demo',
    empty: '',
    zero: 0,
    no: false,
    nothing: null,
    list: [1, 'a'],
    FAIRLEAD: { httpProxyPort: 15080 },
  });
});

test.each([
  [{ region: 'eu', zone: 'a', subZone: '1' }, 'eu/a/1'],
  [{ region: 'eu' }, 'eu'],
  [{ zone: 'a' }, '/a'],
  [{}, ''],
  [null, ''],
])('a node at %j is at %j', (locality, expected) => {
  const bytes = DeltaDiscoveryRequest.encode({ node: { id: 'a', locality } }).finish();
  expect(delta.decode(Buffer.from(bytes)).node?.locality).toBe(expected);
});

test('a request is narrowed to what a subscription needs', () => {
  const bytes = DeltaDiscoveryRequest.encode({
    typeUrl: CLUSTER,
    resourceNamesSubscribe: ['a', '*'],
    resourceNamesUnsubscribe: ['b'],
    initialResourceVersions: { a: '1', constructor: '2' },
    responseNonce: '7',
    errorDetail: { code: 3, message: 'no' },
  }).finish();
  expect(delta.decode(bytes)).toEqual({
    typeUrl: CLUSTER,
    node: null,
    subscribe: ['a', '*'],
    unsubscribe: ['b'],
    initialVersions: new Map(Object.entries({ a: '1', constructor: '2' })),
    nonce: '7',
    error: 'no',
  });
});

test('C3: an error_detail without a message is a NACK', () => {
  const bytes = DeltaDiscoveryRequest.encode({ typeUrl: CLUSTER, errorDetail: {} }).finish();
  expect(delta.decode(bytes).error).toBe('');
  expect(delta.decode(DeltaDiscoveryRequest.encode({ typeUrl: CLUSTER }).finish()).error).toBeNull();
});

test.each([
  ['a length beyond the end', Buffer.from([0x12, 0x7f, 0x61])],
  ['a varint without end', Buffer.from('ffffffffffffffffffffffff', 'hex')],
  ['an unknown wire type', Buffer.from([0x17])],
])('bytes that are no request throw: %s', (_, bytes) => {
  expect(() => delta.decode(bytes)).toThrow();
});

test('a response reads as, and is as long as, what the generated encoder makes of it', () => {
  const resources = [cluster('a'), cluster('ü', '0123456789abcdef')];
  const response = { ...sent, nonce: '12', revision: 'r1', resources, removed: ['b', 'c'] };
  const expected = DeltaDiscoveryResponse.encode({
    systemVersionInfo: 'r1',
    resources: resources.map(({ name, version, any }) => {
      return { name, version, resource: { type_url: CLUSTER, value: any } };
    }),
    typeUrl: CLUSTER,
    nonce: '12',
    removedResources: ['b', 'c'],
  }).finish();
  const encoded = message(delta.createEncoder().encode(response));
  expect(DeltaDiscoveryResponse.decode(encoded)).toEqual(DeltaDiscoveryResponse.decode(expected));
  expect(encoded).toHaveLength(expected.length);
});

test('a resource is encoded once for all streams, as long as it is in use', () => {
  let encoded = 0;
  const count = () => {
    encoded += 1;
    return [Buffer.from('a')];
  };
  const empty = () => protobuf.Writer.create();
  const encoder = createEncoder({ resource: count, head: empty, tail: empty });
  const other = () => ({ ...endpoints('a'), any: Buffer.from('a') });
  const send = () => encoder.encode({ ...sent, resources: [other()] });
  send();
  send();
  encoder.rotate();
  send();
  encoder.rotate();
  send();
  expect(encoded).toBe(1);
  encoder.rotate();
  encoder.rotate();
  send();
  expect(encoded).toBe(2);
});

test('streams in step share the bytes of a response; any difference makes it another one', () => {
  const encoder = delta.createEncoder();
  const response = { ...sent, resources: [cluster('a')], removed: ['c'] };
  const first = encoder.encode(response);
  expect(encoder.encode({ ...response })).toBe(first);
  const others = [
    { ...response, nonce: '2' },
    { ...response, revision: 'r2' },
    { ...response, resources: [cluster('a', '0123456789abcdef')] },
    { ...response, resources: [] },
    { ...response, removed: ['d'] },
  ];
  for (const other of others) expect(encoder.encode(other)).not.toEqual(first);
  expect(encoder.encode(response)).toEqual(first);
});

test('the bytes of a response are let go when nobody is in step any more', () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const encoder = delta.createEncoder();
  const response = { ...sent, resources: [cluster('a')] };
  const first = encoder.encode(response);
  vi.advanceTimersByTime(900);
  const other = encoder.encode({ ...response, nonce: '2' });
  vi.advanceTimersByTime(900);
  expect(encoder.encode(response)).toBe(first);
  vi.advanceTimersByTime(1_100);
  const again = [encoder.encode(response), encoder.encode({ ...response, nonce: '2' })];
  expect(again).toEqual([first, other]);
  expect(again[0]).not.toBe(first);
  expect(again[1]).not.toBe(other);
});

test('a state-of-the-world request is narrowed to names, version and nonce', () => {
  const bytes = DiscoveryRequest.encode({
    typeUrl: CLUSTER,
    versionInfo: '5',
    resourceNames: ['a', '*'],
    responseNonce: '7',
    errorDetail: { code: 3, message: 'no' },
  }).finish();
  expect(sotw.decode(bytes)).toEqual({
    ...{ typeUrl: CLUSTER, node: null, names: ['a', '*'], version: '5', nonce: '7', error: 'no' },
  });
});

test('a state-of-the-world response reads as, and is as long as, what the generated encoder makes of it', () => {
  const resources = [cluster('a'), cluster('ü', '0123456789abcdef')];
  const expected = DiscoveryResponse.encode({
    versionInfo: 'v',
    resources: resources.map(({ any }) => ({ type_url: CLUSTER, value: any })),
    typeUrl: CLUSTER,
    nonce: '12',
  }).finish();
  const encoded = message(sotw.createEncoder().encode({ ...sent, nonce: '12', version: 'v', resources }));
  expect(DiscoveryResponse.decode(encoded)).toEqual(DiscoveryResponse.decode(expected));
  expect(encoded).toHaveLength(expected.length);
});

/** What gRPC has framed, not compressed. */
function message(framed: Buffer): Buffer {
  expect(framed.readUInt8(0)).toBe(0);
  expect(framed.readUInt32BE(1)).toBe(framed.length - 5);
  return framed.subarray(5);
}
