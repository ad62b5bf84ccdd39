import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { TracerOptions } from './tracer.ts';

const STANDARD = 'parentbased_always_on';

const samplers: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  [STANDARD]: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
};

/** As `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say; what they say wrongly counts as not said, loudly. */
export function samplerOf(environment: TracerOptions['environment'], log: TracerOptions['log']): Sampler {
  const { OTEL_TRACES_SAMPLER: name = '', OTEL_TRACES_SAMPLER_ARG: argument = '' } = environment;
  const ratio = argument === '' ? 1 : Number(argument);
  const isRatio = ratio >= 0 && ratio <= 1;
  const make = Object.hasOwn(samplers, name === '' ? STANDARD : name)
    ? samplers[name === '' ? STANDARD : name]
    : undefined;
  if (make === undefined)
    log.warn(
      { OTEL_TRACES_SAMPLER: name, known: Object.keys(samplers) },
      `no such sampler: ${STANDARD} is used`,
    );
  if (!isRatio)
    log.warn({ OTEL_TRACES_SAMPLER_ARG: argument }, 'no ratio from 0 to 1: all traces are sampled');
  return (make ?? (() => new ParentBasedSampler({ root: new AlwaysOnSampler() })))(isRatio ? ratio : 1);
}
