import { formatProblem, type Problem } from '../base/problem.ts';
import { wrap } from './output.ts';

/** What is read of a scope's status. Older servers say less. */
export type ScopeValidity = {
  readonly path: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message: string;
  }[];
  readonly problems?: readonly Problem[];
};

const SHOWN = 10;

/** Why a scope is not served as it was accepted, with its errors; nothing where it is. */
export function validText({ path, conditions = [], problems = [] }: ScopeValidity): readonly string[] {
  const invalid = conditions.find(({ type, status }) => type === 'Valid' && status === 'False');
  if (invalid === undefined) return [];
  const errors = problems.filter(({ severity }) => severity === 'error');
  const left = errors.length - SHOWN;
  return [
    wrap(`${path}: ${invalid.message}`, '  '),
    ...errors.slice(0, SHOWN).map((error) => `  ${formatProblem(error)}`),
    ...(left > 0 ? [`  and ${left} more: -o json has them all`] : []),
  ];
}
