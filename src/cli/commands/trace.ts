import { Argument, Command } from 'commander';
import { must } from '../../base/must.ts';
import type { Context } from '../context.ts';
import { examples } from '../examples.ts';
import { exit } from '../exit.ts';
import { API_VERSION, type Format, outputOption, print, short, table, wrap } from '../output.ts';
import { shortName } from '../proxy/find.ts';
import { freshness } from '../served/freshness.ts';
import {
  type Proxy,
  readProxies,
  readRepositories,
  readScopes,
  type Scope,
  type Timeline,
} from '../served/read.ts';
import { findTarget, type Target } from '../served/target.ts';
import { serverOption } from '../server-client.ts';

type Flags = { readonly output: Format; readonly server: string };

/** One step of a change on its way; `tookMs` since the step before. */
type Stage = {
  readonly stage: 'source' | 'verified' | 'translated' | 'pushed' | 'acknowledged';
  readonly atMs: number | null;
  readonly tookMs: number | null;
  readonly message: string;
};

/** A connected proxy that has not acknowledged the push, and what is known of it. */
type Missing = { readonly proxy: string; readonly push: number | null; readonly reason: string };

type Change = NonNullable<Scope['lastChange']>;

type Trace = {
  readonly target: Target;
  readonly change: Change | null;
  /** Of the run that found it, as in logs, events and spans. */
  readonly trace: string | null;
  readonly stages: readonly Stage[];
  readonly missing: readonly Missing[];
  /** Why the change is not, or not whole, in what was pushed. */
  readonly unserved: readonly string[];
};

export function traceCommand(context: Context): Command {
  const command = new Command('trace')
    .description(
      'how far the last change has come, stage by stage; 1 if it is not served or a proxy has not got it, 3 if held',
    )
    .addArgument(new Argument('[repository|scope]', 'mesh, acme.payments (default: the only repository)'))
    .addHelpText('after', examples('fairlead trace acme', 'fairlead trace acme -o json'))
    .addOption(outputOption());
  return serverOption(command, context).action(async (name: string | undefined, flags: Flags) =>
    context.finish(await trace(context, name, flags)),
  );
}

async function trace(context: Context, wanted: string | undefined, { output, server }: Flags) {
  const target = findTarget(await readRepositories(server), await readScopes(server), wanted);
  const traced = traceOf(target, await readProxies(server));
  const { change, trace: id, stages, missing, unserved } = traced;
  const { kind, name, repository } = target;
  const { revisions, refused, fetch } = repository;
  const known = { change, trace: id, stages, missing, unserved };
  const facts = { target: { kind, name }, ...known, revisions, refused, fetch };
  print(context, output, { apiVersion: API_VERSION, kind: 'Trace', ...facts }, () => traceText(traced));
  if (refused !== null || heldOf(target).length > 0) return exit.refused;
  return missing.length + unserved.length > 0 || stages.some(isOpen) ? exit.findings : exit.ok;
}

/** Where nobody is connected, nobody is awaited. */
function isOpen({ stage, atMs }: Stage): boolean {
  return atMs === null && (stage === 'translated' || stage === 'pushed');
}

function traceOf(target: Target, proxies: readonly Proxy[]): Trace {
  const change = target.kind === 'scope' ? (must(target.scopes[0]).lastChange ?? null) : null;
  const timeline = (target.kind === 'scope' ? change?.timeline : target.repository.timeline) ?? null;
  const push = timeline?.push ?? null;
  const missing = push === null ? [] : proxies.flatMap((proxy) => missingAt(proxy, push));
  const stages = stagesOf(timeline, proxies.length, missing.length);
  const unserved = unservedOf(target);
  return { target, change, trace: timeline?.trace ?? null, stages, missing, unserved };
}

/** All stages are passed by what is served, also where that is not what was accepted. */
function unservedOf({ repository: { name, conditions }, scopes }: Target): readonly string[] {
  const failed = conditions.filter(({ type, status }) => type === 'Translated' && status === 'False');
  return [...failed.map(({ message }) => `${name}: ${message}`), ...scopes.flatMap(keptBack)];
}

function keptBack({ path, sync, conditions = [] }: Scope): readonly string[] {
  const reasons = conditions.filter(({ type, status }) => {
    const stops = type === 'Suspended' || (type === 'Witnessed' && status === 'False');
    return (type === 'Valid' && status === 'False') || (stops && sync === 'OutOfSync');
  });
  return reasons.map(({ message }) => `${path}: ${message}`);
}

function missingAt({ proxy, fullyAcked, rejected, types }: Proxy, push: number): readonly Missing[] {
  if (fullyAcked !== null && fullyAcked.push >= push) return [];
  const [first] = rejected;
  const waiting = types
    .filter(({ state }) => state === 'STALE')
    .map(({ typeUrl }) => typeUrl.split('.').at(-1));
  const reason =
    first === undefined
      ? `waits for its answer${waiting.length === 0 ? '' : ` to ${waiting.join(', ')}`}`
      : `refused ${first.name}: ${first.message}`;
  return [{ proxy, push: fullyAcked?.push ?? null, reason }];
}

function stagesOf(timeline: Timeline | null, connected: number, missing: number): readonly Stage[] {
  if (timeline === null) return [];
  const { startedMs, fetchedMs, verifiedMs, translatedMs, pushedMs, push, ackedMs, revision } = timeline;
  const acked = connected === 0 ? 'no proxy is connected' : `${connected - missing} of ${connected} proxies`;
  const from = startedMs === null ? 'from the local store, after a restart' : `fetched ${short(revision)}`;
  const steps = [
    ['source', fetchedMs, from],
    ['verified', verifiedMs, verifiedMs === null ? 'before the restart' : 'judged, and followed'],
    ['translated', translatedMs, translatedMs === null ? 'not yet' : 'manifests read, mesh built'],
    ['pushed', pushedMs, push === null ? 'not yet' : `push ${push}`],
    ['acknowledged', ackedMs, acked],
  ] as const;
  let beforeMs = startedMs;
  return steps.map(([stage, atMs, message]) => {
    const tookMs = atMs === null || beforeMs === null ? null : Math.max(0, atMs - beforeMs);
    beforeMs = atMs;
    return { stage, atMs, tookMs, message };
  });
}

function heldOf({ scopes }: Target): readonly string[] {
  return scopes.flatMap(({ path, hold }) =>
    hold === null ? [] : [`${path} is held (${hold.rule}): ${hold.reason}`],
  );
}

function traceText(traced: Trace): string {
  const { target, trace: id, stages, missing, unserved } = traced;
  const { refused } = target.repository;
  const rows = stages.map(({ stage, atMs, tookMs, message }) => [
    stage,
    atMs === null ? '-' : new Date(atMs).toISOString(),
    tookMs === null ? '-' : `${Math.round(tookMs)} ms`,
    message,
  ]);
  const notes = [
    ...(refused === null
      ? []
      : [`the tip ${short(refused.tip)} is refused (${refused.rule}): ${refused.reason}`]),
    ...heldOf(target),
    ...unserved,
    ...missing.map(
      ({ proxy, push, reason }) => `${shortName(proxy)} is at push ${push ?? 'none'}: ${reason}`,
    ),
  ].map((line) => wrap(line, '  '));
  const head = [wrap(headOf(traced), '  '), ...(id === null ? [] : [`trace ${id}`])];
  return [...head, ...(rows.length === 0 ? [] : [table(STAGE_HEAD, rows).trimEnd()]), ...notes].join('\n');
}

const STAGE_HEAD = ['STAGE', 'AT', 'TOOK', ''];

function headOf({ target: { kind, name, repository, scopes }, change }: Trace): string {
  const { revisions } = (kind === 'scope' ? scopes[0] : null) ?? repository;
  const three = Object.entries(revisions ?? {}).map(([word, revision]) => `${word} ${short(revision)}`);
  const what = change === null ? '' : ` seq ${change.seq} ${change.event} at ${short(change.commit)};`;
  return `${name}:${what} ${three.join(', ')}; ${freshness(repository)}`;
}
