import { Argument, Command, Option } from 'commander';
import { Failure } from '../../base/failure.ts';
import { byCodeUnit } from '../../base/order.ts';
import { formatProblem, type Problem } from '../../base/problem.ts';
import { type CodePage, codePage } from '../codes.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { type FolderMesh, inspectFolder } from '../offline/mesh.ts';
import { API_VERSION, type Format, outputOption, print, wrap } from '../output.ts';

type Flags = {
  readonly output: Format;
  readonly failOn: 'warning' | 'error';
  readonly explain?: string;
};

export function analyzeCommand(context: Context): Command {
  return new Command('analyze')
    .description('what is wrong with manifests, governed or not: offline, 1 if anything is')
    .addArgument(
      new Argument('[path...]', 'files, folders, - for standard input').default(['.'], 'where you are'),
    )
    .addOption(
      new Option('--fail-on <severity>', 'the mildest problem that ends with 1')
        .choices(['warning', 'error'])
        .default('error'),
    )
    .option('--explain <code>', 'say what a code means, with an example; reads no manifests')
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples(
        'fairlead analyze',
        'fairlead analyze k8s/ istio/routes.yaml --fail-on warning',
        'kubectl get svc,vs,dr,gw,se -A -o yaml | fairlead analyze -',
        'fairlead analyze --explain FL3301',
      ),
    )
    .action(async (paths: readonly string[], flags: Flags) => {
      const code = flags.explain === undefined ? analyze(context, paths, flags) : explain(context, flags);
      context.finish(await code);
    });
}

async function analyze(context: Context, paths: readonly string[], flags: Flags): Promise<number> {
  const mesh = await inspectFolder(context, paths);
  const problems = mesh.problems.toSorted(inOrder);
  const counts = countsOf(mesh);
  const others = Object.fromEntries(
    Map.groupBy(mesh.others, ({ kind }) => kind || 'none')
      .entries()
      .map(([kind, all]) => [kind, all.length] as const),
  );
  const document = { apiVersion: API_VERSION, kind: 'Analysis', ...{ problems, counts, others } };
  print(context, flags.output, document, () =>
    problems.length === 0
      ? isEmpty(mesh)
        ? 'no manifests of a mesh\n'
        : 'no problems\n'
      : problems.map((problem) => `${formatProblem(problem)}\n`).join(''),
  );
  if (flags.output !== 'json' && flags.output !== 'yaml')
    sayCounts(context, mesh, counts, problems.find(({ severity }) => severity === 'error') ?? problems[0]);
  const isBad = ({ severity }: Problem) => flags.failOn === 'warning' || severity === 'error';
  return problems.some(isBad) ? exit.findings : exit.ok;
}

type Counts = Readonly<Record<'errors' | 'warnings' | 'services' | 'routings' | 'others', number>>;

function countsOf({ problems, mesh, others }: FolderMesh): Counts {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  const { services, routings } = mesh;
  return { errors, warnings, services: services.length, routings: routings.length, others: others.length };
}

function sayCounts(
  { terminal }: Context,
  { manner, scopes, others }: FolderMesh,
  counts: Counts,
  first: Problem | undefined,
): void {
  const { errors, warnings, services, routings } = counts;
  const whose =
    manner === 'written' ? `${scopes.length} scope(s)` : 'no scope.yaml: as one scope that owns everything';
  const found = `${errors} error(s), ${warnings} warning(s) in ${services} service(s) and ${routings} routing(s)`;
  terminal.say(wrap(`${found} (${whose})${leftOut(others)}`, '  '));
  if (first !== undefined)
    terminal.say(`fairlead analyze --explain ${first.code} shows an example of it and how it is mended`);
}

function isEmpty({ resources }: FolderMesh): boolean {
  return resources.every((scope) => scope.resources.length === 0);
}

const MAX_NAMED = 3;

/** What was not looked at, lest somebody takes it for good. */
function leftOut(others: FolderMesh['others']): string {
  const files = [...new Set(others.filter(({ kind }) => kind === '').map(({ file }) => file))];
  const named = others.filter(({ kind }) => kind !== '').length;
  const more = files.length > MAX_NAMED ? `, and ${files.length - MAX_NAMED} more` : '';
  const without = `documents of ${files.length} file(s) that say no kind (${files.slice(0, MAX_NAMED).join(', ')}${more})`;
  const all = [
    ...(named === 0 ? [] : [`${named} document(s) that are not of a mesh`]),
    ...(files.length === 0 ? [] : [without]),
  ];
  return all.length === 0 ? '' : `; ${all.join(' and ')} were left out`;
}

function inOrder(left: Problem, right: Problem): number {
  const byFile = byCodeUnit(left.file, right.file);
  return byFile || left.line - right.line || left.column - right.column || byCodeUnit(left.code, right.code);
}

async function explain(context: Context, { explain: code = '', output }: Flags): Promise<number> {
  const page = await codePage(code);
  if (page === null)
    throw new Failure('code-unknown', `there is no problem ${code}`, 'docs/problems.md lists them');
  print(context, output, { apiVersion: API_VERSION, kind: 'ProblemCode', ...page }, () => pageText(page));
  return exit.ok;
}

function pageText({ code, severity, title, about, fix, page }: CodePage): string {
  const lines = [
    `${code}: ${title} (${severity})`,
    wrap(`  ${about}`, '  '),
    wrap(`  fix: ${fix}`, '       '),
  ];
  return `${lines.join('\n')}\n\n${page}`;
}
