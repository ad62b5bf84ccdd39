import { must } from '../base/must.ts';
import type { Commit, ObjectId, Objects } from '../git/index.ts';
import type { Ruleset } from '../policy/index.ts';
import { type Approval, readStatements, type Statement, type Withdrawal } from './statement.ts';
import { carriesToken, readToken, type Token, tokenRuns } from './token.ts';

/** A commit ≤ the tip, with `intro`: the least i with commit ≤ mi. */
export type Visit = {
  readonly commit: Commit;
  readonly intro: number;
  /** The greatest k with mk ≤ commit; -1 where there is none. So me < commit iff e ≤ base, but for me itself (V2). */
  readonly base: number;
  /** How many were visited before: the order of the line. */
  readonly order: number;
  readonly statements: readonly Statement[];
  readonly carriesToken: boolean;
};

/** Words under one signature: those of a signed commit (or of one that G1 refuses), or of a token in whatever commit's message. */
export type Saying = {
  readonly visit: Visit;
  readonly token: Token | null;
  readonly statements: readonly Statement[];
};

/** What one saying says about one scope. */
export type Said = Saying & { readonly statement: Approval | Withdrawal };

/**
 * The commits of one line, in the order in which its main line m0 … mN brought them in; parents before children.
 * A function of the object bytes alone: how many main-line commits arrive at once is invisible.
 */
export type History = {
  readonly main: readonly ObjectId[];
  readonly visits: ReadonlyMap<ObjectId, Visit>;
  /** Visits by intro, each list with parents before children. */
  readonly byIntro: readonly (readonly Visit[])[];
  /** What was said, well-formed, about a mutation of a scope, by uid and seq, in line order. */
  readonly spoken: ReadonlyMap<string, ReadonlyMap<number, readonly Said[]>>;
  /** uids of the scopes of which something was said in what the last main-line commit brought in. */
  readonly lately: ReadonlySet<string>;
  /** Main-line commits at which nothing is accepted, and why: an octopus, or over a cap (governance.md, Evaluation). */
  readonly barred: ReadonlyMap<number, string>;
  /** Main-line indices whose commits never vote (over a cap). */
  readonly mute: ReadonlySet<number>;
  /** The commit, whole. */
  commit(id: ObjectId): Promise<Commit>;
  extend(id: ObjectId): Promise<void>;
};

type Mutable = {
  readonly main: ObjectId[];
  readonly visits: Map<ObjectId, Visit>;
  readonly byIntro: Visit[][];
  readonly spoken: Map<string, Map<number, Said[]>>;
  readonly lately: Set<string>;
  readonly barred: Map<number, string>;
  readonly mute: Set<number>;
};

/** The history that begins at the pinned genesis; what is older has intro 0. */
export async function openHistory(objects: Objects, genesis: ObjectId, ruleset: Ruleset): Promise<History> {
  const history: Mutable = {
    main: [],
    visits: new Map(),
    byIntro: [],
    spoken: new Map(),
    lately: new Set(),
    barred: new Map(),
    mute: new Set(),
  };
  await extend(objects, history, genesis, ruleset);
  const commit = (id: ObjectId) => objects.commit(id);
  return { ...history, commit, extend: (id) => extend(objects, history, id, ruleset) };
}

/** What is read of a commit as it comes in; the rest of it is read again where it is asked for. */
type Arrival = Pick<Visit, 'commit' | 'statements' | 'carriesToken'> & { readonly messageBytes: number };

const NOTHING = new Uint8Array();
/** Of the bytes under a signature; an honest commit has some hundred. */
const KEPT_BYTES = 4096;

/** A commit is kept for as long as the line is: neither its text nor the bytes under its signature are, where they may be long. */
function arrival(commit: Commit): Arrival {
  const { message, signature } = commit;
  const isLong = signature !== null && signature.signed.length > KEPT_BYTES;
  const kept = isLong ? { ...signature, signed: NOTHING } : signature;
  const read = { statements: readStatements(message), carriesToken: carriesToken(message) };
  return { commit: { ...commit, message: NOTHING, signature: kept }, messageBytes: message.length, ...read };
}

function visit(history: Mutable, { commit, statements, carriesToken }: Arrival, intro: number): Visit {
  const onMain = history.main[intro] === commit.id;
  const bases = commit.parents.map((parent) => must(history.visits.get(parent)).base);
  const base = onMain ? intro : bases.reduce((left, right) => Math.max(left, right), -1);
  const order = history.visits.size;
  const entry = { commit, intro, base, order, statements, carriesToken };
  history.visits.set(commit.id, entry);
  if (commit.signature !== null || commit.refusal !== null)
    hear(history, { visit: entry, token: null, statements });
  return entry;
}

/** Detached words: a token that stands in several messages was said once. Why there are more than the cap allows, or null. */
async function hearTokens(
  objects: Objects,
  history: Mutable,
  visits: readonly Visit[],
  { tokens: cap }: Ruleset,
): Promise<string | null> {
  const heard = new Set<string>();
  for (const visit of visits.filter(({ carriesToken }) => carriesToken))
    for (const run of tokenRuns((await objects.commit(visit.commit.id)).message)) {
      if (heard.has(run)) continue;
      if (heard.size === cap) return `more than ${cap} tokens in one merge`;
      heard.add(run);
      const token = readToken(run);
      if (token !== null) hear(history, { visit, token, statements: token.statements });
    }
  return null;
}

function hear({ spoken, lately }: Mutable, saying: Saying): void {
  for (const { uid } of saying.statements) {
    const statement = uid === null ? null : statementFor(saying.statements, uid);
    if (statement === null || statement.kind === 'void') continue;
    const bySeq = spoken.get(statement.uid) ?? new Map<number, Said[]>();
    spoken.set(statement.uid, bySeq);
    const known = bySeq.get(statement.seq);
    lately.add(statement.uid);
    const said = { ...saying, statement };
    if (known === undefined) bySeq.set(statement.seq, [said]);
    else known.push(said);
  }
}

/** The one statement for a scope; a malformed line without a readable uid speaks for every scope. */
export function statementFor(statements: readonly Statement[], uid: string): Statement | null {
  return (
    statements.find((statement) => statement.kind === 'void' && statement.uid === null) ??
    statements.find((statement) => statement.uid === uid) ??
    null
  );
}

async function extend(objects: Objects, history: Mutable, id: ObjectId, ruleset: Ruleset): Promise<void> {
  const intro = history.main.length;
  history.lately.clear();
  const fresh = await unvisited(objects, history, id);
  history.main.push(id);
  const visits = fresh.map((each) => visit(history, each, intro));
  history.byIntro.push(visits);
  const tooMany = await hearTokens(objects, history, visits, ruleset);
  bar(history, intro, fresh, overCap(fresh, ruleset) ?? tooMany);
}

/** What `id` adds, parents before children, first parents first. */
async function unvisited(objects: Objects, history: Mutable, id: ObjectId): Promise<readonly Arrival[]> {
  const done = new Set<ObjectId>();
  const order: Arrival[] = [];
  const stack: { read: Arrival; next: number }[] = [];
  const enter = async (commitId: ObjectId): Promise<void> => {
    if (history.visits.has(commitId) || done.has(commitId)) return;
    done.add(commitId);
    stack.push({ read: arrival(await objects.commit(commitId)), next: 0 });
  };
  await enter(id);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const parent = top.read.commit.parents[top.next];
    top.next += 1;
    if (parent !== undefined) await enter(parent);
    else {
      order.push(top.read);
      stack.pop();
    }
  }
  return order;
}

/** Evaluation, last paragraph, and G17: such a commit accepts nothing; it does not break the line. */
function bar(history: Mutable, intro: number, fresh: readonly Arrival[], excess: string | null): void {
  const parents = must(fresh.at(-1)).commit.parents.length;
  if (parents > 2) history.barred.set(intro, `a merge of ${parents} parents accepts nothing`);
  if (excess === null) return;
  history.barred.set(intro, excess);
  history.mute.add(intro);
}

function overCap(fresh: readonly Arrival[], { sideCommits, messageBytes }: Ruleset): string | null {
  const side = fresh.length - 1;
  if (side > sideCommits) return `${side} side commits in one merge; the cap is ${sideCommits}`;
  const long = fresh.find((each) => each.messageBytes > messageBytes);
  return long === undefined ? null : `the message of ${long.commit.id} is over ${messageBytes} bytes`;
}

/** Enforces V2: whether main-line commit `index` is a proper ancestor of the commit. */
export function isAfter(visit: Visit, index: number): boolean {
  return visit.base > index || (visit.base === index && visit.intro > index);
}

/**
 * I4: the side commits from which a diff of `c` against this line can have started since the epoch. Like the main-line
 * commits ≤ c, they are ancestors x of c that came in before c did, are not ≤ epoch, and have no child on the way to c
 * that came in with them. What came in up to `base` is below a main-line commit ≤ c, so only later ones are walked.
 *
 * Example: side commits a ← b, c ← b; b merged at m1, c at m2. For c: x = b, since a came in together with b.
 */
export function sideViews(history: History, c: Visit, epochIndex: number): readonly Visit[] {
  const floor = Math.max(c.base, epochIndex);
  if (floor >= c.intro - 1) return [];
  const ancestors = new Map<ObjectId, Visit>();
  const covered = new Set<ObjectId>();
  const pending: Visit[] = [c];
  for (let child = pending.pop(); child !== undefined; child = pending.pop()) {
    for (const id of child.commit.parents) {
      const parent = history.visits.get(id);
      if (parent === undefined || parent.intro <= floor) continue;
      if (child !== c && parent.intro === child.intro) covered.add(id);
      if (!ancestors.has(id)) {
        ancestors.set(id, parent);
        pending.push(parent);
      }
    }
  }
  return [...ancestors.values()].filter((x) => x.intro < c.intro && !covered.has(x.commit.id));
}
