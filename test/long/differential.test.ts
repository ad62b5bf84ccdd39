import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare, type Report } from '../signatures/differential/compare.ts';
import { buildCorpus, type Corpus } from '../signatures/differential/corpus.ts';
import { type GitJudge, gitJudge } from '../signatures/differential/git-judge.ts';
import { seeded } from '../signatures/differential/random.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-long-'));
let corpus: Corpus;
let judge: GitJudge;
beforeAll(async () => {
  corpus = await buildCorpus(folder);
  judge = gitJudge(folder, corpus);
}, 120_000);
afterAll(() => {
  corpus.close();
  rmSync(folder, { recursive: true });
}, 120_000);

const count = 100_000;
const seed = 20_261_121;

test.each(['ssh', 'openpgp'] as const)(
  '100,000 changed commits, %s: no crash, no hang, git accepts each one that we accept, each refusal is explained',
  async (format) => {
    const report = await compare(corpus, judge, format, { count, show: 100, random: seeded(seed) });
    console.log(log(format, report));
    expect(report.looser).toEqual([]);
    expect(report.unexplained).toEqual([]);
  },
);

/** For docs/long-tests.md. */
function log(format: string, report: Report): string {
  const rows = [...report.refusals]
    .toSorted(([, left], [, right]) => right.count - left.count)
    .map(
      ([{ name, why }, { count, shown, gitAccepted }]) =>
        `| ${name} | ${count} | ${gitAccepted} of ${shown} | ${why === null ? 'no' : 'yes'} |`,
    );
  const { mutants, accepted, confirmed, unjudged, looser, unexplained } = report;
  return [
    `${format}: seed ${seed}, ${mutants} changed commits; ${accepted} accepted, of which git accepts ${confirmed};`,
    `${unjudged} have no second judge; ${looser.length} that git refuses; ${unexplained.length} refusals unexplained`,
    '',
    '| refused for | commits | git accepts | may git accept? |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
