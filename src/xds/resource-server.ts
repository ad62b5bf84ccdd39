import type { Log } from '../base/log.ts';
import { serveXds, type XdsServer } from './server.ts';
import type { Resources, XdsResource } from './types.ts';
import type { Node } from './variant.ts';

/** A resource of any type, as it is; whoever gives it says when it has another version. */
export type RawResource = {
  readonly typeUrl: string;
  readonly name: string;
  readonly version: string;
  /** The `value` of its `google.protobuf.Any`. */
  readonly any: Uint8Array;
};

type ResourceServerOptions = {
  /** All that the node should have; no two of one type and name. */
  readonly resourcesFor: (node: Node) => Iterable<RawResource>;
  readonly log: Log;
  /** Milliseconds. */
  readonly now: () => number;
};

/**
 * The same server without a mesh: resources by node, type, name and version, of any type, with neither a check of
 * references nor an order between types, for conformance harnesses and for tests of clients. Any node id will do.
 */
export function createResourceServer({ resourcesFor, log, now }: ResourceServerOptions): XdsServer {
  const identify = (node: Node) => {
    if (node.id === '') return 'the first request of a stream must carry node.id';
    return { id: node.id, resources: () => collect(resourcesFor(node)) };
  };
  return serveXds({ identify, log, now, removalTimeoutMs: 0, maxConnectionAgeMs: null, keepaliveMs: 30_000 });
}

function collect(all: Iterable<RawResource>): Resources {
  const types = Map.groupBy(all, ({ typeUrl }) => typeUrl);
  return new Map(
    [...types].map(([typeUrl, resources]) => [
      typeUrl,
      new Map(resources.map((each) => [each.name, lone(each)])),
    ]),
  );
}

/** A resource that refers to nothing known, so that nothing waits for it nor it for anything. */
function lone({ typeUrl, name, version, any }: RawResource): XdsResource {
  return { typeUrl, name, version, any, sources: [], references: [] };
}
