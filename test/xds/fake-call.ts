import { EventEmitter } from 'node:events';
import type { XdsCall } from '../../src/xds/stream.ts';

/** A call without a network: what is written has left at once. */
export class FakeCall extends EventEmitter {
  ended = false;
  /** Codes. */
  readonly refusals: number[] = [];
  /** What was written last. */
  said: Buffer | null = null;

  constructor() {
    super();
    this.on('error', ({ code }: { code: number }) => {
      this.refusals.push(code);
      this.ended = true;
    });
  }

  asCall(): XdsCall {
    return this as unknown as XdsCall;
  }

  write(bytes: Buffer, done: () => void): boolean {
    this.said = bytes;
    setImmediate(done);
    return true;
  }

  end(): void {
    this.ended = true;
  }

  getPeer(): string {
    return '127.0.0.1:1';
  }
}
