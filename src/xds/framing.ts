import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';

const HEAD_BYTES = 5;

/** A message in pieces as gRPC sends it: not compressed, its length, its bytes. */
export function framed(pieces: readonly Uint8Array[]): Buffer {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, ...pieces], HEAD_BYTES + length);
}

/** A framed message as grpc-js wants it, for it frames a copy by itself; see `sendFramed`. */
export const unframed = (bytes: Buffer): Buffer => bytes.subarray(HEAD_BYTES);

const asItIs = (bytes: Buffer): Buffer => bytes;

/**
 * grpc-js would copy each message behind a head of its own, for every stream. A route table for a thousand proxies is
 * then hundreds of megabytes, which live until the slowest has read them, and have V8 mark the whole heap again and
 * again. So what `unframed` would serialise goes out as it is: the same bytes for all streams. This is not of the public
 * interface of grpc-js; where it does nothing, the copies are back, and a test in `test/xds/load.test.ts` fails.
 */
export const sendFramed: ServerInterceptor = ({ responseSerialize }, call) => {
  if (responseSerialize === unframed) Object.assign(call, { serializeMessage: asItIs });
  return new ServerInterceptingCall(call);
};
