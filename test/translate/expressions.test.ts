import { array, constantFrom, oneof, sample, tuple } from 'fast-check';
import { expect, test } from 'vitest';
import { routes, service } from '../mesh/manifests.ts';
import { scope } from '../mesh/world.ts';
import { validate } from './envoy.ts';
import { staticBootstrap } from './static.ts';
import { proxyAt, snapshotOf } from './world.ts';

/** Parts of which some are no RE2, or none that Envoy takes: whatever the manifests take of them, it has to. */
const parts =
  String.raw`a ü 😀 . \d \W \s \b \A \z ^ $ [a-z] [^a-z] [[:alpha:]] [\d-z] []a] [^]a] [-a] \pL \PN \pM
  \p{Greek} \p{^Latin} \p{Cn} \p{LC} \p{Any} \p{Unknown} \p{Kawi} \x41 \x{FF} \x{100} \x{D800} \Q.*\E \Q\p{Cn} \C \1 \8 \e
  \Z \h \K (?i) (?s:.) (?U) (?P<n>a) (?<m>a) (?=a) (?:) () | { } a{,3} a{2,5} a{1000} a*+ x{0} (?i:ſ) \x7 \-`.split(
    /\s+/,
  );
const piece = tuple(constantFrom(...parts), constantFrom('', '', '', '*', '+?', '{3}', '|')).map((all) =>
  all.join(''),
);
const group = array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => `(${pieces.join('')})`);
const expression = array(oneof(piece, piece, group), { minLength: 1, maxLength: 3 }).map((all) =>
  all.join(''),
);

function step(regex: string): string {
  return `{match: [{uri: {regex: ${JSON.stringify(regex)}}}], route: [{destination: {host: cart}}]}`;
}

test('Envoy takes every expression that the manifests take', async () => {
  const all = [...new Set(sample(expression, { numRuns: 1500, seed: 2 }))];
  const taken = all.filter((regex) => {
    const { resources } = scope({ path: 'acme', files: routes('r', 'shop', 'cart', `[${step(regex)}]`) });
    return resources.length > 0;
  });
  expect(taken.length).toBeGreaterThan(300);
  expect(taken.length).toBeLessThan(all.length);
  const files = service('cart', 'shop') + routes('r', 'shop', 'cart', `[${taken.map(step).join(', ')}]`);
  const snapshot = snapshotOf(proxyAt('127.0.0.1', 'shop'), { path: 'acme', files });
  expect(await validate(staticBootstrap(snapshot))).toBe('OK');
});
