import { test } from 'vitest';
import { codes, warnings } from '../../src/mesh/codes.ts';
import { expectListed } from '../problems-page.ts';

test('docs/problems.md lists every code of this room, with its severity and fix, and no other', () => {
  expectListed('FL3', codes, warnings);
});
