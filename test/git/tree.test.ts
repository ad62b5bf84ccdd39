import { array, assert, constantFrom, integer, property, record, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { treeProblem } from '../../src/git/names.ts';
import { type ParsedTree, parseLike, parseTree, shapeOf } from '../../src/git/tree.ts';

const id = 'a'.repeat(40);

/** An entry's bytes; modes and names of few lengths, so that entries of other trees stand at the same places. */
const entry = record({
  mode: constantFrom('40000', '100644', '100755', '040000'),
  name: constantFrom('a', 'b', 'ab', 'A', '.git', 'é'),
  last: integer({ min: 0, max: 1 }),
});
type Entry = { readonly mode: string; readonly name: string; readonly last: number };

function bytesOf(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ mode, name, last }) => [
    Buffer.from(`${mode} ${name}\0`),
    Buffer.alloc(20, last),
  ]);
  return Buffer.concat(parts);
}

/** What reading gives, or that it throws. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return String(error);
  }
}

test('a tree read beside any other one is what it is alone', () => {
  const base = array(entry, { minLength: 1, maxLength: 200 });
  const edits = array(record({ at: integer({ min: 0, max: 199 }), to: entry }), { maxLength: 3 });
  const noise = record({ at: integer({ min: 0, max: 9_000 }), bytes: uint8Array({ maxLength: 3 }) });
  const run = property(
    base,
    array(record({ edits, noise: array(noise, { maxLength: 1 }) })),
    (first, steps) => {
      let like: ParsedTree = parseLike(id, bytesOf(first), null);
      let now: readonly Entry[] = first;
      for (const step of steps) {
        for (const { at, to } of step.edits) now = now.with(at % now.length, to);
        const raw = bytesOf(now);
        for (const { at, bytes } of step.noise) raw.set(bytes, Math.min(at, raw.length - bytes.length));
        const before = like;
        const again = outcome(
          () => parseLike(id, raw, like.bytes.length === raw.length ? like : null).entries,
        );
        expect(again).toEqual(outcome(() => parseTree(id, raw)));
        if (typeof again === 'string') continue;
        like = parseLike(id, raw, like.bytes.length === raw.length ? like : null);
        expect(treeProblem(like.entries)).toEqual(treeProblem(parseTree(id, raw)));
        if (shapeOf(like.entries) !== shapeOf(before.entries)) continue;
        const namesOf = ({ entries }: ParsedTree) => entries.map(({ mode, name }) => [mode, name]);
        expect(namesOf(like)).toEqual(namesOf(before));
      }
    },
  );
  assert(run, { numRuns: 300 });
});

test('of a large tree in which one entry changes, all others stay the same objects, and the shape is the same', () => {
  const entries = Array.from({ length: 500 }, (_, index): Entry => {
    return { mode: '40000', name: `team-${String(index).padStart(4, '0')}`, last: 1 };
  });
  const before = parseLike(id, bytesOf(entries), null);
  const after = parseLike(
    id,
    bytesOf(entries.with(300, { mode: '40000', name: 'team-0300', last: 2 })),
    before,
  );
  expect(after.entries.filter((one, index) => one !== before.entries[index])).toEqual([
    { mode: '40000', name: 'team-0300', id: '02'.repeat(20) },
  ]);
  expect(shapeOf(after.entries)).toBe(shapeOf(before.entries));
  const renamed = entries.with(300, { mode: '40000', name: 'Team-0300', last: 1 });
  expect(shapeOf(parseLike(id, bytesOf(renamed), before).entries)).not.toBe(shapeOf(before.entries));
});
