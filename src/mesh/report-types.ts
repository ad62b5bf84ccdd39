import type { Origin } from './types.ts';

/** Which end of the traffic a proxy reports: what its workload sends, or what it gets. */
export type Side = 'client' | 'server';

/** Of a line; null: the default, of a text or of an object. */
export type LineFormat =
  | { readonly how: 'text'; readonly text: string | null }
  | { readonly how: 'json'; readonly fields: Readonly<Record<string, unknown>> | null };

/** Writes a line about each request and connection to a file of the proxy's machine. */
type FileReporter = {
  readonly reports: 'lines';
  readonly writes: 'file';
  readonly name: string;
  readonly path: string;
  readonly format: LineFormat;
  /** What has no value: written as `-`, or not at all. */
  readonly empty: 'written' | 'left-out';
};

/** A service of the mesh that takes reports. */
export type Collector = {
  readonly host: string;
  /** The only namespace that the service may be of; null: any. */
  readonly namespace: string | null;
  readonly port: number;
};

/** Sends what it knows of each request, or of each connection, to a collector (Envoy's access log service). */
export type SendingReporter = Collector & {
  readonly reports: 'lines';
  readonly writes: 'requests' | 'connections';
  readonly name: string;
  /** What the lines are called there; null: the default. */
  readonly logName: string | null;
  /** Of the state of filters, and of headers, what is sent besides. */
  readonly more: {
    readonly states: readonly string[];
    readonly requestHeaders: readonly string[];
    readonly responseHeaders: readonly string[];
    readonly responseTrailers: readonly string[];
  };
};

export type LineReporter = FileReporter | SendingReporter;

/** Sends spans to a collector, which is a service of the mesh. */
export type SpanReporter = Collector & {
  readonly reports: 'spans';
  readonly name: string;
  readonly speaks: 'zipkin' | 'otlp-grpc' | 'otlp-http' | 'datadog' | 'skywalking';
  /** Null: the default of what it speaks. */
  readonly path: string | null;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly timeoutMs: number | null;
  /** Shown to the collector; null: nothing is. */
  readonly token: string | null;
  /** Where else it is said who sends the spans. */
  readonly detects: 'environment' | null;
  /** Whether ids of traces have 128 bits. */
  readonly hasLongIds: boolean;
  /** Most characters of a path in a span; null: the default. */
  readonly maxPathLength: number | null;
};

/** Counts in the proxy's own statistics, for whoever reads them there. */
export type MetricReporter = { readonly reports: 'metrics'; readonly name: string };

export type Reporter = LineReporter | SpanReporter | MetricReporter;

/** What is counted of requests, then of connections. */
export type Metric =
  | 'requests'
  | 'durations'
  | 'request-sizes'
  | 'response-sizes'
  | 'opened-connections'
  | 'closed-connections'
  | 'sent-bytes'
  | 'received-bytes';

/** What a metric is told apart by: an expression (CEL) over what is reported; null: not by that. */
export type MetricTag = { readonly name: string; readonly value: string | null };

/** What a span says besides; a header or a variable of the proxy may be missing, and then has its default. */
export type SpanTag = { readonly name: string } & (
  | { readonly from: 'literal'; readonly value: string }
  /** With operators, as a line. */
  | { readonly from: 'format'; readonly text: string }
  | { readonly from: 'header' | 'environment'; readonly key: string; readonly otherwise: string }
);

/** What the proxies of a scope report where nothing more is said. */
export type ReportSettings = {
  readonly reporters: readonly Reporter[];
  /** Names of reporters. */
  readonly defaults: {
    readonly lines: readonly string[];
    readonly spans: readonly string[];
    /** Null: nobody says. */
    readonly metrics: readonly string[] | null;
  };
  /** Where neither a manifest nor `defaults` names one; null: there are no lines. */
  readonly lines: LineReporter | null;
  readonly spans: {
    /** Likewise. */
    readonly reporter: SpanReporter | null;
    readonly percent: number;
    readonly tags: readonly SpanTag[];
    readonly maxPathLength: number | null;
  };
};

/** Null: nothing is said. No names: those that were said before. */
export type LineRule = {
  readonly sides: readonly Side[];
  readonly reporters: readonly string[];
  /** Expression (CEL) over what is reported; null: all of it. */
  readonly condition: string | null;
  readonly isOff: boolean;
};

/** Null: nothing is said. */
export type SpanRule = {
  readonly sides: readonly Side[];
  readonly reporter: string | null;
  readonly isOff: boolean | null;
  readonly percent: number | null;
  readonly tags: readonly SpanTag[] | null;
  readonly goesByRequestId: boolean | null;
  readonly stopsHere: boolean | null;
};

/** No names: those that were said before. */
export type MetricRule = {
  readonly reporters: readonly string[];
  readonly changes: readonly MetricChange[];
};

export type MetricChange = {
  readonly sides: readonly Side[];
  readonly metrics: readonly Metric[];
  /** Null: nothing is said. */
  readonly isOff: boolean | null;
  readonly tags: readonly MetricTag[];
};

/** What the proxies of some workloads report. */
export type Reporting = {
  readonly namespace: string;
  /** Labels of the workloads; null: all of the namespace. */
  readonly selector: Readonly<Record<string, string>> | null;
  readonly lines: readonly LineRule[];
  readonly spans: readonly SpanRule[];
  readonly metrics: readonly MetricRule[];
  readonly origin: Origin;
};

/** What one proxy reports of one side. */
export type Reports = {
  readonly lines: readonly { readonly to: LineReporter; readonly condition: string | null }[];
  readonly spans: {
    readonly to: SpanReporter;
    /** Of the requests for which nobody decided before. */
    readonly percent: number;
    readonly tags: readonly SpanTag[];
    readonly maxPathLength: number | null;
    /** Whether the id of a request decides, where it does. */
    readonly goesByRequestId: boolean;
    /** Whether the headers of a trace go no further. */
    readonly stopsHere: boolean;
  } | null;
  /** Those that are counted, with what is another than usual. */
  readonly metrics: readonly { readonly metric: Metric; readonly tags: readonly MetricTag[] }[];
};
