/** Expressions that Envoy takes, by name. */
export const good: Readonly<Record<string, string>> = {
  'a code': 'response.code >= 400',
  'a header': "request.headers['x'].startsWith('a') && !connection.mtls",
  'a condition': 'has(request.headers.a) ? true : 1 in [1, 2]',
  'an expression': "request.path.matches('^/api/[a-z]+$')",
  'an expression with wide characters': "request.path.matches('^/a/.*/[^/]+$')",
  times: 'duration("1s") > request.duration || request.time.getHours("UTC") == 1',
  'many alternatives': `true${' || response.code == 200u'.repeat(60)}`,
  'a deep one': `${'('.repeat(20)}true${')'.repeat(20)}`,
  'a long sum': `1${' + 1'.repeat(20)} == 1`,
  types: 'type(1) == int && dyn(1) == 1 && size("a") == 1',
};

/** Expressions that Envoy refuses, by name. */
export const bad: Readonly<Record<string, string>> = {
  'the end of one': 'response.code >=',
  'a default': "request.headers['x'] | 'none'",
  'an unknown function': 'foo(1)',
  'too few arguments': 'size()',
  'too many arguments': "'a'.size(1)",
  'a conversion to text': "string(response.code) == '200'",
  'a method of an extension': "request.path.lowerAscii() == 'a'",
  'a comprehension': '[1].exists(x, x == 1)',
  'has() of a name': 'has(request)',
  'has() of an index': "has(request.headers['a'])",
  'an expression that is none': "request.path.matches('(')",
  'a large expression': "request.path.matches('[a-z]{200}')",
  'a wide expression': "request.path.matches('.{20}')",
  'a number with a capital X': '-0XFF == 1',
  'a large number': '9223372036854775808 == 1',
  'a condition within one': 'true ? true ? true : true : true',
  'a struct': 'Foo{a: 1} == 1',
  'a reserved word': 'package.a == 1',
  'too many parentheses': `${'('.repeat(40)}true${')'.repeat(40)}`,
  'too long a sum': `1${' + 1'.repeat(40)} == 1`,
  'too long a path': `request${'.a'.repeat(40)}`,
};

/** Expressions that Envoy takes, and that could never be true or are refused for their size. */
export const refused: Readonly<Record<string, string>> = {
  'an unknown attribute': 'respnse.code == 1',
  'many negations': `${'!'.repeat(4000)}true`,
};
