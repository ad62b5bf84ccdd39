import { type Format, table, wrap } from '../output.ts';
import type { Kind, ProxyResource } from './resource.ts';
import { type Filters, provenanceCells, views } from './views.ts';

/** A table of each kind that something of `resources` fits, and what is not as it should be. */
export function tablesOf(
  kinds: readonly Kind[],
  resources: readonly ProxyResource[],
  filters: Filters,
  format: Format,
): string {
  const filled = kinds.filter((kind) => resources.some((resource) => resource.kind === kind));
  // A heading alone says that there is nothing.
  const parts = (filled.length > 0 ? filled : kinds.slice(0, 1)).map((kind) =>
    kindTable(kind, resources, filters, format),
  );
  const notes = resources.flatMap(note);
  return [...parts, ...(notes.length === 0 ? [] : [notes.join('')])].join('\n');
}

function kindTable(
  kind: Kind,
  resources: readonly ProxyResource[],
  filters: Filters,
  format: Format,
): string {
  const wide = format === 'wide';
  const { head, rows } = views[kind];
  const cells = resources
    .filter((resource) => resource.kind === kind)
    .flatMap((resource) =>
      rows(resource, filters).map((row) => {
        const more = wide ? [resource.state, resource.version || '-'] : [];
        return [...row.cells, ...more, ...provenanceCells(row, resource, format)];
      }),
    );
  const more = wide ? ['STATE', 'VERSION'] : [];
  return table([...head, ...more, 'SCOPE', 'SOURCE'], cells);
}

/** Whatever is not as it should be is said in every format that people read. */
function note({ kind, name, state, message }: ProxyResource): readonly string[] {
  if (message === null && ['SYNCED', 'static', 'active', 'offline'].includes(state)) return [];
  return [`${wrap(`${kind} ${name}: ${state}${message === null ? '' : `: ${message}`}`, '  ')}\n`];
}
