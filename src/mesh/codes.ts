/** What a problem of this room is called in `docs/problems.md`, and what to do about it where nothing better is known. */
export const codes = {
  FL3101: {
    title: 'namespace owned by another scope',
    fix: 'move the manifest to the scope that owns the namespace',
  },
  FL3102: {
    title: 'host owned by another scope',
    fix: 'ask its owner for the change, or use a host that this scope owns',
  },
  FL3103: {
    title: 'wildcard reaches hosts of other scopes',
    fix: 'use a narrower wildcard or the hosts themselves',
  },
  FL3104: {
    title: 'host that nobody owns',
    fix: 'nothing, if only this scope needs it; else have it added to owns.hosts',
  },
  FL3106: { title: 'virtual address claimed twice', fix: 'give each service an address of its own' },
  FL3201: { title: 'host defined twice', fix: 'keep one of them; until then none is served' },
  FL3202: { title: 'two routings for one host', fix: 'merge them into one; until then none is honoured' },
  FL3203: { title: 'subset defined twice', fix: 'keep one of them; until then none is honoured' },
  FL3301: { title: 'unknown host', fix: 'correct the host, or define a service for it' },
  FL3302: {
    title: 'unknown subset',
    fix: 'add the subset to a DestinationRule of the host, or correct its name',
  },
  FL3303: { title: 'unknown port', fix: 'name a port that the host has' },
  FL3304: { title: 'workload cannot serve the port', fix: 'add the port to spec.ports of the workload' },
  FL3305: {
    title: 'workload has no IP address',
    fix: 'give it an IP address, or let a service with resolution DNS select it',
  },
  FL3306: {
    title: 'several endpoints for one name',
    fix: 'let it select one workload, or write resolution DNS; until then nothing answers',
  },
  FL3310: { title: 'two routes with one match', fix: 'merge them into one; until then neither is honoured' },
  FL3311: {
    title: 'backend of another namespace',
    fix: 'add a ReferenceGrant to its namespace, or name a Service of the namespace of the route',
  },
  FL3312: {
    title: 'HTTP rules for what speaks none',
    fix: 'name a port http, or give it appProtocol http, if it speaks HTTP; else remove the rules',
  },
  FL3313: {
    title: 'TCP or TLS rules for what speaks neither',
    fix: 'name a port tcp or tls, if it speaks that; else remove the rules',
  },
  FL3320: { title: 'two traffic policies for one host', fix: 'merge them; until then none is honoured' },
  FL3321: { title: 'port settings without the port', fix: 'name a port that the host has' },
  FL3322: {
    title: 'endpoint slice of an unknown Service',
    fix: 'correct the label kubernetes.io/service-name, or define the Service in this namespace',
  },
  FL3323: { title: 'slice port that the Service lacks', fix: "use the name of one of the Service's ports" },
  FL3324: { title: 'Service port that no slice has', fix: 'add a port of that name to the slice' },
  FL3325: {
    title: 'subset without endpoints',
    fix: 'add the Pods that the slice names, or a WorkloadEntry with labels in place of each endpoint',
  },
  FL3326: { title: 'load balancer without effect', fix: 'remove it, or give the host endpoints' },
  FL3327: { title: 'outlier detection without effect', fix: 'raise maxEjectionPercent' },
  FL3328: {
    title: 'failover without outlier detection',
    fix: 'add outlierDetection: only it tells who fails',
  },
  FL3329: { title: 'tunnel for HTTP', fix: 'name the port tcp or tls, or remove the tunnel' },
  FL3330: { title: 'unknown gateway', fix: 'correct the name, or define the Gateway' },
  FL3331: { title: 'host offered twice', fix: 'keep one of them; until then none is honoured' },
  FL3332: {
    title: 'host without a gateway that serves it',
    fix: 'have the Gateway offer the host, or remove the gateway here',
  },
  FL3333: {
    title: 'port opened in ways that nothing tells apart',
    fix: 'use a port of its own for each',
  },
  FL3334: {
    title: 'unknown listener',
    fix: 'correct sectionName or port, or add the listener to the Gateway',
  },
  FL3335: {
    title: 'route that the listener does not take',
    fix: 'have allowedRoutes of the listener admit it, or attach it to another',
  },
  FL3336: {
    title: 'Gateway of another controller',
    fix: 'nothing, if another serves it; else write gatewayClassName: fairlead',
  },
  FL3337: { title: 'routes of two kinds for one host', fix: 'keep HTTPRoutes or GRPCRoutes of the host' },
  FL3338: {
    title: 'gRPC to a port without HTTP/2',
    fix: 'name the port grpc or http2-…, or write appProtocol: kubernetes.io/h2c',
  },
  FL3339: {
    title: 'listener that is not served',
    fix: 'remove it, or what keeps it from being served; other listeners are not touched',
  },
  FL3340: {
    title: 'unknown delegate',
    fix: 'name a VirtualService without hosts that is exported to this namespace',
  },
  FL3341: {
    title: 'delegate of nobody',
    fix: 'name it as the delegate of another VirtualService, or give it hosts',
  },
  FL3342: {
    title: "delegate's route for no request",
    fix: 'match what the VirtualService that delegates matches, or less; expressions are compared with nothing',
  },
  FL3343: {
    title: 'delegate of another scope',
    fix: 'ask the scope of the delegate to change it, or hand nothing on to it',
  },
  FL3350: { title: 'two Sidecars for one workload', fix: 'keep one of them; until then none is honoured' },
  FL3351: { title: 'two MeshConfigs of one scope', fix: 'keep one of them; until then none is honoured' },
  FL3352: { title: 'two Telemetries for one workload', fix: 'merge them; until then none is honoured' },
  FL3353: {
    title: 'unknown provider',
    fix: 'define it in extensionProviders of the MeshConfig, or correct its name',
  },
  FL3360: {
    title: 'two EnvoyFilters that contradict each other',
    fix: 'give them different priorities, or keep one of them; until then none is honoured',
  },
  FL3361: { title: 'filters of an unknown service', fix: 'name a Service of the same namespace' },
  FL3362: {
    title: 'two CiliumEnvoyConfigs of one service',
    fix: 'keep one of them for each port; until then none is honoured',
  },
  FL3363: {
    title: 'too many limits for a workload',
    fix: 'give fewer or shorter rules, or select other workloads',
  },
  FL3401: {
    title: 'rule never reached',
    fix: 'move it before the rule that takes its requests, or narrow that one',
  },
  FL3402: { title: 'selector that selects nothing', fix: 'correct the labels' },
  FL3403: { title: 'subset that selects nothing', fix: 'correct the labels of the subset' },
  FL3404: {
    title: 'merged where Istio would not',
    fix: 'nothing; or write one VirtualService for the mesh, which Istio and Fairlead read alike',
  },
  FL3410: {
    title: 'configuration of proxies changed by hand',
    fix: 'use another kind where one does the same; else try it after each upgrade',
  },
  FL3411: {
    title: 'patch that changes nothing',
    fix: 'compare its match with what the proxies hear (fairlead translate -f)',
  },
} as const;

export type Code = keyof typeof codes;

/** Codes of what is honoured, but perhaps not as its author expects. */
export const warnings: ReadonlySet<Code> = new Set([
  'FL3104',
  'FL3106',
  'FL3312',
  'FL3313',
  'FL3325',
  'FL3326',
  'FL3327',
  'FL3328',
  'FL3329',
  'FL3336',
  'FL3338',
  'FL3339',
  'FL3341',
  'FL3342',
  'FL3343',
  'FL3353',
  'FL3401',
  'FL3402',
  'FL3403',
  'FL3404',
  'FL3410',
  'FL3411',
]);
