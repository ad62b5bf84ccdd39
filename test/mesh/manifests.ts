/** Manifests of one line or two, so that a test reads as a list of what is in the mesh. */
export function service(
  name: string,
  namespace: string,
  more = '',
  ports = '[{name: http, port: 80}]',
): string {
  const spec = `{selector: {app: ${name}}, ports: ${ports}${more}}`;
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n---\n`;
}

export function workload(
  name: string,
  namespace: string,
  address: string,
  labels: string,
  more = '',
): string {
  const spec = `{address: ${address}, labels: {${labels}}${more}}`;
  return istio('WorkloadEntry', name, namespace, spec);
}

export function entry(name: string, namespace: string, host: string, more = ''): string {
  const ports = 'ports: [{number: 80, name: http, protocol: HTTP}]';
  return istio('ServiceEntry', name, namespace, `{hosts: ["${host}"], resolution: DNS, ${ports}${more}}`);
}

export function subsets(name: string, namespace: string, host: string, ...names: readonly string[]): string {
  const list = names.map((subset) => `{name: ${subset}, labels: {version: ${subset}}}`);
  return istio('DestinationRule', name, namespace, `{host: ${host}, subsets: [${list.join(', ')}]}`);
}

export function routes(name: string, namespace: string, host: string, http: string): string {
  return istio('VirtualService', name, namespace, `{hosts: ["${host}"], http: ${http}}`);
}

/** Endpoints of a Service, each in flow style; its port is `http` on 8080. */
export function slice(
  name: string,
  namespace: string,
  owner: string,
  endpoints: readonly string[],
  { ports = '[{name: http, port: 8080}]', family = 'IPv4' } = {},
): string {
  const labels = `{kubernetes.io/service-name: ${owner}}`;
  const head = `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: ${family}`;
  const metadata = `metadata: {name: ${name}, namespace: ${namespace}, labels: ${labels}}`;
  return `${head}\n${metadata}\nendpoints: [${endpoints.join(', ')}]\nports: ${ports}\n---\n`;
}

/** One rule to one host. */
export function to(host: string, more = ''): string {
  return `[{route: [{destination: {host: ${host}${more}}}]}]`;
}

export function istio(kind: string, name: string, namespace: string, spec: string): string {
  const head = `apiVersion: networking.istio.io/v1\nkind: ${kind}`;
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n---\n`;
}

/** An HTTPRoute; its parents and rules as they are written in flow style. */
export function httpRoute(name: string, namespace: string, parents: string, rules: string): string {
  const head = 'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute';
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {parentRefs: [${parents}], rules: ${rules}}\n---\n`;
}

/** A Service as the parent of an HTTPRoute. */
export function parent(name: string, more = ''): string {
  return `{group: "", kind: Service, name: ${name}${more}}`;
}

/** A gateway with one HTTP server; hosts as a YAML list. */
export function gateway(name: string, namespace: string, hosts: string, more = '', number = 80): string {
  const server = `{port: {number: ${number}, name: http, protocol: HTTP}, hosts: ${hosts}${more}}`;
  return istio('Gateway', name, namespace, `{selector: {app: edge}, servers: [${server}]}`);
}

/** A routing that is bound to gateways. */
export function bound(name: string, namespace: string, host: string, gateways: string, http: string): string {
  return istio(
    'VirtualService',
    name,
    namespace,
    `{hosts: ["${host}"], gateways: ${gateways}, http: ${http}}`,
  );
}

/** A manifest of the Gateway API; its spec in flow style. */
export function gatewayApi(kind: string, name: string, namespace: string, spec: string): string {
  const head = `apiVersion: gateway.networking.k8s.io/v1\nkind: ${kind}`;
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: ${spec}\n---\n`;
}

/** A Gateway of the Gateway API; its listeners in flow style. */
export function apiGateway(name: string, namespace: string, ...listeners: readonly string[]): string {
  const spec = `{gatewayClassName: fairlead, listeners: [${listeners.join(', ')}]}`;
  return gatewayApi('Gateway', name, namespace, spec);
}

/** An HTTP listener. */
export function listener(name: string, more = '', port = 80): string {
  return `{name: ${name}, port: ${port}, protocol: HTTP${more}}`;
}

/** An HTTPRoute with hostnames. */
export function hostRoute(
  name: string,
  namespace: string,
  parents: string,
  hosts: string,
  rules: string,
): string {
  const hostnames = hosts === '' ? '' : `hostnames: [${hosts}], `;
  return gatewayApi('HTTPRoute', name, namespace, `{parentRefs: [${parents}], ${hostnames}rules: ${rules}}`);
}

/** Istio's Telemetry; `spec` without its braces. */
export function telemetry(name: string, namespace: string, spec: string): string {
  const head = 'apiVersion: telemetry.istio.io/v1\nkind: Telemetry';
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${spec}}\n---\n`;
}

/** Fairlead's RateLimit; `spec` without its braces. */
export function rateLimit(name: string, namespace: string, spec: string): string {
  const head = 'apiVersion: fairlead.dev/v1alpha1\nkind: RateLimit';
  return `${head}\nmetadata: {name: ${name}, namespace: ${namespace}}\nspec: {${spec}}\n---\n`;
}
