import type { HeaderChanges, HeaderOperations } from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';

/** Names that a VirtualService changes headers by, and mean the host that is asked for. */
const hostNames: readonly string[] = [':authority', 'host'];

/** Envoy's limit, which the schema can only state in characters. */
const maxValueBytes = 16384;

/** Header changes of a route or a destination. Only `request.set` may name the host (Istio). */
export function* checkHeaders(headers: HeaderOperations | undefined, path: Path): Generator<Finding> {
  yield* checkChanges(headers?.request, [...path, 'request'], hostNames);
  yield* checkChanges(headers?.response, [...path, 'response'], []);
}

/** Paths below `path` at which a request's host is set by a header. */
export function hostChanges(headers: HeaderOperations | undefined, path: Path): readonly Path[] {
  const names = Object.keys(headers?.request?.set ?? {}).filter((name) => isHostName(name));
  return names.map((name) => [...path, 'request', 'set', name]);
}

function* checkChanges(
  { set = {}, add = {}, remove = [] }: HeaderChanges = {},
  path: Path,
  settable: readonly string[],
): Generator<Finding> {
  yield* checkValues(set, [...path, 'set'], settable);
  yield* checkValues(add, [...path, 'add'], []);
  for (const [index, name] of remove.entries()) yield* checkName(name, [...path, 'remove', index], []);
}

function* checkValues(
  values: Readonly<Record<string, string>>,
  path: Path,
  usable: readonly string[],
): Generator<Finding> {
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(values)) {
    const at = [...path, name];
    yield* checkName(name, at, usable);
    const key = isHostName(name) ? 'host' : name.toLowerCase();
    if (seen.has(key))
      yield { code: 'FL2212', message: `header ${name} is given twice`, path: at, on: 'key' };
    seen.add(key);
    if (key === 'host' && value === '')
      yield { code: 'FL2109', message: 'the host is empty', path: at, fix: 'write a host name' };
    yield* checkValue(value, at);
  }
}

/** Envoy changes neither the host nor what starts with `:` as if it were any header. */
function* checkName(name: string, path: Path, usable: readonly string[]): Generator<Finding> {
  const lower = name.toLowerCase();
  const isAny = !name.startsWith(':') && !isHostName(name);
  if (isAny || usable.includes(lower)) return;
  yield { code: 'FL2223', message: `${name} cannot be changed here`, path, on: 'key' };
}

function* checkValue(value: string, path: Path): Generator<Finding> {
  const bytes = new TextEncoder().encode(value).length;
  if (bytes > maxValueBytes)
    yield {
      code: 'FL2109',
      message: `the value has ${bytes} bytes, and may have ${maxValueBytes}`,
      path,
      fix: `write at most ${maxValueBytes} bytes of UTF-8`,
    };
  if (!value.replaceAll('%%', '').includes('%')) return;
  const message = `Fairlead knows Envoy's operators, such as in ${value}, but does not honour them yet`;
  yield { code: 'FL2104', message, path, fix: 'write %% for a percent sign' };
}

function isHostName(name: string): boolean {
  return hostNames.includes(name.toLowerCase());
}
