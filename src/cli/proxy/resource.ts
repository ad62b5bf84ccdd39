/** What a server sends, in the order of sending. */
export const SENT = ['cluster', 'endpoint', 'listener', 'route'] as const;
/** The kinds of `proxy-config`: an Envoy may have others from elsewhere. */
export const KINDS = [...SENT, 'secret', 'ecds'] as const;
export type Kind = (typeof KINDS)[number];

export const TYPE_URLS: Readonly<Record<Kind, string>> = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  ecds: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
};

/** Null: of another type. */
export function kindOf(typeUrl: string | null): Kind | null {
  return KINDS.find((kind) => TYPE_URLS[kind] === typeUrl) ?? null;
}

/** Where a part of a resource is written; `document` as in `VirtualService/ns/name`. */
export type Place = {
  readonly scope: string;
  readonly document: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
};

/** One resource of one proxy, from a server or from an Envoy. */
export type ProxyResource = {
  readonly kind: Kind;
  readonly name: string;
  /** As the server says, or of an Envoy: `static`, `active`, `warming` …. */
  readonly state: string;
  readonly message: string | null;
  readonly version: string;
  /** Empty where an Envoy was asked: it knows the document, not the line. */
  readonly sources: readonly Place[];
  /** Proto3 JSON with the field names of Envoy's documentation. */
  readonly resource: Fields;
  /** Of endpoints, `address:port` of those that its outlier detection has ejected; only an Envoy itself knows. */
  readonly ejected?: readonly string[];
};

export type Fields = Readonly<Record<string, unknown>>;

/** What stands at a path of an Envoy's JSON, or undefined: nothing of it is taken for granted. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, step) => (isFields(inner) ? inner[step] : undefined), value);
}

export function textAt(value: unknown, ...path: readonly string[]): string | null {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : null;
}

export function listAt(value: unknown, ...path: readonly string[]): readonly Fields[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isFields) : [];
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `127.0.0.1:8080` of an Address message, and its halves. */
export function socketOf(address: unknown): { readonly address: string; readonly port: string } {
  const pipe = textAt(address, 'pipe', 'path');
  if (pipe !== null) return { address: pipe, port: '-' };
  const port = at(address, 'socket_address', 'port_value');
  return { address: textAt(address, 'socket_address', 'address') ?? '-', port: String(port ?? 0) };
}

/** `name.namespace` of the first document of one of `kinds`, as istioctl writes it; empty: there is none. */
export function nameIn(documents: readonly string[], kinds: readonly string[]): string {
  for (const document of documents) {
    const [kind = '', namespace, name] = document.split('/');
    if (kinds.includes(kind)) return `${name}.${namespace}`;
  }
  return '';
}

/** What Istio's own control plane says a resource is from: `/apis/networking.istio.io/v1/namespaces/shop/virtual-service/cart`. */
export function istioDocument(value: unknown): readonly string[] {
  const said = textAt(value, 'metadata', 'filter_metadata', 'istio', 'config') ?? '';
  const [, namespace, kind = '', name] = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(said) ?? [];
  return name === undefined
    ? []
    : [
        `${kind.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}/${namespace}/${name}`,
      ];
}

/** `{scope, source}` of the provenance in band (`formats.md`); null where a resource is nobody's. */
export function provenanceOf(value: unknown): { readonly scope: string; readonly document: string } | null {
  const scope = textAt(value, 'metadata', 'filter_metadata', 'fairlead', 'scope');
  const document = textAt(value, 'metadata', 'filter_metadata', 'fairlead', 'source');
  return scope === null || document === null ? null : { scope, document };
}
