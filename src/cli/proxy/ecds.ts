import type { View } from './views.ts';

/** Filters that an Envoy asks somebody for by name (extension configuration discovery). */
export const ecdsView: View = {
  what: 'filters that were discovered',
  aliases: ['ec'],
  head: ['NAME'],
  filters: {},
  rows: ({ name, resource }) => [{ cells: [name], part: resource }],
};
