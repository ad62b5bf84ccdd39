/** What can happen, as `GET /api/v1/events` names it; stable: programs go by it. docs/events.md says what each is. */
export const EVENT_TYPES = [
  ...['followed', 'refused', 'stale', 'failed', 'recovered'],
  ...['scope-added', 'scope-ended', 'accepted', 'held', 'released', 'health'],
  ...['suspended', 'resumed'],
  ...['connected', 'disconnected', 'nack'],
] as const;
