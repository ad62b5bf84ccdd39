/**
 * What operators see of a server over time: metrics, events, and the traces of runs. Facts come from the status when
 * somebody asks, or through the observers of `reconcile` and `xds` when they happen; no stage knows of this room.
 *
 * Guarantees: nothing here changes or delays what is served; what is kept is bounded (series by the objects that there
 * are, events by a ring, spans by a queue); a label, event or span holds no secret.
 */
export { createLog } from './log.ts';
export { createTelemetry, type Telemetry } from './telemetry.ts';
export { openTracer } from './tracer.ts';
