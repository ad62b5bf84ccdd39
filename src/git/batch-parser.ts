import type { RawObject } from './stored-objects.ts';

/** One answer; type `missing` has no bytes, and what was asked for as its id. */
export type Reply = RawObject & { readonly id: string };

/**
 * Reads the output of `git cat-file --batch`, however it is cut: `<id> <type> <size>` LF bytes LF, or `<id> missing` LF.
 * The function given is called with each answer in order. Throws where the framing is broken.
 */
export function createBatchParser(answer: (reply: Reply) => void): (chunk: Buffer) => void {
  let head = '';
  let body: (Reply & { readonly bytes: Buffer; filled: number }) | null = null;

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
    const { id, type, bytes } = body;
    const room = bytes.length - body.filled;
    if (room > 0) {
      const used = chunk.copy(bytes, body.filled, at, at + room);
      body.filled += used;
      return at + used;
    }
    if (chunk[at] !== 0x0a) throw new Error('git cat-file does not end an object with a line feed');
    body = null;
    answer({ id, type, bytes });
    return at + 1;
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) at = take(chunk, at);
  };
}

const NOTHING = new Uint8Array();
const HEAD_BYTES = 400;

/** Memory of its own for each object: a part of a chunk would keep the whole chunk alive in a cache. */
function begin(head: string) {
  const [, id, type, size] = /^([0-9a-f]{40}) (commit|tree|blob|tag) ([0-9]+)$/.exec(head) ?? [];
  if (id !== undefined && type !== undefined)
    return { id, type, bytes: Buffer.allocUnsafeSlow(Number(size)), filled: 0 };
  if (/ (?:missing|ambiguous|submodule)$/.test(head)) return null;
  throw new Error(`git cat-file answers ${JSON.stringify(head)}`);
}
