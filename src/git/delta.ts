/** What one instruction of a delta brings: `size` bytes of its base, or of the delta itself, from `from` on. */
type Part = { readonly of: 'base' | 'delta'; readonly from: number; readonly size: number };

/** The two sizes that a delta begins with (gitformat-pack(5), "Deltified representation"), and where its instructions do. */
export function deltaSizes(delta: Buffer): {
  readonly base: number;
  readonly result: number;
  readonly at: number;
} {
  const base = variable(delta, 0);
  const result = variable(delta, base.end);
  return { base: base.value, result: result.value, at: result.end };
}

/** The object that `delta` makes of `base`. Throws where they do not fit. */
export function applyDelta(delta: Buffer, base: Buffer): Buffer {
  const { base: expected, result, at } = deltaSizes(delta);
  if (base.length !== expected) throw new Error('is a delta against something else');
  const bytes = Buffer.allocUnsafeSlow(result);
  let end = 0;
  for (const { of, from, size } of parts(delta, at)) {
    const source = of === 'base' ? base : delta;
    if (from + size > source.length || end + size > result) throw new Error('is a delta that leads outside');
    end += source.copy(bytes, end, from, from + size);
  }
  if (end !== result) throw new Error('is a delta that ends too early');
  return bytes;
}

function* parts(delta: Buffer, start: number): Generator<Part> {
  for (let at = start; at < delta.length; ) {
    const code = delta.readUInt8(at);
    at += 1;
    if (code === 0) throw new Error('is a delta with a reserved instruction');
    if (code < 0x80) {
      yield { of: 'delta', from: at, size: code };
      at += code;
      continue;
    }
    // Each of the low seven bits stands for one byte that is there: four of the offset, three of the size.
    let [from, size] = [0, 0];
    for (let bit = 0; bit < 7; bit += 1) {
      if ((code & (1 << bit)) === 0) continue;
      const byte = delta.readUInt8(at);
      at += 1;
      if (bit < 4) from += byte * 256 ** bit;
      else size += byte * 256 ** (bit - 4);
    }
    yield { of: 'base', from, size: size === 0 ? 0x10000 : size };
  }
}

/** Seven bits in each byte, the lowest first, `0x80` where more follow. `first` are bits that stand before them. */
export function variable(
  bytes: Buffer,
  start: number,
  first = { value: 0, unit: 1 },
): { readonly value: number; readonly end: number } {
  let { value, unit } = first;
  for (let at = start; ; at += 1) {
    const byte = bytes.readUInt8(at);
    value += (byte & 0x7f) * unit;
    unit *= 128;
    if (byte < 0x80) return { value, end: at + 1 };
    if (unit > Number.MAX_SAFE_INTEGER) throw new Error('has a size without end');
  }
}
