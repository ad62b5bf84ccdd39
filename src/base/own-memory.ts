/**
 * The same bytes in memory of their own. A small `Buffer` is a slice of a slab of 64 kB that Node shares among many, as is what
 * protobuf.js has written: a few bytes that are kept for long would keep all of that.
 */
export function ownMemory(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength === bytes.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}
