import { expect, test } from 'vitest';
import { envoy } from '../../src/generated/envoy.js';
import { createResponseEncoder, decodeRequest } from '../../src/xds/wire.ts';
import { CLUSTER, cluster, endpoints } from './resources.ts';

const { DeltaDiscoveryRequest, DeltaDiscoveryResponse } = envoy.service.discovery.v3;

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
  expect(decodeRequest(Buffer.from(bytes)).node?.metadata).toEqual({
    NAMESPACE: 'demo',
    empty: '',
    zero: 0,
    no: false,
    nothing: null,
    list: [1, 'a'],
    FAIRLEAD: { httpProxyPort: 15080 },
  });
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
  expect(decodeRequest(bytes)).toEqual({
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
  expect(decodeRequest(bytes).error).toBe('');
  expect(decodeRequest(DeltaDiscoveryRequest.encode({ typeUrl: CLUSTER }).finish()).error).toBeNull();
});

test.each([
  ['a length beyond the end', Buffer.from([0x12, 0x7f, 0x61])],
  ['a varint without end', Buffer.from('ffffffffffffffffffffffff', 'hex')],
  ['an unknown wire type', Buffer.from([0x17])],
])('bytes that are no request throw: %s', (_, bytes) => {
  expect(() => decodeRequest(bytes)).toThrow();
});

test('a response reads as, and is as long as, what the generated encoder makes of it', () => {
  const resources = [cluster('a'), cluster('ü', '0123456789abcdef')];
  const response = { typeUrl: CLUSTER, nonce: '12', revision: 'r1', resources, removed: ['b', 'c'] };
  const expected = DeltaDiscoveryResponse.encode({
    systemVersionInfo: 'r1',
    resources: resources.map(({ name, version, any }) => {
      return { name, version, resource: { type_url: CLUSTER, value: any } };
    }),
    typeUrl: CLUSTER,
    nonce: '12',
    removedResources: ['b', 'c'],
  }).finish();
  const encoded = createResponseEncoder().encode(response);
  expect(DeltaDiscoveryResponse.decode(encoded)).toEqual(DeltaDiscoveryResponse.decode(expected));
  expect(encoded).toHaveLength(expected.length);
});

test('a resource is encoded once for all streams, as long as it is in use', () => {
  const encoder = createResponseEncoder();
  let reads = 0;
  const counted = {
    ...endpoints('a'),
    get any() {
      reads += 1;
      return Buffer.from('a');
    },
  };
  const send = () =>
    encoder.encode({ typeUrl: counted.typeUrl, nonce: '1', revision: '', resources: [counted], removed: [] });
  send();
  send();
  encoder.rotate();
  send();
  encoder.rotate();
  send();
  expect(reads).toBe(1);
  encoder.rotate();
  encoder.rotate();
  send();
  expect(reads).toBe(2);
});
