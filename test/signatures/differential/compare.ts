/** The differential: what we say about changed commits, and what git says about each that we accepted. */
import type { Corpus, Format } from './corpus.ts';
import type { GitJudge } from './git-judge.ts';
import { type Mutant, mutant } from './mutations.ts';
import type { Random } from './random.ts';
import { type Refusal, refusalOf } from './refusals.ts';
import { verdictOn } from './verdict.ts';

export type Report = {
  readonly mutants: number;
  readonly accepted: number;
  /** Accepted by us and by git; without the next. */
  readonly confirmed: number;
  /** Accepted by us, of kinds that gpg 2.2 cannot read: no second judge. */
  readonly unjudged: number;
  /** Accepted by us and not by git: never. */
  readonly looser: readonly string[];
  readonly refusals: ReadonlyMap<
    Refusal,
    { readonly count: number; readonly shown: number; readonly gitAccepted: number }
  >;
  /** Refused for a reason that no list explains, or by git accepted where the list says never. */
  readonly unexplained: readonly string[];
};

/** Mutants judged at once: as many as keep the thread pool busy. */
const batch = 64;

/** `show`: how many commits of each refusal git is asked about too. */
export async function compare(
  corpus: Corpus,
  judge: GitJudge,
  format: Format,
  { count, show, random }: { readonly count: number; readonly show: number; readonly random: Random },
): Promise<Report> {
  const commits = corpus.commits.filter((honest) => honest.format === format);
  const refusals = new Map<Refusal, { count: number; shown: number; gitAccepted: number }>();
  const unexplained: string[] = [];
  const accepted: Mutant[] = [];
  for (let done = 0; done < count; done += batch) {
    const mutants = Array.from({ length: Math.min(batch, count - done) }, () => mutant(commits, random));
    const verdicts = await Promise.all(mutants.map((each) => verdictOn(each.raw, corpus.keys, each.of.key)));
    for (const [at, { reason }] of verdicts.entries()) {
      const each = mutants[at];
      if (each === undefined) continue;
      if (reason === null) accepted.push(each);
      else noteRefusal(each, reason);
    }
  }
  const { confirmed, unjudged, looser } = judgeAccepted(accepted, judge);
  return { mutants: count, accepted: accepted.length, confirmed, unjudged, looser, refusals, unexplained };

  function noteRefusal(each: Mutant, reason: string): void {
    const refusal = refusalOf(reason);
    if (refusal === null) {
      unexplained.push(`${reason}: ${describe(each)}`);
      return;
    }
    const noted = refusals.get(refusal) ?? { count: 0, shown: 0, gitAccepted: 0 };
    refusals.set(refusal, noted);
    noted.count += 1;
    if (noted.shown >= show || !each.of.judge) return;
    noted.shown += 1;
    if (!judge.accepts(judge.add(each.raw))) return;
    noted.gitAccepted += 1;
    if (refusal.why === null) unexplained.push(`git accepts “${reason}”: ${describe(each)}`);
  }
}

function judgeAccepted(accepted: readonly Mutant[], judge: GitJudge) {
  const judged = accepted.filter(({ of }) => of.judge);
  const ids = judged.map(({ raw }) => judge.add(raw));
  const good = judge.accepted([...new Set(ids)]);
  const looser = judged.filter((_, at) => !good.has(ids[at] ?? '')).map(describe);
  return { confirmed: judged.length - looser.length, unjudged: accepted.length - judged.length, looser };
}

/** Enough to see and repeat it. */
function describe({ mutation, of, raw }: Mutant): string {
  return `${mutation}, ${of.name}: ${raw.toString('base64')}`;
}
