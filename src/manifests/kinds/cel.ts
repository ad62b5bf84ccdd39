import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { regexSteps } from './regex.ts';

/** Envoy takes 32, some of which it needs for itself. */
const maxDepth = 24;

/** Of an expression's regular expressions, of which Envoy allows 100. */
const maxSteps = 90;

/** What an expression may speak of (Envoy, "Attributes"), and the names of types. */
const attributes: readonly string[] = [
  ...['request', 'response', 'connection', 'upstream', 'source', 'destination', 'metadata'],
  ...['filter_state', 'upstream_filter_state', 'xds'],
  ...['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint'],
];

/** How many arguments each function takes; of a method besides what it is of. */
const functions = new Map<string, readonly number[]>([
  ...['bool', 'bytes', 'double', 'duration', 'dyn', 'has', 'int', 'size', 'timestamp', 'type', 'uint'].map(
    (name): [string, readonly number[]] => [name, [1]],
  ),
  ...['contains', 'endsWith', 'matches', 'startsWith'].map((name): [string, readonly number[]] => [
    name,
    [2],
  ]),
]);
const methods = new Map<string, readonly number[]>([
  ...['contains', 'endsWith', 'matches', 'startsWith'].map((name): [string, readonly number[]] => [
    name,
    [1],
  ]),
  ['size', [0]],
  ...[
    'Date',
    'DayOfMonth',
    'DayOfWeek',
    'DayOfYear',
    'FullYear',
    'Hours',
    'Milliseconds',
    'Minutes',
    'Month',
    'Seconds',
  ].map((part): [string, readonly number[]] => [`get${part}`, [0, 1]]),
]);

const environment = new Environment({ limits: { maxDepth, maxAstNodes: 1000 } });

/**
 * An expression that Envoy would refuse, and with it the whole listener: it compiles CEL without comprehensions, structs
 * and its extensions (https://github.com/google/cel-spec).
 */
export function* checkCel(expression: string, path: Path): Generator<Finding> {
  const reason = wrongWith(expression);
  if (reason !== null)
    yield { code: 'FL2286', message: `${shown(expression)} is not CEL for Envoy: ${reason}`, path };
}

function shown(expression: string): string {
  return expression.length > 200 ? `${expression.slice(0, 200)}…` : expression;
}

function wrongWith(expression: string): string | null {
  try {
    return wrongIn(environment.parse(expression).ast, 0);
  } catch (error) {
    const [first = ''] = (error as Error).message.split('\n');
    return `${first.charAt(0).toLowerCase()}${first.slice(1)}`;
  }
}

/** `depth`: below nodes that Envoy nests; `&&` and `||` it balances. */
function wrongIn(node: ASTNode, depth: number): string | null {
  if (depth > maxDepth) return `it is nested more than ${maxDepth} times`;
  return wrongAt(node) ?? firstOf(inner(node), isJunction(node) ? depth : depth + 1);
}

function firstOf(nodes: readonly ASTNode[], depth: number): string | null {
  for (const node of nodes) {
    const wrong = wrongIn(node, depth);
    if (wrong !== null) return wrong;
  }
  return null;
}

function isJunction({ op }: ASTNode): boolean {
  return op === '&&' || op === '||';
}

function wrongAt(node: ASTNode): string | null {
  switch (node.op) {
    case 'id':
      return attributes.includes(node.args) ? null : `it knows no ${node.args}`;
    case 'value':
      // The parser here takes a capital X; the language does not know it.
      if (sourceOf(node).startsWith('0X')) return 'a hexadecimal number begins with 0x';
      return isTooLarge(node.args) ? 'a number is out of range' : null;
    case '?:':
      return node.args[1].op === '?:' ? 'a condition stands between ? and :' : null;
    case 'call': {
      const [name, given] = node.args;
      const [first] = given;
      if (name === 'has' && first?.op !== '.') return 'has() is for a field, such as has(request.headers.a)';
      return wrongCall(functions, name, given) ?? (name === 'matches' ? wrongRegex(given[1]) : null);
    }
    case 'rcall': {
      const [name, , given] = node.args;
      return wrongCall(methods, name, given) ?? (name === 'matches' ? wrongRegex(given[0]) : null);
    }
    default:
      return null;
  }
}

function sourceOf({ input = '', start, end }: ASTNode): string {
  return input.slice(start, end);
}

function isTooLarge(value: unknown): boolean {
  return typeof value === 'bigint' && BigInt.asIntN(64, value) !== value;
}

function wrongCall(
  known: ReadonlyMap<string, readonly number[]>,
  name: string,
  given: readonly ASTNode[],
): string | null {
  const counts = known.get(name);
  if (counts === undefined) return `it has no function ${name} here`;
  return counts.includes(given.length) ? null : `${name} does not take ${given.length} arguments there`;
}

/** What is not written out is looked at when it is used. */
function wrongRegex(node: ASTNode | undefined): string | null {
  if (node?.op !== 'value' || typeof node.args !== 'string') return null;
  const read = regexSteps(node.args);
  if (typeof read === 'string') return `${node.args} is not RE2: ${read}`;
  return read > maxSteps ? `the expression ${node.args} is too large` : null;
}

/** What a node is made of. */
function inner(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}
