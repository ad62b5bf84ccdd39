import type { Format } from '../output.ts';
import { clusterView } from './cluster.ts';
import { ecdsView } from './ecds.ts';
import { endpointView } from './endpoint.ts';
import { listenerView } from './listener.ts';
import { type Kind, type Place, type ProxyResource, provenanceOf } from './resource.ts';
import { routeView } from './route.ts';
import { secretView } from './secret.ts';

/** Filters as they were typed; which of them a kind has is its view's matter. */
export type Filters = Readonly<Partial<Record<string, string>>>;

/** One line of a table: its cells, and the part of the resource that carries its provenance. */
export type Row = { readonly cells: readonly string[]; readonly part: unknown };

/** How one kind of resource is shown and searched. */
export type View = {
  /** What the kind is, in the plural. */
  readonly what: string;
  readonly aliases: readonly string[];
  readonly head: readonly string[];
  /** Option name → what it searches. */
  readonly filters: Readonly<Record<string, string>>;
  readonly rows: (resource: ProxyResource, filters: Filters) => readonly Row[];
};

/** The second of anything is one file and one line here. */
export const views: Readonly<Record<Kind, View>> = {
  cluster: clusterView,
  endpoint: endpointView,
  listener: listenerView,
  route: routeView,
  secret: secretView,
  ecds: ecdsView,
};

/** SCOPE and SOURCE of a row: file and line where a server was asked, the document where an Envoy was. */
export function provenanceCells(row: Row, { sources }: ProxyResource, format: Format): readonly string[] {
  const own = provenanceOf(row.part);
  const places = own === null ? sources : sources.filter(({ document }) => document === own.document);
  const scope = own?.scope ?? [...new Set(sources.map((place) => place.scope))].join(',');
  if (places.length === 0) return [scope || '-', own?.document ?? '-'];
  const shown = format === 'wide' ? places.map(written).join(' ') : abridged(places);
  return [scope || '-', shown];
}

function abridged(places: readonly Place[]): string {
  const [first] = places;
  const more = places.length > 1 ? ` +${places.length - 1}` : '';
  return first === undefined ? '-' : written(first) + more;
}

function written({ file, line }: Place): string {
  return `${file}:${line}`;
}
