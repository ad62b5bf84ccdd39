/**
 * Drives the pipeline: fetch → verify → load → build → translate and publish → report, one repository per key.
 *
 * Guarantees: it is level-based (a run reads the world as it is, whatever made it run); what is served never goes
 * backwards (G9) and is on the disk as a witness before it is served (G20); a scope, a document, a proxy or a
 * repository that fails leaves the others as they are; after a restart the last followed tip is served before any
 * remote answers. Refuses a witness that it cannot read, or that is of another pin: an operator decides.
 */
export { type Brake, createBrake } from './brake.ts';
export { type Clock, systemClock } from './clock.ts';
export { type DataFolder, inspectDataFolder, openDataFolder } from './data-folder.ts';
export { nodeFiles } from './files.ts';
export { createLoop, type RepositoryLoop } from './loop.ts';
export type { LoopObserver } from './observer.ts';
export { openQueue } from './open-queue.ts';
export { openReplicas } from './open-replicas.ts';
export { renewOperatorToken } from './operator-token.ts';
export { readPin } from './pin.ts';
export { proxyConfig } from './proxy-config.ts';
export { createPublisher } from './publisher.ts';
export type { RedisServer } from './redis/connection.ts';
export { inspectRedis } from './redis/inspect.ts';
export type { ReplicaQueue } from './redis/replica-queue.ts';
export { createServed, type Served } from './serve.ts';
export type { RepositoryStatus } from './status.ts';
