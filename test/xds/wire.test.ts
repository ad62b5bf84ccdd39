import { expect, test } from 'vitest';
import { envoy, google } from '../../src/generated/envoy.js';
import { decodeRequest } from '../../src/xds/wire.ts';

test('the metadata of a node is the JSON that its Struct stands for', () => {
  const { Struct } = google.protobuf;
  const fields = {
    NAMESPACE: { stringValue: 'demo' },
    empty: { stringValue: '' },
    zero: { numberValue: 0 },
    no: { boolValue: false },
    nothing: { nullValue: 0 },
    list: { listValue: { values: [{ numberValue: 1 }, { stringValue: 'a' }] } },
    FAIRLEAD: { structValue: { fields: { httpProxyPort: { numberValue: 15080 } } } },
  };
  const request = envoy.service.discovery.v3.DeltaDiscoveryRequest.fromObject({
    node: { id: 'a', metadata: Struct.fromObject({ fields }) },
  });
  const bytes = envoy.service.discovery.v3.DeltaDiscoveryRequest.encode(request).finish();
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
