import type { ProfileCondition, ProfileResponse, ProfileResponseClass } from '../manifests/index.ts';
import type { Match, NamedMatch, TextMatch } from './types.ts';

/** What is asked of a request, or (`isWanted` false) must not be so. */
type Simple = {
  readonly of: 'path' | 'method';
  readonly text: string;
  readonly isWanted: boolean;
};

/** The matches of which one has to hold; `manifests` sees to it that they are few. */
export function readCondition(condition: ProfileCondition): readonly Match[] {
  return alternatives(condition, true).map(matchOf);
}

/** Lists of which all has to hold of one. */
function alternatives(
  { pathRegex, method, all = [], any = [], not }: ProfileCondition,
  isWanted: boolean,
): readonly (readonly Simple[])[] {
  const simple = (of: Simple['of'], text: string | undefined) =>
    text === undefined ? [] : [[[{ of, text, isWanted }]]];
  // Of what must not be, one part that is not is enough.
  const [every, some] = isWanted ? [crossed, joined] : [joined, crossed];
  const inner = (each: ProfileCondition) => alternatives(each, isWanted);
  return every([
    ...simple('path', pathRegex),
    ...simple('method', method?.toUpperCase()),
    ...(all.length === 0 ? [] : [every(all.map(inner))]),
    ...(any.length === 0 ? [] : [some(any.map(inner))]),
    ...(not === undefined ? [] : [alternatives(not, !isWanted)]),
  ]);
}

type Lists = readonly (readonly Simple[])[];

function joined(all: readonly Lists[]): Lists {
  return all.flat();
}

function crossed(all: readonly Lists[]): Lists {
  return all.reduce<Lists>(
    (found, lists) => found.flatMap((one) => lists.map((other) => [...one, ...other])),
    [[]],
  );
}

function matchOf(conditions: readonly Simple[]): Match {
  const paths = conditions.filter(({ of, isWanted }) => of === 'path' && isWanted);
  const [first, ...others] = paths;
  const wanted = conditions.filter(({ of, isWanted }) => of === 'method' && isWanted);
  return {
    ...everyRequest,
    path: first === undefined ? null : expression(first.text),
    headers: [...wanted, ...others].map(named),
    withoutHeaders: conditions.filter(({ isWanted }) => !isWanted).map(named),
  };
}

const everyRequest: Match = {
  name: null,
  statPrefix: null,
  path: null,
  ignorePathCase: false,
  headers: [],
  withoutHeaders: [],
  query: [],
  port: null,
  fromNamespace: null,
  fromLabels: {},
  entrances: [],
};

function named({ of, text }: Simple): NamedMatch {
  if (of === 'method') return { name: ':method', value: { how: 'exact', text } };
  return { name: ':path', value: expression(`(?:${bare(text)})(?:\\?.*)?`) };
}

/** It is for the whole of a text, whether or not it says so. */
function expression(text: string): TextMatch {
  return { how: 'regex', text: bare(text) };
}

function bare(text: string): string {
  return text.replace(/^\^/, '').replace(/(?<!\\)\$$/, '');
}

const statuses = Array.from({ length: 500 }, (_, index) => index + 100);

/** Conditions of retries by which failures are tried again: those that the classes say, else answers from 500. */
export function failures(classes: readonly ProfileResponseClass[] = []): readonly string[] {
  const isFailure = (status: number) => {
    const found = classes.find(({ condition }) => answers(condition, status));
    return found === undefined ? status >= 500 : (found.isFailure ?? false);
  };
  const failing = statuses.filter(isFailure);
  const isUsual = failing.filter((status) => status >= 500).length === 100;
  const others = failing.filter((status) => !isUsual || status < 500).map(String);
  return [...(isUsual ? ['5xx'] : ['reset', 'connect-failure', 'refused-stream']), ...others];
}

function answers({ status, all, any, not }: ProfileResponse, code: number): boolean {
  const { min = 100, max = 599 } = status ?? {};
  return (
    (status === undefined || (code >= min && code <= max)) &&
    (all?.every((each) => answers(each, code)) ?? true) &&
    (any?.some((each) => answers(each, code)) ?? true) &&
    (not === undefined || !answers(not, code))
  );
}
