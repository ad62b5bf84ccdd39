import { Failure } from './failure.ts';

/** A thing that a name may mean; `uid` of a scope, whose path another repository may have, too. */
type Choice = { readonly kind: 'repository' | 'scope'; readonly name: string; readonly uid?: string };

/** Failure target-ambiguous: names all that is meant in a way that means one alone. */
export function ambiguous(wanted: string, choices: readonly Choice[]): Failure {
  return new Failure('target-ambiguous', `${wanted} may be several`, nameOneOf(choices));
}

/** What to do where a name means none of these, or more than one. */
export function nameOneOf(choices: readonly Choice[]): string {
  const names = choices.map(({ kind, name }) => `${kind}/${name}`);
  if (names.length === 0) return 'there is none yet: fairlead status says what the server follows, and why';
  const unique = choices.map(({ uid }, at) => {
    const name = names[at] ?? '';
    return uid !== undefined && names.indexOf(name) !== names.lastIndexOf(name) ? uid : name;
  });
  return `name one of: ${unique.slice(0, 10).join(', ')}${unique.length > 10 ? ', …' : ''}`;
}
