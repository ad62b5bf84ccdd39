import type { CaseSource } from '../case.ts';
import { approval } from './approval.ts';
import { bytes } from './bytes.ts';
import { following } from './following.ts';
import { histories } from './histories.ts';
import { second } from './second.ts';
import { signers } from './signers.ts';
import { structure } from './structure.ts';
import { trees } from './trees.ts';

/** Every case, in the order of the attack list. */
export const cases: readonly CaseSource[] = [
  ...approval,
  ...signers,
  ...bytes,
  ...following,
  ...trees,
  ...structure,
  ...second,
  ...histories,
];
