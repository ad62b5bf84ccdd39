import { table } from './output.ts';

type Condition = { readonly type: string; readonly status: string; readonly reason: string };

/** What the table reads of a resource of the Gateway API, as the server tells its status. */
export type GatewayApiStatus = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly listeners?: readonly {
    readonly name: string;
    readonly attachedRoutes: number;
    readonly conditions: readonly Condition[];
  }[];
  readonly parents?: readonly {
    readonly parentRef: {
      readonly kind: string;
      readonly namespace: string;
      readonly name: string;
      readonly sectionName?: string;
      readonly port?: number;
    };
    readonly conditions: readonly Condition[];
  }[];
};

/** A row for each listener of a Gateway, and for each parent of a route; nothing where there are none. */
export function gatewayApiText(statuses: readonly GatewayApiStatus[]): string | null {
  const rows = statuses.flatMap(({ kind, namespace, name, listeners = [], parents = [] }) => {
    const resource = `${kind} ${namespace}/${name}`;
    return [
      ...listeners.map((listener) => [
        resource,
        listener.name,
        ...reasons(listener.conditions),
        String(listener.attachedRoutes),
      ]),
      ...parents.map(({ parentRef, conditions }) => [
        resource,
        placeOf(parentRef),
        ...reasons(conditions),
        '-',
      ]),
    ];
  });
  return rows.length === 0 ? null : table(['GATEWAY API', 'AT', 'ACCEPTED', 'REFERENCES', 'ROUTES'], rows);
}

function placeOf({
  kind,
  namespace,
  name,
  sectionName,
  port,
}: NonNullable<GatewayApiStatus['parents']>[number]['parentRef']): string {
  const listener = sectionName === undefined ? '' : `/${sectionName}`;
  return `${kind} ${namespace}/${name}${listener}${port === undefined ? '' : `:${port}`}`;
}

/** `True`, or why not. */
function reasons(conditions: readonly Condition[]): readonly string[] {
  return ['Accepted', 'ResolvedRefs'].map((type) => {
    const found = conditions.find((condition) => condition.type === type);
    if (found === undefined) return '-';
    return found.status === 'True' ? 'True' : found.reason;
  });
}
