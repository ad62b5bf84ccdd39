import {
  commit,
  component,
  count,
  duration,
  list,
  oneOf,
  orNull,
  record,
  ref,
  type Schema,
  said,
  text,
  time,
} from './words.ts';

const STATUS = oneOf('True', 'False', 'Unknown');
const CONDITIONS = [
  'Ready',
  'SourceVerified',
  'QuorumMet',
  'Valid',
  'Translated',
  'Distributed',
  'Suspended',
  'Witnessed',
];

const apiConditions = list(record({ type: text, status: STATUS, reason: text, message: text }));
const about: Readonly<Record<string, Schema>> = { namespace: text, name: text, uid: text };
const parentRef = record({ kind: text, namespace: text, name: text, sectionName: text, port: count }, [
  'sectionName',
  'port',
]);

/** What is in force of a repository (`scope` null) or a scope. */
export const suspension: Readonly<Record<string, Schema>> = {
  repository: text,
  scope: orNull(record({ uid: text, path: text, digest: text, seq: count })),
  state: oneOf('Suspended', 'Resumed'),
  reason: text,
  by: text,
  atMs: time,
  untilMs: orNull(time),
  id: text,
};

/** How repositories and scopes are. */
export const status = [
  component(
    'Condition',
    'In the manner of kstatus: `reason` is one word for programs, `message` a sentence for people.',
    record({
      type: oneOf(...CONDITIONS),
      status: STATUS,
      reason: text,
      message: text,
      observedRevision: orNull(commit),
      lastTransitionMs: said(
        'When the status became what it is, as this process saw it, in milliseconds since the epoch.',
        time,
      ),
    }),
  ),
  component(
    'Revisions',
    'What is served is always verified, and what was verified was attempted. Null: not yet.',
    record({
      attempted: said('The last that was offered, whatever came of it.', orNull(text)),
      verified: said(
        'The last that was followed; of a scope, with which a change of it was accepted.',
        orNull(text),
      ),
      applied: said('The one that is served.', orNull(text)),
    }),
  ),
  component(
    'Timeline',
    'When a change passed each stage. Null: not yet, or not in this process.',
    record({
      revision: commit,
      trace: said('Of the run that found it.', orNull(text)),
      startedMs: orNull(time),
      fetchedMs: orNull(time),
      verifiedMs: orNull(time),
      translatedMs: orNull(time),
      pushedMs: orNull(time),
      push: said('A proxy has it all once its `fullyAcked.push` is not lower.', orNull(count)),
      ackedMs: orNull(time),
    }),
  ),
  component(
    'Brake',
    'Who has stopped changes, and until when. Null: until somebody resumes.',
    record({ reason: text, by: text, atMs: time, untilMs: orNull(time) }),
  ),
  component(
    'Problem',
    'A mistake in a manifest; `docs/problems.md` has the codes.',
    record({
      code: said('`FL` and four digits.'),
      severity: oneOf('error', 'warning'),
      message: text,
      fix: text,
      file: said('Relative to the mesh path.'),
      line: count,
      column: count,
    }),
  ),
  component(
    'GatewayApiStatus',
    'What Kubernetes is to be told of a resource of the Gateway API; `uid` is that of its scope.',
    {
      oneOf: [
        record({
          kind: oneOf('Gateway'),
          ...about,
          conditions: apiConditions,
          listeners: list(
            record({
              name: text,
              attachedRoutes: count,
              supportedKinds: list(text),
              conditions: apiConditions,
            }),
          ),
        }),
        record({
          kind: oneOf('HTTPRoute', 'GRPCRoute'),
          ...about,
          parents: list(record({ parentRef, conditions: apiConditions })),
        }),
      ],
    },
  ),
  component(
    'Repository',
    'A repository that is followed, and how far.',
    record({
      name: text,
      genesis: said('The commit that is pinned.'),
      path: said('Of the mesh in the repository.'),
      followedTip: orNull(commit),
      offeredTip: orNull(commit),
      refused: said(
        'The offered tip, where it is not followed.',
        orNull(record({ tip: text, rule: text, reason: text, sinceMs: time })),
      ),
      fetch: said(
        'How fresh it is: `lastOkMs` when the remote last answered, `ageMs` since a tip came from it that was judged and not refused.',
        record({
          lastOkMs: orNull(time),
          ageMs: orNull(duration),
          failingSinceMs: orNull(time),
          pollMs: duration,
        }),
      ),
      runs: said('Of this process.', record({ started: count, finished: count })),
      appliedRevision: orNull(commit),
      failure: said(
        'Of the last attempt; what is served stays served.',
        orNull(
          record({
            ...{ code: text, message: text, fix: text, stage: text, sinceMs: time },
            untilMs: said('The remote wants not to be asked before; null: it did not say.', orNull(time)),
          }),
        ),
      ),
      stages: said(
        'Of the last revision that changed anything.',
        record({
          fetchMs: orNull(duration),
          verifyMs: orNull(duration),
          translateMs: orNull(duration),
          ackMs: orNull(duration),
        }),
      ),
      suspended: orNull(ref('Brake')),
      revisions: ref('Revisions'),
      timeline: orNull(ref('Timeline')),
      trace: said('Trace id of the last run that changed something or failed.', orNull(text)),
      conditions: list(ref('Condition')),
      scopes: said('How many.', count),
      problems: list(ref('Problem')),
      webhookFault: said(
        'Why no webhook can be believed, such as a file of secrets that cannot be read. Null: one can, or none is expected.',
        orNull(record({ code: text, message: text, fix: text })),
      ),
    }),
  ),
  component(
    'Scope',
    'A scope, on three axes: is what is accepted what landed and what is served (`sync`), does it work (`health`), and who says so (`verified`).',
    record({
      repository: text,
      uid: text,
      path: said('Dotted.'),
      directory: text,
      status: oneOf('Live', 'Withdrawn', 'Tombstone'),
      revisions: ref('Revisions'),
      lastChange: record({
        event: oneOf('genesis', 'accepted', 'held', 'lifted', 'withdrawn'),
        seq: count,
        commit,
        timeline: orNull(ref('Timeline')),
      }),
      seq: count,
      epoch: commit,
      digest: text,
      sync: oneOf('Synced', 'Held', 'OutOfSync', 'Unknown'),
      health: oneOf('Healthy', 'Progressing', 'Degraded'),
      verified: {
        oneOf: [record({ ok: { const: true } }), record({ ok: { const: false }, rule: text, reason: text })],
      },
      hold: orNull(ref('Hold')),
      unproven: list(text),
      conditions: list(ref('Condition')),
      suspended: orNull(ref('Brake')),
      problems: list(ref('Problem')),
      gatewayApi: list(ref('GatewayApiStatus')),
    }),
  ),
  component(
    'Event',
    'Something that happened; `docs/events.md` has the types.',
    record({
      id: said('`<start of the process>.<number>`.'),
      timeMs: time,
      type: text,
      repository: orNull(text),
      scope: orNull(text),
      proxy: orNull(text),
      revision: orNull(text),
      trace: orNull(text),
      message: text,
    }),
  ),
];
