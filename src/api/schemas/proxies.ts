import { component, count, list, oneOf, orNull, record, ref, said, text, time } from './words.ts';

const STATES = ['SYNCED', 'STALE', 'NOT SENT', 'ERROR'];
const typeUrl = said('`type.googleapis.com/…`');

/** What proxies have, and where it comes from. */
export const proxies = [
  component(
    'Proxy',
    'A connected proxy: what it was sent, and what it said to it.',
    record({
      id: text,
      proxy: said('The id of its node.'),
      protocol: oneOf('delta', 'sotw'),
      connectedAtMs: time,
      revision: said('Published last.'),
      services: oneOf('ads', 'per-type'),
      streams: count,
      fullyAcked: said(
        'The last push of which everything was acknowledged.',
        orNull(record({ revision: text, push: count, atMs: time })),
      ),
      types: list(
        record({
          typeUrl,
          state: oneOf(...STATES),
          sent: said('Nonce of the last response.'),
          acked: said('Nonce of the last that was acknowledged.'),
          version: said('Its revision.'),
          resources: count,
          unansweredSinceMs: orNull(time),
        }),
      ),
      rejected: list(
        record({
          typeUrl,
          name: text,
          version: text,
          message: said("The proxy's own words."),
          sources: list(ref('Origin')),
        }),
      ),
      conditions: list(
        record({
          type: oneOf('HeldBack', 'RemovalBlocked', 'RemovalTimedOut', 'AckTimedOut'),
          typeUrl,
          name: text,
          because: list(text),
          sinceMs: time,
        }),
      ),
    }),
  ),
  component(
    'ProxyResource',
    'One resource that a proxy should have, as proto3 JSON with the field names of Envoy.',
    record({
      typeUrl,
      name: text,
      version: text,
      sources: list(ref('Origin')),
      resource: { type: 'object' },
      state: oneOf(...STATES, 'HELD'),
      message: orNull(text),
    }),
  ),
  component(
    'Origin',
    'Where something is written; `document` is stable under moves.',
    record({ scope: text, uid: text, file: text, line: count, column: count, document: text }),
  ),
  component(
    'Decision',
    'Who decided what is served of a scope.',
    record({ scope: text, uid: text, seq: count, commit: text, signers: list(text) }),
  ),
];
