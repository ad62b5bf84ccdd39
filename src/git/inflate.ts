import { createInflate, inflateSync } from 'node:zlib';

/** The `size` bytes that `deflated` inflates to, whatever stands behind it; it is an error if they are more or fewer. */
export function inflate(deflated: Uint8Array, size: number): Buffer {
  return inflateTold(deflated, size).bytes;
}

/** `inflate`, and how many bytes of `deflated` it took. */
export function inflateTold(
  deflated: Uint8Array,
  size: number,
): { readonly bytes: Buffer; readonly used: number } {
  const { buffer, engine } = inflateAtMost(deflated, size);
  if (buffer.length !== size) throw new Error(`inflates to ${buffer.length} bytes instead of ${size}`);
  return { bytes: buffer, used: engine.bytesWritten };
}

/** Gives what is too large to be held to `take`, part by part; `take` may throw. How many bytes of `deflated` it took. */
export async function inflateInto(take: (part: Uint8Array) => void, deflated: Uint8Array): Promise<number> {
  const inflating = createInflate({ chunkSize: PART_BYTES });
  for await (const part of partsOf(inflating, deflated)) take(part);
  return inflating.bytesWritten;
}

/** The first bytes, some hundred at the most. */
export async function inflateHead(deflated: Uint8Array): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for await (const part of partsOf(createInflate({ chunkSize: HEAD_BYTES }), deflated)) {
    head = Buffer.concat([head, part]);
    if (head.length >= HEAD_BYTES) break;
  }
  return head;
}

async function* partsOf(inflating: Inflate, deflated: Uint8Array): AsyncGenerator<Buffer> {
  inflating.end(deflated);
  const parts: AsyncIterable<Buffer> = inflating;
  try {
    for await (const part of parts) yield part;
  } catch (cause) {
    throw notZlib(cause);
  }
}

function inflateAtMost(deflated: Uint8Array, size: number): Told {
  try {
    const options = { chunkSize: Math.max(size, HEAD_BYTES), maxOutputLength: Math.max(size, 1), info: true };
    const told: unknown = inflateSync(deflated, options);
    if (isTold(told)) return told;
  } catch (cause) {
    throw notZlib(cause);
  }
  throw new TypeError('zlib tells where it stopped when it is asked');
}

/** What `info` makes of zlib's answer; its types do not know. */
type Told = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };

function isTold(value: unknown): value is Told {
  return typeof value === 'object' && value !== null && 'buffer' in value && 'engine' in value;
}

type Inflate = ReturnType<typeof createInflate>;

const HEAD_BYTES = 64;
const PART_BYTES = 64 * 1024;

/** Errors of zlib look as if the disk had failed. */
function notZlib(cause: unknown): Error {
  return new Error('is no zlib stream of its size', { cause });
}
