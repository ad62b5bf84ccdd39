import type { LocalityLbSetting, LocalityShares } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** Rules between the fields of `localityLbSetting`: one way to choose, shares that add up, localities told apart. */
export function* checkLocality(setting: LocalityLbSetting, path: Path): Generator<Finding> {
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  const given = Object.entries({ distribute, failover, failoverPriority }).filter(
    ([, { length }]) => length > 0,
  );
  const [first, ...others] = given.map(([name]) => name);
  for (const name of others) {
    const message = `${name} and ${first} exclude each other`;
    yield { code: 'FL2240', message, path: [...path, name], on: 'key' };
  }
  for (const [index, shares] of distribute.entries()) {
    const at = [...path, 'distribute', index];
    yield* checkTwice(
      distribute.map(({ from }) => from),
      index,
      [...at, 'from'],
    );
    yield* checkShares(shares, [...at, 'to']);
  }
  for (const [index, { from, to }] of failover.entries()) {
    const at = [...path, 'failover', index];
    yield* checkTwice(
      failover.map((rule) => rule.from),
      index,
      [...at, 'from'],
    );
    if (from === to) {
      yield { code: 'FL2248', message: `${from} cannot take over from itself`, path: [...at, 'to'] };
    }
  }
  const labels = failoverPriority.map((label) => label.replace(/=.*/, ''));
  for (const index of labels.keys()) yield* checkTwice(labels, index, [...path, 'failoverPriority', index]);
}

function* checkShares({ to }: LocalityShares, path: Path): Generator<Finding> {
  const total = Object.values(to).reduce((sum, percent) => sum + percent, 0);
  if (total !== 100) yield { code: 'FL2247', message: `the shares add up to ${total} %`, path, on: 'key' };
  const patterns = Object.keys(to);
  const parts = patterns.map((pattern) => pattern.split('/'));
  for (const [index, pattern] of patterns.entries()) {
    const other = parts.findIndex((earlier, at) => at < index && overlap(earlier, parts[index] ?? []));
    if (other === -1) continue;
    const message = `${pattern} and ${patterns[other]} have localities in common`;
    yield { code: 'FL2248', message, path: [...path, pattern], on: 'key' };
  }
}

function* checkTwice(all: readonly string[], index: number, path: Path): Generator<Finding> {
  const value = all[index] ?? '';
  if (all.indexOf(value) < index) yield { code: 'FL2212', message: `${value} is given twice`, path };
}

/** Whether some locality fits both patterns; what a pattern leaves out, it leaves open. */
function overlap(left: readonly string[], right: readonly string[]): boolean {
  const isOpen = (part: string | undefined) => part === undefined || part === '*';
  return left.every((part, index) => isOpen(part) || isOpen(right[index]) || part === right[index]);
}
