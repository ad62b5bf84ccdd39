import { InvalidArgumentError, Option } from 'commander';
import { durationMs } from '../manifests/index.ts';

/** `--timeout 30s`, in milliseconds. */
export function timeoutOption(description: string): Option {
  return new Option('--timeout <duration>', description).argParser(milliseconds).default(60_000, '1m');
}

/** What an option such as `30s` says; for `argParser`. */
export function milliseconds(text: string): number {
  const ms = /^([0-9]+(ms|s|m|h))+$/.test(text) ? durationMs(text) : 0;
  if (ms > 0) return ms;
  throw new InvalidArgumentError('write a duration such as 30s or 5m');
}
