import { formatProblem } from '../../base/problem.ts';
import { short, table, wrap } from '../output.ts';
import type { ManifestDifference } from './manifests.ts';
import type { Plan, ScopePlan } from './types.ts';

const MAX_VALUE = 60;

/** A plan as people read it in a terminal. */
export function planText({
  head,
  scopes,
  kept,
  manifests,
  hosts,
  differences,
  risks,
  problems,
}: Plan): string {
  const mistakes = problems.length === 0 ? [] : [`${problems.map(formatProblem).join('\n')}\n`];
  if (scopes.length === 0)
    return [`${short(head)} is the accepted state: nothing changes\n`, ...mistakes].join('\n');
  const parts = scopes.map(scopeText);
  if (kept.length > 0) parts.push(kept.map((each) => `${keptText(each)}\n`).join(''));
  if (manifests.length > 0) parts.push(manifests.map(manifestText).join(''));
  if (hosts.length > 0) parts.push(hosts.map(hostText).join(''));
  const rows = differences.map(({ namespace, proxies, type, name, change }) => {
    // Those of a whole namespace need no more than its name.
    const whose = proxies === `sidecars of ${namespace}` ? namespace : proxies;
    return [whose, change, type, name];
  });
  if (rows.length > 0) parts.push(table(['NAMESPACE', 'CHANGE', 'TYPE', 'NAME'], rows));
  else parts.push('no proxy hears anything new\n');
  if (risks.length > 0)
    parts.push(
      risks.map(({ risk, message, file, line }) => `${file}:${line}: risk ${risk}: ${message}\n`).join(''),
    );
  return [...parts, ...mistakes].join('\n');
}

function scopeText({ scope, class: mutation, seq, changes, policy, quorum, base, next }: ScopePlan): string {
  const head = `${scope}: ${mutation} to seq ${seq}, ${short(base)} -> ${short(next)}\n`;
  const files = changes.map(({ path, change }) => `  ${change.padEnd(8)} ${path}\n`).join('');
  const words = policy.map((line) => `  policy   ${line}\n`).join('');
  return `${head}${files}${words}${wrap(`  quorum   ${quorum.reason}`, '           ')}\n`;
}

/** That a scope with errors stays as it is. */
export function keptText({ scope, seq, errors }: Plan['kept'][number]): string {
  return `${scope}: stays at what it served at seq ${seq}, because of ${errors} error${errors === 1 ? '' : 's'} below`;
}

function manifestText({ document, change, file, line, fields }: ManifestDifference): string {
  const head = `${document} ${change} at ${file}:${line}\n`;
  const rows = fields.map(({ path, line: at, ...values }) => `  ${at}: ${path}: ${fieldText(values)}\n`);
  return head + rows.join('');
}

function fieldText(values: { readonly before?: unknown; readonly after?: unknown }): string {
  if (!('before' in values)) return `+ ${valueText(values.after)}`;
  if (!('after' in values)) return `- ${valueText(values.before)}`;
  return `${valueText(values.before)} -> ${valueText(values.after)}`;
}

/** A value on one line, as long as anybody reads. */
export function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}

function hostText({ host, change, routes, proxies }: Plan['hosts'][number]): string {
  const whose =
    proxies.length > 3
      ? `${proxies.slice(0, 3).join(', ')} and ${proxies.length - 3} more`
      : proxies.join(', ');
  const head = wrap(`host ${host} ${change} for ${whose}`, '  ');
  const rows = routes.map(({ match, before, after }) => {
    const said = before === null ? `+ ${after}` : after === null ? `- ${before}` : `${before} -> ${after}`;
    return `${wrap(`  ${match}: ${said}`, '      ')}\n`;
  });
  return `${head}\n${rows.join('')}`;
}
