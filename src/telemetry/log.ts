import type { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Log } from '../base/log.ts';

/** Characters that wait for a reader who does not read. */
const MAX_WAITING = 1024 * 1024;

/**
 * JSON lines to a stream, whose errors somebody else hears. What a full disk or a reader that stands still does not take is
 * lost, and once there is room again the log says how many lines: a log that cannot be written stops nothing.
 */
export function createLog(stream: Pick<Writable, 'write' | 'writableLength'>): Log {
  let lost = 0;
  const written = (error?: Error | null) => {
    if (error) lost += 1;
    else if (lost > 0) tell();
  };
  const write = (line: string) => {
    if (stream.writableLength > MAX_WAITING) lost += 1;
    // A full disk may have taken the beginning of the line before.
    else stream.write(lost > 0 ? `\n${line}` : line, written);
  };
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write });
  const tell = () => {
    const lines = lost;
    lost = 0;
    log.warn({ lines }, 'lines of this log were lost: it could not be written');
  };
  return log;
}
