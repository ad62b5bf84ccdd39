/** By the name of the header, in lower case. */
type Headers = Readonly<Record<string, string>>;

/** The three forms of a date in HTTP (RFC 9110, 5.6.7); a day of the week is what other texts that `Date` takes do not begin with. */
const DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .+$/;

/**
 * How long an answer wants its server not to be asked again (RFC 9110, 10.2.3), in milliseconds; null: it does not say. A date
 * is one of the server's clock: what that says now counts, and not ours.
 */
export function retryAfterMs({ 'retry-after': wanted = '', date = '' }: Headers): number | null {
  if (/^\d+$/.test(wanted)) return Number(wanted) * 1_000;
  const untilMs = dateMs(wanted);
  return untilMs === null ? null : Math.max(0, untilMs - (dateMs(date) ?? Date.now()));
}

function dateMs(text: string): number | null {
  if (!DATE.test(text)) return null;
  // The oldest form says no zone, and means this one.
  const ms = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(ms) ? null : ms;
}
