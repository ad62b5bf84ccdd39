import fc from 'fast-check';
import { is, some, type Value } from './istio-documents.ts';

/** Right specs of Istio's Telemetry and ProxyConfig. */

const labels = is({ app: 'cart' }, { app: 'cart', version: 'v1' });
const match = is({ mode: 'CLIENT' }, { mode: 'SERVER' }, { mode: 'CLIENT_AND_SERVER' });
const providers = is([{ name: 'envoy' }], [{ name: 'otel' }]);
const list = (value: Value): Value => fc.tuple(value).map((all): unknown => all);

const tags = is(
  { a: { literal: { value: 'b' } } },
  { a: { formatter: { value: '%PROTOCOL%' } } },
  { a: { header: { name: 'x-a', defaultValue: 'c' } }, d: { environment: { name: 'E', defaultValue: '' } } },
);

export const telemetries: Value = some(
  {
    selector: some({ matchLabels: labels }, 'matchLabels'),
    accessLogging: list(
      some({
        match,
        providers,
        disabled: is(true, false),
        filter: is({ expression: 'response.code >= 400' }, { expression: "request.headers['a'] == 'b'" }),
      }),
    ),
    tracing: list(
      some({
        match,
        providers,
        randomSamplingPercentage: is(0, 1.5, 100),
        disableSpanReporting: is(true, false),
        customTags: tags,
        enableIstioTags: is(true, false),
        useRequestIdForTraceSampling: is(true, false),
        disableContextPropagation: is(true, false),
      }),
    ),
    metrics: list(
      some({
        providers,
        overrides: list(
          some({
            match: is({ metric: 'REQUEST_COUNT', mode: 'SERVER' }, { metric: 'ALL_METRICS' }),
            disabled: is(true, false),
            tagOverrides: is(
              { a: { operation: 'REMOVE' } },
              { a: { operation: 'UPSERT', value: 'request.host' } },
            ),
          }),
        ),
        reportingInterval: is('5s', '1m30s'),
      }),
    ),
  },
  'accessLogging',
);

export const proxyConfigs: Value = some(
  {
    selector: some({ matchLabels: labels }, 'matchLabels'),
    concurrency: is(0, 2),
    environmentVariables: is({ A: 'b' }, { A: 'b', C: '' }),
    image: is({ imageType: 'distroless' }),
  },
  'concurrency',
);
