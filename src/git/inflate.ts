import { createInflate, inflateSync } from 'node:zlib';

/** The `size` bytes that `deflated` inflates to, whatever stands behind it; it is an error if they are more or fewer. */
export function inflate(deflated: Uint8Array, size: number): Buffer {
  const bytes = inflateAtMost(deflated, size);
  if (bytes.length !== size) throw new Error(`inflates to ${bytes.length} bytes instead of ${size}`);
  return bytes;
}

function inflateAtMost(deflated: Uint8Array, size: number): Buffer {
  try {
    return inflateSync(deflated, {
      chunkSize: Math.max(size, HEAD_BYTES),
      maxOutputLength: Math.max(size, 1),
    });
  } catch (cause) {
    throw notZlib(cause);
  }
}

/** The first bytes, some hundred at the most. */
export async function inflateHead(deflated: Uint8Array): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const part of stream(deflated, HEAD_BYTES)) {
    head = Buffer.concat([head, part]);
    if (head.length >= HEAD_BYTES) break;
  }
  return head;
}

/** `inflate` for what is too large to be held at once: its parts, one after the other, from the byte `from` on. */
export async function* inflateInParts(deflated: Uint8Array, size: number, from = 0): AsyncGenerator<Buffer> {
  let left = size;
  for await (const part of stream(deflated, PART_BYTES)) {
    const at = size - left;
    left -= part.length;
    if (left < 0) break;
    yield part.subarray(Math.max(0, from - at));
  }
  if (left !== 0) throw new Error(`does not inflate to ${size} bytes`);
}

async function* stream(deflated: Uint8Array, chunkSize: number): AsyncGenerator<Buffer> {
  const inflating = createInflate({ chunkSize });
  inflating.end(deflated);
  try {
    for await (const part of inflating) yield part;
  } catch (cause) {
    throw notZlib(cause);
  }
}

const HEAD_BYTES = 64;
const PART_BYTES = 256 * 1024;

/** Errors of zlib look as if the disk had failed. */
function notZlib(cause: unknown): Error {
  return new Error('is no zlib stream of its size', { cause });
}
