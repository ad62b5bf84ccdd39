import type { Settings } from '../mesh/index.ts';
import type { Bound } from './bindings.ts';
import { LISTENER } from './types.ts';
import type { View } from './view.ts';

type Filter = { readonly name: string; readonly typed_config: object };
type Chain = { readonly filters: readonly Filter[] };
type Listener = { readonly filter_chains?: readonly Chain[]; readonly default_filter_chain?: Chain };

/** Listeners with what the settings of the scope say of all requests that come in there. */
export function mannered({ settings }: View, { drafts, skipped }: Bound): Bound {
  const fields = paths[settings.paths];
  if (fields === null) return { drafts, skipped };
  const all = drafts.map((draft) => {
    if (draft.typeUrl !== LISTENER) return draft;
    const { filter_chains: chains, default_filter_chain: last, ...json } = draft.json as Listener;
    return {
      ...draft,
      json: {
        ...json,
        ...(chains === undefined ? {} : { filter_chains: chains.map((chain) => inChain(chain, fields)) }),
        ...(last === undefined ? {} : { default_filter_chain: inChain(last, fields) }),
      },
    };
  });
  return { drafts: all, skipped };
}

const manager = 'envoy.filters.network.http_connection_manager';

function inChain(chain: Chain, fields: object): Chain {
  const filters = chain.filters.map((filter) => {
    if (filter.name !== manager) return filter;
    return { ...filter, typed_config: { ...filter.typed_config, ...fields } };
  });
  return { ...chain, filters };
}

/** Null: what every manager does anyway. */
const paths: Readonly<Record<Settings['paths'], object | null>> = {
  'as-they-are': { normalize_path: false },
  normal: null,
  'slashes-merged': { merge_slashes: true },
  'slashes-decoded': {
    merge_slashes: true,
    path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD',
  },
};
