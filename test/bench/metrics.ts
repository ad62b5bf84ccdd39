import type { ServerProcess } from './process.ts';

/** Runs of a server so far that found nothing new, and the milliseconds that they took together. */
export async function unchangedRuns({
  httpPort,
}: ServerProcess): Promise<{ readonly count: number; readonly ms: number }> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const value = (name: string) => {
    const series = `fairlead_reconcile_duration_seconds_${name}{result="unchanged"} `;
    const line = text.split('\n').find((each) => each.startsWith(series));
    return Number(line?.slice(series.length) ?? 0);
  };
  return { count: value('count'), ms: 1_000 * value('sum') };
}

/** Tells the server, as a script of this machine does, that a repository may have changed. */
export async function hint({ httpPort }: ServerProcess, repository = 'mesh'): Promise<void> {
  const url = `http://127.0.0.1:${httpPort}/hooks/v1/generic/${repository}`;
  const answer = await fetch(url, { method: 'POST' });
  if (answer.status !== 202) throw new Error(`the hook says ${answer.status}: ${await answer.text()}`);
}
