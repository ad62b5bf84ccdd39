import { createHash } from 'node:crypto';
import { CAPS } from './caps.ts';
import { OVERSIZE, type RawObject } from './stored-objects.ts';

/** One answer; type `missing` has no bytes, and what was asked for as its id. */
export type Reply = RawObject & { readonly id: string };

/**
 * Reads the output of `git cat-file --batch`, however it is cut: `<id> <type> <size>` LF bytes LF, or `<id> missing` LF.
 * The function given is called with each answer in order. Throws where the framing is broken.
 */
export function createBatchParser(answer: (reply: Reply) => void): (chunk: Buffer) => void {
  let head = '';
  let body: Body | null = null;

  /** Takes from `chunk` at `at` what it can use; where it stopped. */
  function take(chunk: Buffer, at: number): number {
    if (body === null) {
      const feed = chunk.indexOf(0x0a, at);
      head += chunk.toString('latin1', at, feed < 0 ? chunk.length : feed);
      if (head.length > HEAD_BYTES) throw new Error('git cat-file answers with an endless line');
      if (feed < 0) return chunk.length;
      body = begin(head);
      if (body === null)
        answer({ id: head.slice(0, head.lastIndexOf(' ')), type: 'missing', bytes: NOTHING });
      head = '';
      return feed + 1;
    }
    if (body.left > 0) {
      const part = chunk.subarray(at, at + body.left);
      body.take(part);
      body.left -= part.length;
      return at + part.length;
    }
    if (chunk[at] !== 0x0a) throw new Error('git cat-file does not end an object with a line feed');
    const whole = body.end();
    body = null;
    answer(whole);
    return at + 1;
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) at = take(chunk, at);
  };
}

const NOTHING = new Uint8Array();
const HEAD_BYTES = 400;

/** An object whose bytes are coming. */
type Body = { left: number; take(part: Buffer): void; end(): Reply };

function begin(head: string): Body | null {
  const [, id, type, size] = /^([0-9a-f]{40}) (commit|tree|blob|tag) ([0-9]+)$/.exec(head) ?? [];
  if (id !== undefined && type !== undefined) {
    const isOversize = type !== 'commit' && Number(size) > CAPS.ownBytes;
    return isOversize ? hashing(id, type, Number(size)) : keeping(id, type, Number(size));
  }
  if (/ (?:missing|ambiguous|submodule)$/.test(head)) return null;
  throw new Error(`git cat-file answers ${JSON.stringify(head)}`);
}

/** Memory of its own for each object: a part of a chunk would keep the whole chunk alive in a cache. */
function keeping(id: string, type: string, size: number): Body {
  const bytes = Buffer.allocUnsafeSlow(size);
  return {
    left: size,
    take(part) {
      part.copy(bytes, size - this.left);
    },
    end: () => ({ id, type, bytes }),
  };
}

/** What no cap allows is not kept; that it is what its name says is all that has to be known of it. */
function hashing(id: string, type: string, size: number): Body {
  const hash = createHash('sha1').update(`${type} ${size}\0`);
  return {
    left: size,
    take: (part) => void hash.update(part),
    end: () => ({ id, type: hash.digest('hex') === id ? OVERSIZE : type, bytes: NOTHING }),
  };
}
