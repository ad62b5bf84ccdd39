import type { CaseSource } from '../case.ts';
import { approval } from './approval.ts';

/** Every case, in the order of the attack list. */
export const cases: readonly CaseSource[] = [...approval];
