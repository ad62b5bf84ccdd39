import { type FieldTree, fields, forms, type SchemaError } from '../generated/schemas/index.ts';
import type { Code } from './codes.ts';
import type { Finding } from './finding.ts';
import { nearest } from './nearest.ts';
import type { Path } from './types.ts';

/** More than are ever told of one document, with room for those that say the same: a file may be nothing but errors. */
const MOST_EXPLAINED = 500;

/** What the validator of a kind says about a document, in our codes and with places in the document. */
export function schemaFindings(
  kind: string,
  document: unknown,
  errors: readonly SchemaError[],
): readonly Finding[] {
  // An error in a key comes twice: as `propertyNames`, and as what is wrong with it.
  const relevant = errors.filter(({ propertyName }) => propertyName === undefined);
  return relevant.slice(0, MOST_EXPLAINED).map((error) => {
    const path = pathOf(document, error.instancePath);
    if (error.keyword === 'propertyNames') return malformedKey(error, path, errors);
    return explain(kind, error, path, valueAt(document, path));
  });
}

/** Values for which there is another way, by themselves. */
const never: Readonly<Record<string, Pick<Finding, 'message' | 'fix'>>> = {
  BOOTSTRAP: {
    message: 'BOOTSTRAP is what a proxy is started with, which no server changes',
    fix: 'write it into the file that `fairlead bootstrap` prints, before the proxy is started with it',
  },
};

/** `spec.http[0].route`, as people write it. */
function written(path: Path): string {
  const steps = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`));
  return steps.join('').replace(/^\./, '');
}

function explain(kind: string, error: SchemaError, path: Path, value: unknown): Finding {
  const name = written(path);
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownField(kind, error, path);
    case 'required':
      return missingField(error, path);
    case 'x-fairlead':
      return {
        code: 'FL2104',
        message: `Fairlead knows ${name}, but does not honour it yet`,
        path,
        on: 'key',
      };
    case 'x-not-honoured-values':
      return {
        code: 'FL2104',
        message: `Fairlead knows ${shown(value)}, but does not honour it yet`,
        ...never[String(value)],
        path,
      };
    case 'enum':
      return notAllowed(error.params.allowedValues, value, path);
    case 'const':
      return notAllowed([error.params.allowedValue], value, path);
    default:
      return malformed(error, value, path);
  }
}

function unknownField(kind: string, error: SchemaError, parent: Path): Finding {
  const field = String(error.params.additionalProperty);
  const known = knownFields(kind, parent);
  const meant = nearest(field, known);
  const fix = meant === null ? {} : { fix: `did you mean ${meant}?` };
  const path = [...parent, field];
  return { code: 'FL2105', message: `${kind} has no field ${written(path)}`, path, on: 'key', ...fix };
}

function knownFields(kind: string, parent: Path): readonly string[] {
  const empty: FieldTree = {};
  const inside = (tree: FieldTree, step: string | number): FieldTree => {
    return (Object.hasOwn(tree, step) ? tree[step] : tree['*']) ?? empty;
  };
  return Object.keys([kind, ...parent].reduce(inside, fields)).filter((field) => field !== '*');
}

function missingField(error: SchemaError, path: Path): Finding {
  const field = written([...path, String(error.params.missingProperty)]);
  const code = field === 'metadata.name' ? 'FL2112' : 'FL2106';
  return { code, message: `${field} is missing`, path };
}

function malformedKey(error: SchemaError, parent: Path, all: readonly SchemaError[]): Finding {
  const { propertyName } = error.params;
  const path = [...parent, String(propertyName)];
  const why = all.find((other) => {
    return other.propertyName === propertyName && other.instancePath === error.instancePath;
  });
  return {
    code: 'FL2109',
    message: `${shown(path.at(-1))} cannot be a key of ${written(parent)}`,
    path,
    on: 'key',
    ...(why === undefined ? {} : wanted(why)),
  };
}

function notAllowed(allowed: unknown, value: unknown, path: Path): Finding {
  const words = (Array.isArray(allowed) ? allowed : []).map(String);
  const meant = typeof value === 'string' ? nearest(value, words) : null;
  const fix = meant === null ? `write ${words.join(', ')}` : `did you mean ${meant}?`;
  return { code: 'FL2108', message: `${written(path)} cannot be ${shown(value)}`, path, fix };
}

function malformed(error: SchemaError, value: unknown, path: Path): Finding {
  const why = error.keyword === 'pattern' ? 'malformed' : (error.message ?? error.keyword);
  const message = `${written(path)} is ${shown(value)}: ${why}`;
  const code = codeOf(error);
  return { code, message, path, ...(code === 'FL2109' || code === 'FL2110' ? wanted(error) : {}) };
}

/** What to write instead. */
function wanted({ keyword, params }: SchemaError): { readonly fix?: string } {
  if (keyword === 'pattern') {
    const form = forms[String(params.pattern)];
    return form === undefined ? {} : { fix: `write ${form}` };
  }
  const bound = bounds[keyword];
  return bound === undefined ? {} : { fix: `write ${bound(String(params.limit))}` };
}

/** By the keyword of the schema whose limit the value does not keep. */
const bounds: Readonly<Record<string, (limit: string) => string>> = {
  minimum: (limit) => `a number that is at least ${limit}`,
  exclusiveMinimum: (limit) => `a number above ${limit}`,
  maximum: (limit) => `a number that is at most ${limit}`,
  minItems: (limit) => `at least ${limit} of them`,
  maxItems: (limit) => `at most ${limit} of them`,
  minProperties: (limit) => `at least ${limit} of its fields`,
  maxProperties: (limit) => `at most ${limit} of its fields`,
};

function definitionOf({ schemaPath }: SchemaError): string | undefined {
  return /\/common\.(\w+)\//.exec(schemaPath)?.[1];
}

function codeOf(error: SchemaError): Code {
  const { schemaPath, keyword } = error;
  const definition = definitionOf(error);
  if (definition === 'duration' || definition === 'gatewayDuration') return 'FL2110';
  if (keyword === 'type') return 'FL2107';
  return definition === 'port' || /\/targetPort\/m/.test(schemaPath) ? 'FL2111' : 'FL2109';
}

function shown(value: unknown): string {
  if (value === null) return 'empty';
  const text = JSON.stringify(value) ?? 'absent';
  return text.length <= 80 ? text : `${text.slice(0, 77)}…`;
}

/** ajv's JSON pointer (RFC 6901) as a path: numbers are indexes only where the document has a list. */
function pathOf(document: unknown, pointer: string): Path {
  const path: (string | number)[] = [];
  for (const step of pointer.split('/').slice(1)) {
    const inList = Array.isArray(valueAt(document, path));
    path.push(inList ? Number(step) : step.replaceAll('~1', '/').replaceAll('~0', '~'));
  }
  return path;
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Readonly<Record<string | number, unknown>> | null)?.[step],
    document,
  );
}
