import { array, assert, constantFrom, dictionary, integer, option, property } from 'fast-check';
import { expect, test } from 'vitest';
import { LayeredMap } from '../../src/mesh/layered-map.ts';

const key = constantFrom(...'abcdefghijklmnop');

test('changed copies say what a plain map says, and leave the map that they are of as it was', () => {
  const changes = dictionary(key, option(integer()), { maxKeys: 6 });
  const run = property(array(changes, { maxLength: 12 }), (sequence) => {
    const plain = new Map<string, number>();
    let layered = new LayeredMap<number>();
    for (const changed of sequence) {
      const [before, entries] = [layered, [...layered]];
      layered = layered.with(new Map(Object.entries(changed)));
      for (const [name, value] of Object.entries(changed)) {
        if (value === null) plain.delete(name);
        else plain.set(name, value);
      }
      expect(new Map(layered)).toEqual(plain);
      for (const name of 'abcdefghijklmnop') expect(layered.get(name)).toBe(plain.get(name));
      expect([...before]).toEqual(entries);
    }
  });
  assert(run, { numRuns: 300 });
});
