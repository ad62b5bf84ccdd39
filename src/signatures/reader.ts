import { refuse } from './refusal.ts';

/** Reads big-endian binary from the front and refuses what is short; `what` names the structure in reasons. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.left) refuse(`${this.#what} is cut short`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** An unsigned integer of `width` bytes, 1 to 4. */
  uint(width: number): number {
    return this.take(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** RFC 4251 5 `string`: a length of four bytes, then that many. */
  sshString(): Uint8Array {
    return this.take(this.uint(4));
  }

  /** RFC 4251 5 `mpint`, not negative, in its one encoding: a zero stands only before a set high bit, and is left out. */
  sshMpint(): Uint8Array {
    const bytes = this.sshString();
    const [first = 0, second = 0] = bytes;
    if (first >= 0x80) refuse(`${this.#what} has a negative number`);
    if (first !== 0 || bytes.length === 0) return bytes;
    if (second < 0x80) refuse(`${this.#what} has a number with needless zeros`);
    return bytes.subarray(1);
  }

  /** Consumed exactly, or refused (attack 44). */
  end(): void {
    if (this.left > 0) refuse(`${this.#what} has ${this.left} bytes behind its end`);
  }
}

/** Bytes as text, one character per byte: for names that are compared with ASCII. */
export function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
