/** What one stream can make this server remember or work on. Everything over a limit ends that stream alone. */
export const limits = {
  /** Bytes of one request: a reconnect lists every version that the client has, and 50,000 of them exceed gRPC's 4 MiB. */
  messageBytes: 64 * 1024 * 1024,
  /** More types than Envoy has. */
  types: 64,
  /** Names asked for or brought along, over all types. */
  names: 200_000,
  /** UTF-16 units of one name; Envoy's and xdstp names stay far below. */
  nameLength: 4_096,
  /** UTF-16 units of the client's words about a refusal; the rest is cut. */
  errorLength: 4_096,
  /**
   * Responses of one type on their way, each of which keeps what it held. Nobody has to be sent more who answers none: the
   * next one is the newest.
   */
  unanswered: 10,
  /** Of one answer of CSDS, about. */
  statusBytes: 64 * 1024 * 1024,
} as const;
