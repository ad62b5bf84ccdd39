import protobuf from 'protobufjs';

/**
 * Fields of Envoy 1.40 that the `.proto` files of the package do not have yet (decision 0034); each goes when the package
 * brings it. A message whose file was not loaded is left alone.
 */
const newer: readonly {
  readonly of: string;
  readonly name: string;
  readonly id: number;
  readonly type: string;
}[] = [
  {
    of: 'envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget',
    name: 'budget_interval',
    id: 3,
    type: 'google.protobuf.Duration',
  },
  {
    of: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing',
    name: 'no_context_propagation',
    id: 13,
    type: 'bool',
  },
  { of: 'envoy.type.tracing.v3.CustomTag', name: 'value', id: 6, type: 'string' },
  {
    of: 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    name: 'outlier_detection',
    id: 8,
    type: 'OutlierDetection',
  },
  {
    of: 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection',
    name: 'error_matcher',
    id: 1,
    type: 'envoy.config.common.matcher.v3.MatchPredicate',
  },
];

/** Messages that are newer, too. */
const messages = ['envoy.extensions.upstreams.http.v3.HttpProtocolOptions.OutlierDetection'];

export function addNewerFields(root: protobuf.Root): void {
  for (const path of messages) {
    const steps = path.split('.');
    const parent = root.lookup(steps.slice(0, -1).join('.'));
    const name = steps.at(-1) ?? '';
    if (!(parent instanceof protobuf.Type)) continue;
    if (parent.nested?.[name] === undefined) parent.add(new protobuf.Type(name));
  }
  for (const { of, name, id, type } of newer) {
    const message = root.lookup(of);
    if (!(message instanceof protobuf.Type)) continue;
    if (message.fieldsById[id] !== undefined)
      throw new Error(`the package has ${of}.${name} now: remove it here`);
    const field = protobuf.Field.fromJSON(camelCase(name), { id, type });
    Object.assign(field, { protoName: name });
    message.add(field);
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
