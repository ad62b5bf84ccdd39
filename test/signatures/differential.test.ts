import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeCertificates } from './differential/certificates.ts';
import { compare } from './differential/compare.ts';
import { assemble, buildCorpus, type Corpus } from './differential/corpus.ts';
import { type GitJudge, gitJudge } from './differential/git-judge.ts';
import { seeded } from './differential/random.ts';
import { refusals } from './differential/refusals.ts';
import { verdictOn } from './differential/verdict.ts';

const folder = mkdtempSync(join(tmpdir(), 'fairlead-diff-'));
let corpus: Corpus;
let judge: GitJudge;
beforeAll(async () => {
  corpus = await buildCorpus(folder);
  judge = gitJudge(folder, corpus);
});
afterAll(() => {
  corpus.close();
  rmSync(folder, { recursive: true });
});

const raws = (): readonly Buffer[] => corpus.commits.map(({ payload, armor }) => assemble(payload, armor));

describe('honest signatures of every kind of key', () => {
  test('are accepted exactly where git accepts them with the same keys; of algorithm 27 and version 6: no second judge', async () => {
    const good = judge.accepted(raws().map(judge.add));
    for (const [at, raw] of raws().entries()) {
      const honest = corpus.commits[at];
      if (honest === undefined) throw new Error('one for one');
      const { reason } = await verdictOn(raw, corpus.keys, honest.key);
      expect({ name: honest.name, ours: reason, git: good.has(judge.add(raw)) }).toEqual({
        name: honest.name,
        ours: null,
        git: honest.judge,
      });
    }
  });

  test('are refused by both where their key is nobody’s', async () => {
    const gnupgHome = join(folder, 'empty');
    mkdirSync(join(folder, 'strict'));
    mkdirSync(gnupgHome, { mode: 0o700 });
    const strict = gitJudge(join(folder, 'strict'), { ...corpus, allowed: '', gnupgHome });
    expect(strict.accepted(raws().map(strict.add))).toEqual(new Set());
    for (const [at, raw] of raws().entries()) {
      const own = corpus.commits[at]?.key;
      const others = corpus.keys.filter((key) => key !== own);
      const [other] = others;
      if (other === undefined) throw new Error('there are others');
      expect((await verdictOn(raw, others, other)).reason).not.toBeNull();
    }
  });
});

describe('changed commits', () => {
  test.each(['ssh', 'openpgp'] as const)(
    '%s: git accepts each one that we accept; each refusal is one of the list',
    async (format) => {
      const random = seeded(format === 'ssh' ? 1 : 2);
      const report = await compare(corpus, judge, format, { count: 640, show: 3, random });
      expect(report.looser).toEqual([]);
      expect(report.unexplained).toEqual([]);
      expect(report.confirmed).toBeGreaterThan(0);
      expect(report.refusals.size).toBeGreaterThan(20);
    },
  );

  test('docs/signatures.md has what we refuse and git may take, row for row', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/signatures.md'), 'utf8');
    const section = page.split('## Stricter than git\n')[1]?.split('\n## ')[0] ?? '';
    const rows = [...section.matchAll(/^\| ([^|]+?) +\| ([^|]+?) +\|$/gm)].map(([, name, why]) => ({
      name,
      why,
    }));
    const wanted = refusals.flatMap(({ name, why }) => (why === null ? [] : [{ name, why }]));
    expect(rows.slice(2)).toEqual(wanted);
  });
});

test('changed certificates: never a key that its owner did not let sign (attack 31)', async () => {
  const { usable, stolen } = await changeCertificates(600, seeded(3));
  expect(stolen).toEqual([]);
  expect(usable).toBeGreaterThan(60);
});
