import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createStoredObjects } from '../../src/git/stored-objects.ts';

const bytes = Buffer.from('a: 1\n');
const id = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** A reader that answers when it is told to. */
function createReader() {
  const asked: (() => void)[] = [];
  const read = () =>
    new Promise<{ type: string; bytes: Buffer }>((resolve) => {
      asked.push(() => resolve({ type: 'blob', bytes }));
    });
  return { asked, reader: { read, close: async () => {} } };
}

test('an object is read once for all who ask while it is under way, and again for who asks later', async () => {
  const { asked, reader } = createReader();
  const objects = createStoredObjects(reader, 'store');
  const both = Promise.all([objects.blob(id), objects.blob(id)]);
  expect(asked).toHaveLength(1);
  asked[0]?.();
  expect((await both).map(String)).toEqual(['a: 1\n', 'a: 1\n']);
  const later = objects.blob(id);
  expect(asked).toHaveLength(2);
  asked[1]?.();
  await later;
});

test('a failure is told to all who asked, and not remembered', async () => {
  let fails = true;
  const read = async () => (fails ? Promise.reject(new Error('disk')) : { type: 'blob', bytes });
  const objects = createStoredObjects({ read, close: async () => {} }, 'store');
  const both = await Promise.allSettled([objects.blob(id), objects.blob(id)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(String(await objects.blob(id))).toBe('a: 1\n');
});
