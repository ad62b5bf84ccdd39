/**
 * The steps of a server at which it is killed: an operation, on what, and on which side of it. Between two of them
 * nothing is done that outlives the process, or that a proxy can see.
 */
export type Step = {
  readonly operation:
    | 'create'
    | 'write'
    | 'sync'
    | 'rename'
    | 'link'
    | 'read'
    | 'unlink'
    | 'log'
    | 'send'
    | 'hear';
  /** Of the path, or of the words that are logged; for a rename, of the new path. */
  readonly what: RegExp;
  readonly side: 'before' | 'after';
};

/** `start`: while it starts, on a folder that the one before left; `first`: on an empty one; `change`: as a commit comes in. */
type NamedStep = Step & { readonly when: 'start' | 'first' | 'change' };

const OBJECT = /\/objects\/[0-9a-f]{2}\/[0-9a-f]{38}$/;
const LOCK_DRAFT = /\/lock\.[-0-9a-f]+\.tmp$/;
const ANY = /(?:)/;
const step = (
  when: NamedStep['when'],
  side: Step['side'],
  operation: Step['operation'],
  what: RegExp,
): NamedStep => ({ when, side, operation, what });

export const STEPS: Readonly<Record<string, NamedStep>> = {
  'lock: not yet taken': step('start', 'before', 'create', LOCK_DRAFT),
  'lock: draft empty': step('start', 'after', 'create', LOCK_DRAFT),
  'lock: draft on the disk': step('start', 'after', 'sync', LOCK_DRAFT),
  'lock: a dead one moved away': step('start', 'after', 'rename', /\/lock\.dead$/),
  'lock: taken': step('start', 'after', 'link', /\/lock$/),
  'format: draft empty': step('first', 'after', 'create', /\/format\.tmp$/),
  'format: draft written': step('first', 'after', 'sync', /\/format\.tmp$/),
  'format: renamed': step('first', 'after', 'rename', /\/format$/),
  'store: configured, without HEAD': step('first', 'after', 'rename', /\/git\/config$/),
  'store: HEAD is there': step('first', 'after', 'rename', /\/git\/HEAD$/),
  'restore: an object is read': step('start', 'after', 'read', OBJECT),
  'restore: served from the store': step('start', 'after', 'log', /"serving"/),
  'start: both ports are open': step('start', 'after', 'log', /"listening"/),
  'fetch: an object is half there': step('change', 'before', 'rename', OBJECT),
  'fetch: an object is there': step('change', 'after', 'rename', OBJECT),
  'fetch: all objects, not the branch': step('change', 'before', 'rename', /\/refs\/heads\/main$/),
  'fetch: the branch is moved': step('change', 'after', 'rename', /\/refs\/heads\/main$/),
  'verify: a new object is read': step('change', 'after', 'read', OBJECT),
  'witness: draft not yet there': step('change', 'before', 'create', /\/witness\.json\.tmp$/),
  'witness: draft empty': step('change', 'after', 'create', /\/witness\.json\.tmp$/),
  'witness: draft written': step('change', 'after', 'write', /\/witness\.json\.tmp$/),
  'witness: draft on the disk': step('change', 'after', 'sync', /\/witness\.json\.tmp$/),
  'witness: renamed': step('change', 'after', 'rename', /\/witness\.json$/),
  'witness: folder on the disk': step('change', 'after', 'sync', /\/repositories\/mesh$/),
  'publish: nothing sent yet': step('change', 'before', 'send', ANY),
  'publish: a response is sent': step('change', 'after', 'send', ANY),
  'publish: all are told to be sent': step('change', 'after', 'log', /"serving"/),
  'ack: come in, not yet read': step('change', 'before', 'hear', ANY),
  'ack: read': step('change', 'after', 'hear', ANY),
};
