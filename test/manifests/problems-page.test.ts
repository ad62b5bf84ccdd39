import { test } from 'vitest';
import { codes } from '../../src/manifests/codes.ts';
import { warnings } from '../../src/manifests/finding.ts';
import { expectListed } from '../problems-page.ts';

test('docs/problems.md lists every code of this room, with its severity and fix, and no other', () => {
  expectListed('FL2', codes, warnings);
});
