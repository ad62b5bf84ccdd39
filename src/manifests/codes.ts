/** What a problem of this room is called in `docs/problems.md`, and what to do about it where nothing better is known. */
export const codes = {
  FL2001: { title: 'not UTF-8', fix: 'save the file as UTF-8' },
  FL2002: { title: 'not well-formed', fix: 'correct the syntax here' },
  FL2003: { title: 'key given twice', fix: 'keep one of the two' },
  FL2004: { title: 'YAML anchor or alias', fix: 'write the value out where it is used' },
  FL2005: { title: 'YAML tag', fix: 'remove the tag; quote the value if it must be text' },
  FL2006: { title: 'YAML merge key', fix: 'write the merged keys out' },
  FL2007: { title: 'file too large', fix: 'split it into files of at most 1 MiB' },
  FL2008: { title: 'nested too deeply', fix: 'nest at most 64 levels' },
  FL2009: { title: 'too many documents in a file', fix: 'keep at most 1000 documents in one file' },
  FL2010: { title: 'document is not a mapping', fix: 'start it with apiVersion, kind and metadata' },
  FL2011: { title: 'key is not text', fix: 'quote the key' },
  FL2012: { title: 'number out of range', fix: 'quote it, or write a number that JSON can hold' },
  FL2013: { title: 'YAML directive', fix: 'remove it: manifests are YAML 1.2' },
  FL2014: {
    title: 'read differently by YAML 1.1 tools',
    fix: 'quote the value if it is text, else write true, false or a plain number',
  },
  FL2101: { title: 'apiVersion or kind missing', fix: 'add it' },
  FL2102: { title: 'kind unknown to a mesh', fix: 'keep it outside the mesh path' },
  FL2103: { title: 'apiVersion unknown for the kind', fix: 'write one that Fairlead reads' },
  FL2104: {
    title: 'known, but not honoured yet',
    fix: 'remove it; Fairlead would otherwise serve something else than it says',
  },
  FL2105: { title: 'unknown field', fix: 'remove it' },
  FL2106: { title: 'required field missing', fix: 'add it' },
  FL2107: { title: 'wrong type', fix: 'write a value of the right type' },
  FL2108: { title: 'value is not one of those allowed', fix: 'write an allowed value' },
  FL2109: { title: 'malformed value', fix: 'write it in the form that the problem names' },
  FL2110: {
    title: 'malformed duration',
    fix: 'write a duration with its unit, at least 1ms: 250ms, 1.5s, 1m30s',
  },
  FL2111: { title: 'port out of range', fix: 'write a port from 1 to 65535' },
  FL2112: { title: 'metadata.name missing', fix: 'give the resource a name' },
  FL2113: {
    title: 'governance file out of place',
    fix: 'Scope stands only in scope.yaml and Delegations only in delegations.yaml of a scope',
  },
  FL2114: {
    title: 'kind known, but not honoured yet',
    fix: 'keep it outside the mesh path until Fairlead honours it',
  },
  FL2115: {
    title: 'plaintext secret',
    fix: 'delete it from git and replace its value everywhere; keep it in the cluster or a secret store, and name it from here',
  },
  FL2116: { title: 'older apiVersion', fix: 'write the newest one that the kind has' },
  FL2201: { title: 'weights add up to nothing', fix: 'give at least one destination a weight above 0' },
  FL2202: { title: 'resource given twice', fix: 'keep one of them; until then none is served' },
  FL2203: {
    title: 'namespace not owned by the scope',
    fix: 'use a namespace that the scope owns, or add it to owns.namespaces',
  },
  FL2204: { title: 'port given twice', fix: 'give each port its own number and name' },
  FL2205: { title: 'several ports without names', fix: 'name each port' },
  FL2206: { title: 'endpoints and workloadSelector', fix: 'keep one of the two' },
  FL2207: {
    title: 'resolution does not fit',
    fix: 'change the resolution, or the hosts, addresses and endpoints',
  },
  FL2208: {
    title: 'malformed address',
    fix: 'write an IP address, or a host name where the resolution is DNS',
  },
  FL2209: { title: 'port name unknown', fix: 'use the name of a port of the service entry' },
  FL2210: { title: 'destination without a weight', fix: 'give every destination of the route a weight' },
  FL2211: {
    title: 'not an RE2 expression',
    fix: 'correct it: RE2 has neither look-around nor back-references',
  },
  FL2212: { title: 'given twice', fix: 'keep one of the two' },
  FL2213: { title: 'host not usable here', fix: 'name a host, or a wildcard such as *.example.com' },
  FL2214: { title: 'service entry without endpoints', fix: 'add endpoints or a workloadSelector' },
  FL2215: { title: 'route never reached', fix: 'move the route without a match to the end' },
  FL2220: { title: 'only one of these', fix: 'keep one of them' },
  FL2221: { title: 'field without effect', fix: 'remove it' },
  FL2222: { title: 'redirect to the same place', fix: 'add uri, authority, scheme, port or derivePort' },
  FL2223: {
    title: 'header that cannot be changed here',
    fix: 'set the host by :authority or host of a request, and the path by rewrite',
  },
  FL2224: { title: 'fault without a percentage', fix: 'say for which percentage of the requests it is' },
  FL2230: {
    title: 'hostnames of a route for Services',
    fix: 'remove them: the parents say which requests the route is for',
  },
  FL2231: { title: 'filter that does not fit its type', fix: 'give it the field of its type, and no other' },
  FL2232: { title: 'no prefix to replace', fix: 'match a PathPrefix in every match of the rule' },
  FL2233: {
    title: 'filter not honoured yet',
    fix: 'remove it, if the requests may pass without it',
  },
  FL2240: { title: 'several where one counts', fix: 'keep one of them' },
  FL2241: {
    title: 'consistent hash of nothing',
    fix: 'name a header, a cookie or a query parameter, or write useSourceIp: true',
  },
  FL2242: { title: 'size is not prime', fix: 'write a prime of at most 5000011, such as 65537' },
  FL2243: {
    title: 'load balancer cannot warm up',
    fix: 'use LEAST_REQUEST or ROUND_ROBIN, or remove the warmup',
  },
  FL2244: { title: 'setting without effect', fix: 'remove it, or add what it needs' },
  FL2245: {
    title: 'endpoint slice of no Service',
    fix: 'add the label kubernetes.io/service-name with the name of the Service',
  },
  FL2246: {
    title: 'address of no endpoint',
    fix: 'write the address by which other machines reach it, or use a WorkloadEntry',
  },
  FL2247: { title: 'shares do not add up', fix: 'write percents that add up to 100' },
  FL2248: { title: 'localities overlap', fix: 'name each locality once' },
  FL2260: { title: 'Gateway named mesh', fix: 'give it another name' },
  FL2261: {
    title: 'match for a gateway of no concern',
    fix: 'add the gateway to spec.gateways, or remove it here',
  },
  FL2262: { title: 'SNI of another host', fix: 'name hosts of spec.hosts, or add the host there' },
  FL2263: {
    title: 'more than a delegate may say',
    fix: 'give it hosts, or leave this to the VirtualService that delegates',
  },
  FL2270: { title: 'listener for the rest not last', fix: 'move the listener without a port to the end' },
  FL2280: {
    title: 'setting that is not ours',
    fix: 'nothing: it counts for the installation of Istio, not for proxies here',
  },
  FL2281: {
    title: 'setting that Envoy does not know',
    fix: 'nothing, if what comes closest will do; else remove it',
  },
  FL2282: {
    title: 'metric that no proxy counts',
    fix: 'nothing, if proxies may count as without it; else remove it',
  },
  FL2283: {
    title: 'tag that is not CEL',
    fix: 'correct the expression; CEL has no default values',
  },
  FL2284: {
    title: 'provider that is not there',
    fix: 'define it in extensionProviders, or correct its name',
  },
  FL2285: {
    title: 'setting not honoured yet',
    fix: 'nothing, if proxies may behave as without it; else remove it',
  },
  FL2286: {
    title: 'not CEL for Envoy',
    fix: "correct the expression, such as response.code >= 400 && request.headers['x-test'] == 'a'",
  },
  FL2287: {
    title: 'malformed log format',
    fix: "use Envoy's operators, such as %RESPONSE_CODE%; %% is a percent sign",
  },
  FL2290: {
    title: 'type that Envoy does not have',
    fix: 'correct the @type, or write a udpa.type.v1.TypedStruct for an extension of your own build',
  },
  FL2291: { title: 'operation that does nothing here', fix: 'write one that does' },
  FL2292: { title: 'everything replaced', fix: 'match the name of what is to be replaced' },
  FL2293: {
    title: 'default value in a MERGE',
    fix: 'remove it; where it is to be set, use an operation that replaces the whole',
  },
  FL2294: {
    title: 'resource that has no place in a sidecar',
    fix: 'keep a Listener with one filter chain, and the RouteConfigurations and Clusters that it names',
  },
  FL2295: {
    title: 'name that leads nowhere',
    fix: 'name a resource of the manifest, or the Service itself as namespace/name',
  },
  FL2296: { title: 'Listener without filters', fix: 'add filter_chains, or remove the manifest' },
  FL2297: {
    title: 'Service or Gateway of another namespace',
    fix: 'put the manifest into its namespace',
  },
  FL2298: { title: 'said to waypoints', fix: 'nothing, if it may wait; else say it to sidecars or gateways' },
} as const;

export type Code = keyof typeof codes;
