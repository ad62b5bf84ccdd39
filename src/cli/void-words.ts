import type { Commit } from '../git/index.ts';
import type { LineState } from '../governance/index.ts';
import { readStatements, readToken, tokenRuns } from '../votes/index.ts';

/** Words in the message of a commit that say nothing (formats.md, Statements), and why. */
export type VoidWords = {
  /** Whose signature would be over them: the commit's, or that of a token in its message. */
  readonly form: 'explicit' | 'detached';
  /** About which scope; null where they would have been about any. */
  readonly uid: string | null;
  /** Its path where it is known here. */
  readonly scope: string | null;
  readonly reason: string;
};

type Words = Pick<VoidWords, 'form' | 'uid' | 'reason'>;
type Statements = ReturnType<typeof readStatements>;

const LINE = /^Fairlead-(Approve|Withdraw):/gm;

/** The words of a commit that are void, its own and those of its tokens. What people are told; no verdict is made of it. */
export function voidWords(commit: Commit, { scopes }: LineState): readonly VoidWords[] {
  const found = [...ownWords(commit), ...[...tokenRuns(commit.message)].flatMap(tokenWords)];
  return found.map(({ form, uid, reason }) => {
    return { form, uid, scope: scopes.get(uid ?? '')?.path ?? null, reason };
  });
}

function ownWords({ message, signature, refusal }: Commit): readonly Words[] {
  const statements = readStatements(message);
  if (statements.length === 0 && verbsIn(message).length > 0)
    return [
      { form: 'explicit', uid: null, reason: 'its lines are not in the last paragraph of the message' },
    ];
  if (signature !== null) return voidOf(statements, 'explicit');
  const reason = refusal ?? 'the commit is not signed';
  return statements.map(({ uid }) => ({ form: 'explicit', uid, reason }));
}

function tokenWords(run: string): readonly Words[] {
  const token = readToken(run);
  if (token !== null) return voidOf(token.statements, 'detached');
  const reason = 'the token is not whole, or holds something else than statement lines';
  return [{ form: 'detached', uid: null, reason }];
}

function voidOf(statements: Statements, form: Words['form']): readonly Words[] {
  return statements.flatMap((each) =>
    each.kind === 'void' ? [{ form, uid: each.uid, reason: each.reason }] : [],
  );
}

/** The command that writes such lines as they have to be: for those who only withdrew, `withdraw`. */
export function saidAnew({ message }: Commit, words: readonly VoidWords[]): string {
  const verbs = verbsIn(message);
  const command = verbs.length > 0 && verbs.every((verb) => verb === 'Withdraw') ? 'withdraw' : 'approve';
  const paths = [...new Set(words.flatMap(({ scope }) => scope ?? []))];
  const isDetached = words.every(({ form }) => form === 'detached');
  const only = words.every(({ scope }) => scope !== null) ? paths.map((path) => ` --scope ${path}`) : [];
  return `fairlead ${command}${only.join('')}${isDetached ? ' --detached' : ''}`;
}

function verbsIn(message: Uint8Array): readonly string[] {
  const text = Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString('latin1');
  return [...text.matchAll(LINE)].map(([, verb = '']) => verb);
}
