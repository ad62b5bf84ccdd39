import { Argument, Command } from 'commander';
import { Failure } from '../../base/failure.ts';
import type { LineState } from '../../governance/index.ts';
import { type Clone, type CloneFlags, cloneOptions, judge, mainTip, openClone } from '../clone.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short } from '../output.ts';
import { repositoryPath } from '../repository-path.ts';
import { type Resolved, resolveName } from '../resolve.ts';

type Flags = CloneFlags & { readonly output: Format; readonly tip?: string };

export function resolveCommand(context: Context): Command {
  const command = new Command('resolve')
    .addHelpText(
      'after',
      examples('fairlead resolve acme.payments', 'fairlead resolve acme.eu.payments -o json'),
    )
    .description(
      'what a name stands for: uid, place, record, what it came from; 1 if nothing of it is served',
    )
    .addArgument(new Argument('<scope>', 'dotted path, also one that was left (acme.eu.payments), or uid'))
    .option('--tip <ref>', 'branch, tag or commit (default: origin/main, main or HEAD)')
    .addOption(outputOption());
  return cloneOptions(command).action(async (name: string, flags: Flags) =>
    context.finish(await resolve(context, name, flags)),
  );
}

async function resolve(context: Context, name: string, flags: Flags): Promise<number> {
  const clone = await openClone(context, flags);
  const state = await judge(clone, await mainTip(clone, flags.tip));
  const resolved = await resolveName(clone, state, name);
  if (resolved === null) {
    const known = [...state.scopes.values()].map(({ path }) => path).join(', ');
    throw new Failure('scope-unknown', `${name} names nothing and never did`, `name one of: ${known}`);
  }
  const facts = factsOf(clone, state, resolved);
  print(context, flags.output, { apiVersion: API_VERSION, kind: 'Resolution', name, ...facts }, () =>
    resolvedText(facts),
  );
  return facts.status === 'Live' ? exit.ok : exit.findings;
}

type Facts = ReturnType<typeof factsOf>;

function factsOf({ pin }: Clone, { scopes }: LineState, { scope, record, parent, forwards }: Resolved) {
  const named = (uids: readonly string[]) =>
    uids.map((uid) => ({ uid, path: scopes.get(uid)?.path ?? null }));
  const file = (directory: string) => repositoryPath(pin.path, directory, 'delegations.yaml');
  const isHere = scope !== null && scope.status !== 'Tombstone';
  const status = scope?.status ?? (record?.live === true ? 'Live' : 'Withdrawn');
  return {
    path: scope?.path ?? `${parent?.path}.${record?.name}`,
    uid: scope?.uid ?? record?.uid ?? '',
    status: record?.repository != null && record.live ? 'Live' : status,
    directory: isHere ? repositoryPath(pin.path, scope.directory) || '.' : null,
    repository: record?.repository ?? null,
    record:
      record === null || parent === null
        ? null
        : { parent: parent.path, file: file(parent.directory), name: record.name },
    seq: scope?.seq ?? null,
    accepted: isHere ? scope.accepted.commit : null,
    predecessors: named(scope?.predecessors ?? []),
    successors: named(scope?.successors ?? []),
    forwards,
  };
}

function resolvedText(facts: Facts): string {
  const { repository, record, seq, accepted, forwards } = facts;
  const others = (list: Facts['predecessors']) => list.map(({ path, uid }) => path ?? uid).join(', ');
  const rows: readonly (readonly [string, string | null])[] = [
    ['uid', facts.uid],
    ['status', facts.status],
    [
      'forwarded',
      forwards.length === 0 ? null : forwards.map(({ from, to }) => `${from} -> ${to}`).join(', '),
    ],
    ['place', facts.directory],
    [
      'repository',
      repository === null ? null : `${repository.urls.join(', ')} ${repository.branch}:${repository.path}`,
    ],
    ['genesis', repository?.genesis ?? null],
    ['record', record === null ? null : `${record.name} in ${record.file} of ${record.parent}`],
    ['seq', seq === null ? null : `${seq}${accepted === null ? '' : `, accepted at ${short(accepted)}`}`],
    ['came from', others(facts.predecessors) || null],
    ['went to', others(facts.successors) || null],
  ];
  const lines = rows.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(10)}  ${value}`]));
  return `${[facts.path, ...lines].join('\n')}\n`;
}
