import { component, count, list, oneOf, orNull, record, ref, type Schema, said, text } from './words.ts';

const apiVersion = oneOf('fairlead.dev/v1alpha1');

export const error = component(
  'Error',
  'Every refusal: a stable code, what happened, and what to do.',
  record({ apiVersion, kind: oneOf('Error'), code: text, message: text, fix: text }),
);

/** What an answer of a kind has beside that it says which it is. */
export function answerOf(kind: string, properties: Readonly<Record<string, Schema>>): Schema {
  return record({ apiVersion, kind: oneOf(kind), ...properties });
}

/** What the answer of a list in pages has (`page.ts`); `item`: a component. */
export function pageOf(item: string): Readonly<Record<string, Schema>> {
  return {
    items: list(ref(item)),
    total: said('Of all pages.', count),
    next: said('`after` of the next page; null: this is the last.', orNull(text)),
  };
}

const REFUSALS = {
  400: 'The request is malformed, or names no Host.',
  401: 'Only who can read `operator-token` in the data folder of the server may.',
  403: 'Only programs of the machine itself may.',
  404: 'There is no such thing.',
  408: 'The request did not come whole within 10 s.',
  409: 'It is not so that it could be done.',
  413: 'The body is larger than 1 MiB.',
  414: 'A part of the path is longer than 1,024 characters.',
  415: 'Content-Type is no type.',
  417: 'Expect asks for something else than 100-continue.',
  429: 'Too many deliveries that are not believed.',
  431: 'The headers are larger than 16 KiB.',
  500: 'A bug: report it with the log.',
  503: 'Not now: the message says why.',
} as const;

type Operation = {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly ('health' | 'status' | 'proxies' | 'governance' | 'hooks' | 'operator')[];
  /** By status: what it answers. */
  readonly ok: Readonly<Record<number, Schema>>;
  /** Beside those of every route, and those that follow from what it takes. */
  readonly refusals?: readonly (keyof typeof REFUSALS)[];
  readonly params?: Schema;
  readonly querystring?: Schema;
  readonly headers?: Schema;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly body?: Schema;
  readonly description?: string;
  readonly consumes?: readonly string[];
};

const NO_QUERY: Schema = { type: 'object', additionalProperties: false, properties: {} };

/** Of any route: what is refused before one is asked, and bugs. */
const ALWAYS = [400, 408, 417, 431, 500] as const;

/**
 * The schema of a route: what Fastify checks of requests, and what the document says of the whole. Probes, scrapers and
 * forges may add to a query what they like; of others, what is not known is a slip.
 */
export function operation({ ok, refusals = [], ...asked }: Operation) {
  const isOpen = asked.tags.some((tag) => tag === 'health' || tag === 'hooks');
  const rest = isOpen ? asked : { querystring: NO_QUERY, ...asked };
  const statuses = [...ALWAYS, ...refusals, ...refusalsOf(rest)];
  const bad = [...new Set(statuses)].map((status) => [status, refused(status)] as const);
  return { ...rest, response: { ...ok, ...Object.fromEntries(bad) } };
}

/** What follows from what a route takes. */
function refusalsOf({
  params,
  tags,
}: Pick<Operation, 'params' | 'tags'>): readonly (keyof typeof REFUSALS)[] {
  const isPost = tags.some((tag) => tag === 'hooks' || tag === 'operator');
  return [
    ...(params === undefined ? [] : ([414] as const)),
    ...(isPost ? ([413, 415] as const) : []),
    // While the server ends, it is asked whether it does, and no more.
    ...(tags.includes('health') ? [] : ([503] as const)),
  ];
}

function refused(status: keyof typeof REFUSALS): Schema {
  return json(REFUSALS[status], ref('Error'));
}

/** An answer in JSON. */
export function json(description: string, schema: Schema): Schema {
  return { description, content: { 'application/json': { schema } } };
}
