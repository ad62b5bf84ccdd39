import type { Header, HeaderChanges } from '../mesh/index.ts';

type Changes = { readonly requestHeaders: HeaderChanges; readonly responseHeaders: HeaderChanges };

/** The header changes of a route, a virtual host or a weighted cluster, in the order given. */
export function headerChanges(...all: readonly Changes[]): object {
  return {
    ...fields(
      'request',
      all.map(({ requestHeaders }) => requestHeaders),
    ),
    ...fields(
      'response',
      all.map(({ responseHeaders }) => responseHeaders),
    ),
  };
}

function fields(what: 'request' | 'response', all: readonly HeaderChanges[]): object {
  const values = all.flatMap(({ set, add }) => [
    ...set.map((header) => option(header, 'OVERWRITE_IF_EXISTS_OR_ADD')),
    ...add.map((header) => option(header, 'APPEND_IF_EXISTS_OR_ADD')),
  ]);
  const remove = all.flatMap((changes) => changes.remove);
  return {
    ...(values.length > 0 ? { [`${what}_headers_to_add`]: values } : {}),
    ...(remove.length > 0 ? { [`${what}_headers_to_remove`]: remove } : {}),
  };
}

/** Envoy's values are formats: a percent sign has to be doubled. */
function option({ name, value }: Header, action: string): object {
  const header = { key: name, value: value.replaceAll('%', '%%') };
  return { header, append_action: action, ...(value === '' ? { keep_empty_value: true } : {}) };
}
