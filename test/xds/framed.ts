import type { ClientHttp2Stream } from 'node:http2';

const HEAD_BYTES = 5;

/** A message as gRPC frames it: not compressed, its length, its bytes. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The messages of a stream, one at a time, as they are asked for. Throws where it ends before. */
export async function* messagesOf(stream: ClientHttp2Stream): AsyncGenerator<Buffer, never> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= HEAD_BYTES && bytes.length >= HEAD_BYTES + bytes.readUInt32BE(1)) {
      const end = HEAD_BYTES + bytes.readUInt32BE(1);
      yield bytes.subarray(HEAD_BYTES, end);
      bytes = bytes.subarray(end);
    }
  }
  throw new Error('the stream ended before');
}
