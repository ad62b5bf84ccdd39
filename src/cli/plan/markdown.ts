import { formatProblem } from '../../base/problem.ts';
import { short } from '../output.ts';
import { keptText, valueText } from './text.ts';
import type { Plan } from './types.ts';

/** As much as a comment on a pull request holds; forges take 64 KiB. */
const MAX_ROWS = 50;

/** A plan as the comment of a pull request. */
export function planMarkdown(plan: Plan): string {
  const { head, scopes, kept, manifests, hosts, differences, risks } = plan;
  if (scopes.length === 0) return `### Fairlead: ${short(head)} changes nothing\n\n${problemList(plan)}`;
  const whose = [...new Set(differences.map(({ proxies }) => proxies))];
  const title = `### Fairlead: ${scopes.map(({ scope }) => code(scope)).join(', ')}\n`;
  const quorums = rows(
    ['scope', 'class', 'seq', 'signed', 'quorum'],
    scopes.map(({ scope, class: mutation, seq, quorum }) => [
      ...[scope, mutation, String(seq), `${quorum.signed.length} of ${quorum.needed}`, quorum.reason],
    ]),
  );
  const policy = scopes.flatMap((scope) => scope.policy);
  return [
    title,
    quorums,
    ...(risks.length === 0
      ? []
      : [
          `${risks.map(({ risk, message, file, line }) => `- **${risk}** ${text(message)} (${code(`${file}:${line}`)})`).join('\n')}\n`,
        ]),
    ...kept.map((each) => `- **error** ${text(keptText(each))}\n`),
    problemList(plan),
    ...(policy.length === 0 ? [] : [fenced(policy)]),
    ...(manifests.length === 0 ? [] : [fenced(manifests.flatMap(manifestLines))]),
    ...(hosts.length === 0
      ? ['No proxy routes anything otherwise.\n']
      : [
          rows(
            ['host', 'request', 'before', 'after', 'for'],
            hosts.flatMap(({ host, change, routes, proxies }) =>
              routes.length === 0
                ? [[host, change, '', '', proxies.join(', ')]]
                : routes.map(({ match, before, after }) => {
                    return [host, match, before ?? '', after ?? '', proxies.join(', ')];
                  }),
            ),
          ),
        ]),
    ...(differences.length === 0
      ? []
      : [
          details(
            `${differences.length} resource(s) change for ${whose.join(', ')}`,
            rows(
              ['proxies', 'change', 'type', 'name'],
              differences.map(({ proxies, change, type, name }) => [proxies, change, type, name]),
            ),
          ),
        ]),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function problemList({ problems }: Plan): string {
  return problems.length === 0 ? '' : fenced(problems.slice(0, MAX_ROWS).map(formatProblem));
}

/** In the colours of a difference. */
function manifestLines({
  document,
  change,
  file,
  line,
  fields,
}: Plan['manifests'][number]): readonly string[] {
  const sign = { added: '+ ', removed: '- ', changed: '  ' }[change];
  const values = fields.flatMap(({ path, line: at, ...apart }) => [
    ...('before' in apart ? [`-   ${path}: ${valueText(apart.before)}`] : []),
    ...('after' in apart ? [`+   ${path}: ${valueText(apart.after)} # ${file}:${at}`] : []),
  ]);
  return [`${sign}${document} # ${file}:${line}`, ...values];
}

/** Nothing that was written by others ends the block. */
function fenced(lines: readonly string[]): string {
  const shown = lines.slice(0, 4 * MAX_ROWS).map((line) => line.replaceAll(/[\r\n]/g, ' '));
  const longest = Math.max(
    2,
    ...shown.flatMap((line) => line.match(/`+/g) ?? []).map(({ length }) => length),
  );
  const fence = '`'.repeat(longest + 1);
  return `${fence}diff\n${shown.join('\n')}\n${fence}\n`;
}

function details(summary: string, body: string): string {
  return `<details><summary>${text(summary)}</summary>\n\n${body}\n</details>\n`;
}

function rows(head: readonly string[], all: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => (cell === '' ? '' : code(cell))).join(' | ')} |`;
  const shown = all.slice(0, MAX_ROWS).map(line);
  const more = all.length > MAX_ROWS ? [`\nand ${all.length - MAX_ROWS} more`] : [];
  const heading = [`| ${head.join(' | ')} |`, `|${head.map(() => ' --- |').join('')}`];
  return `${[...heading, ...shown, ...more].join('\n')}\n`;
}

/** Names and messages come from others: nothing of them is a link, a mention or a tag. */
function code(value: string): string {
  return `\`${value.replaceAll(/[`\r\n]/g, ' ').replaceAll('|', '\\|')}\``;
}

function text(value: string): string {
  return value
    .replaceAll(/[\r\n]/g, ' ')
    .replaceAll(/[<>&@[\]`|*_\\]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
