import type {
  HTTPBackend,
  HTTPCorsFilter,
  HTTPHeaderFilter,
  HTTPMirrorFilter,
  HTTPPathModifier,
  HTTPRouteFilter,
  HTTPRouteRule,
} from '../../generated/schemas/index.ts';
import type { Finding } from '../finding.ts';
import type { Path } from '../types.ts';
import { isCore } from './route-parents.ts';

/** The field that each type of filter reads. */
const fieldOf = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  CORS: 'cors',
  ExtensionRef: 'extensionRef',
  ExternalAuth: 'externalAuth',
} as const satisfies Record<HTTPRouteFilter['type'], keyof HTTPRouteFilter>;

/** What may stand several times. */
const repeated: readonly HTTPRouteFilter['type'][] = ['RequestMirror', 'ExtensionRef'];

/** What a redirect answers before anybody could see it. */
const beforeRedirect: readonly HTTPRouteFilter['type'][] = ['RequestHeaderModifier', 'RequestMirror'];

/** What a rule may have, and a backend. */
const honoured: Readonly<Record<'rule' | 'backend', readonly HTTPRouteFilter['type'][]>> = {
  rule: [
    ...(['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror'] as const),
    ...(['RequestRedirect', 'URLRewrite', 'CORS'] as const),
  ],
  backend: ['RequestHeaderModifier', 'ResponseHeaderModifier'],
};

/** Whether all filters of a rule or a backend are honoured; else its requests may not pass (Gateway API, HTTPRouteFilter `type`). */
export function areHonoured(filters: readonly HTTPRouteFilter[], of: 'rule' | 'backend'): boolean {
  return filters.every(({ type }) => honoured[of].includes(type));
}

function* checkTypes(
  filters: readonly HTTPRouteFilter[],
  of: 'rule' | 'backend',
  path: Path,
): Generator<Finding> {
  for (const [index, filter] of filters.entries()) {
    if (areHonoured([filter], of)) continue;
    const message = `Fairlead knows ${filter.type} of a ${of}, but does not honour it yet: requests for the ${of} are answered 500`;
    yield { code: 'FL2233', message, path: [...path, index, 'type'] };
  }
}

type Filtered = Pick<HTTPRouteRule, 'filters' | 'matches' | 'backendRefs' | 'timeouts' | 'retry'>;

/** Filters of a rule or a backend: each says what its type needs, and they go together. */
export function* checkFilters(
  rule: Filtered,
  path: Path,
  of: 'rule' | 'backend' = 'rule',
): Generator<Finding> {
  const filters = rule.filters ?? [];
  yield* checkTypes(filters, of, [...path, 'filters']);
  const types = filters.map(({ type }) => type);
  for (const [index, filter] of filters.entries()) {
    const at = [...path, 'filters', index];
    if (types.indexOf(filter.type) < index && !repeated.includes(filter.type))
      yield { code: 'FL2212', message: `${filter.type} is given twice`, path: [...at, 'type'] };
    yield* checkFields(filter, at);
    yield* checkHeaderFilter(filter.requestHeaderModifier, [...at, 'requestHeaderModifier']);
    yield* checkHeaderFilter(filter.responseHeaderModifier, [...at, 'responseHeaderModifier']);
    yield* checkMirror(filter.requestMirror, [...at, 'requestMirror']);
    yield* checkPath(filter.urlRewrite?.path, rule, [...at, 'urlRewrite', 'path']);
    yield* checkPath(filter.requestRedirect?.path, rule, [...at, 'requestRedirect', 'path']);
    yield* checkCors(filter.cors, [...at, 'cors']);
  }
  if (types.includes('RequestRedirect')) yield* besideRedirect(rule, types, path);
}

function* checkFields(filter: HTTPRouteFilter, path: Path): Generator<Finding> {
  const wanted = fieldOf[filter.type];
  if (filter[wanted] === undefined)
    yield { code: 'FL2231', message: `${filter.type} has no ${wanted}`, path: [...path, 'type'] };
  for (const field of Object.values(fieldOf)) {
    if (field === wanted || filter[field] === undefined) continue;
    yield { code: 'FL2231', message: `${filter.type} has ${field}`, path: [...path, field], on: 'key' };
  }
}

function* besideRedirect(
  { backendRefs = [], timeouts, retry }: Filtered,
  types: readonly HTTPRouteFilter['type'][],
  path: Path,
): Generator<Finding> {
  const rewrite = types.indexOf('URLRewrite');
  if (rewrite !== -1) {
    const at = [...path, 'filters', rewrite, 'type'];
    yield { code: 'FL2220', message: 'URLRewrite beside RequestRedirect', path: at };
  }
  if (backendRefs.length > 0) {
    const at = [...path, 'backendRefs'];
    yield { code: 'FL2220', message: 'backendRefs beside RequestRedirect', path: at, on: 'key' };
  }
  for (const [field, value] of Object.entries({ timeouts, retry })) {
    if (value === undefined) continue;
    const message = `${field} beside RequestRedirect has no effect`;
    yield { code: 'FL2221', message, path: [...path, field], on: 'key' };
  }
  for (const [index, type] of types.entries()) {
    if (!beforeRedirect.includes(type)) continue;
    const message = `${type} beside RequestRedirect has no effect`;
    yield { code: 'FL2221', message, path: [...path, 'filters', index, 'type'] };
  }
}

/** A backend is a Service with its port. */
export function* checkBackend(
  { group = '', kind = 'Service', port }: HTTPBackend,
  path: Path,
): Generator<Finding> {
  if (!isCore(group) || kind !== 'Service') {
    const message = `Fairlead knows backends such as a ${kind}, but honours only Services yet`;
    yield { code: 'FL2104', message, path: [...path, kind === 'Service' ? 'group' : 'kind'] };
  } else if (port === undefined) {
    yield { code: 'FL2106', message: 'the port of the Service is missing', path };
  }
}

function* checkMirror(mirror: HTTPMirrorFilter | undefined, path: Path): Generator<Finding> {
  if (mirror === undefined) return;
  const { backendRef, percent, fraction } = mirror;
  yield* checkBackend(backendRef, [...path, 'backendRef']);
  if (percent !== undefined && fraction !== undefined)
    yield { code: 'FL2220', message: 'fraction beside percent', path: [...path, 'fraction'], on: 'key' };
  if (fraction !== undefined && fraction.numerator > (fraction.denominator ?? 100))
    yield {
      code: 'FL2109',
      message: 'the fraction is more than all',
      path: [...path, 'fraction', 'numerator'],
      fix: `write at most ${fraction.denominator ?? 100}`,
    };
}

function* checkHeaderFilter(filter: HTTPHeaderFilter | undefined, path: Path): Generator<Finding> {
  if (filter === undefined) return;
  const { set = [], add = [], remove = [] } = filter;
  const lists = { set: set.map(({ name }) => name), add: add.map(({ name }) => name), remove };
  for (const [list, names] of Object.entries(lists)) {
    const lower = names.map((name) => name.toLowerCase());
    for (const [index, name] of lower.entries()) {
      const at = [...path, list, index, ...(list === 'remove' ? [] : ['name'])];
      if (lower.indexOf(name) < index)
        yield { code: 'FL2212', message: `header ${name} is given twice`, path: at };
      if (name !== 'host') continue;
      const fix = 'set the host by hostname of URLRewrite';
      yield { code: 'FL2223', message: 'the host cannot be changed here', path: at, fix };
    }
  }
}

const modifiers = { ReplaceFullPath: 'replaceFullPath', ReplacePrefixMatch: 'replacePrefixMatch' } as const;

/** A prefix can only be replaced where each match of the rule is by prefix. */
function* checkPath(
  modifier: HTTPPathModifier | undefined,
  { matches = [] }: Filtered,
  path: Path,
): Generator<Finding> {
  if (modifier === undefined) return;
  const wanted = modifiers[modifier.type];
  for (const field of Object.values(modifiers)) {
    if ((modifier[field] !== undefined) === (field === wanted)) continue;
    const message = `${modifier.type} has ${field === wanted ? 'no ' : ''}${field}`;
    const at = [...path, field === wanted ? 'type' : field];
    yield { code: 'FL2231', message, path: at, on: field === wanted ? 'value' : 'key' };
  }
  const text = modifier[wanted] ?? '/';
  if (/[?#\s]/.test(text) || (text !== '' && !text.startsWith('/')))
    yield {
      code: 'FL2109',
      message: `${text} is no path`,
      path: [...path, wanted],
      fix: 'write a path that begins with /, without ?, # and spaces',
    };
  const isPrefix = matches.every((match) => (match.path?.type ?? 'PathPrefix') === 'PathPrefix');
  if (modifier.type === 'ReplacePrefixMatch' && !isPrefix)
    yield { code: 'FL2232', message: 'a match of the rule is by no prefix', path: [...path, 'type'] };
}

/** Browsers read `*` as any only where no credentials are sent (Fetch), and Envoy answers what is written. */
function* checkCors(cors: HTTPCorsFilter | undefined, path: Path): Generator<Finding> {
  if (cors?.allowCredentials !== true) return;
  for (const field of ['allowMethods', 'allowHeaders', 'exposeHeaders'] as const) {
    if (!(cors[field] ?? []).includes('*')) continue;
    const message = `Fairlead knows * in ${field} beside allowCredentials, but does not honour it yet`;
    yield { code: 'FL2104', message, path: [...path, field], on: 'key', fix: 'name them' };
  }
}
