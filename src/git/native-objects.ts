import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Socket } from 'node:net';
import { Failure } from '../base/failure.ts';
import { createBatchParser, type Reply } from './batch-parser.ts';
import { gitMissing, objectCorrupt, objectMissing } from './failures.ts';
import { Lru } from './lru.ts';
import { type Git, killGroup } from './native-git.ts';
import type { ObjectId } from './objects.ts';
import { createReadAhead } from './read-ahead.ts';
import type { RawObject, Reader } from './stored-objects.ts';

type Request = {
  /** An object's id, or an expression that is a guess. */
  readonly wanted: string;
  readonly guess: boolean;
  deaths: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Objects by one `git cat-file --batch`, started with the first request and again if it dies. Requests are answered in
 * their order, any number may be under way, and only while one is does it keep this process alive.
 */
export function createBatchReader(git: Git, gitdir: string): Reader {
  const guesses = createReadAhead();
  const ahead = new Lru<ObjectId, RawObject>(AHEAD_BYTES);
  let guessed: Promise<unknown> = Promise.resolve();
  let running: Running | null = null;
  let closed = false;

  function submit(request: Request): void {
    if (closed && request.guess) request.resolve({ id: request.wanted, ...MISSING });
    else if (closed) request.reject(new Error(`the store ${gitdir} is closed`));
    else {
      running ??= startBatch(git, died);
      running.submit(request);
    }
  }

  /** Git looks at a pack once: one that was damaged then, and is whole since, only a new process reads. */
  async function askAnew(id: ObjectId, stale: Running | null): Promise<RawObject> {
    if (running === stale) running = null;
    void stale?.end(); // It answers first whatever it was asked.
    const found = await ask(id, false);
    if (found.type === 'missing') throw objectMissing(id, gitdir);
    return found;
  }

  /** Whoever was to be answered next is what it died of, if it dies of that twice. Guesses are not asked again. */
  function died(which: Running, unanswered: readonly Request[], error: unknown): void {
    if (running === which) running = null;
    for (const [at, request] of unanswered.entries()) {
      if (at === 0) request.deaths += 1;
      if (request.guess) request.resolve({ id: request.wanted, ...MISSING });
      else if (error instanceof Failure) request.reject(error);
      else if (request.deaths > 1) request.reject(objectCorrupt(request.wanted, gitdir, error));
      else submit(request);
    }
  }

  function ask(wanted: string, guess: boolean): Promise<Reply> {
    return new Promise((resolve, reject) => submit({ wanted, guess, deaths: 0, resolve, reject }));
  }

  async function guessBeside(id: ObjectId): Promise<void> {
    const replies = await Promise.all(guesses.beside(id).map((wanted) => ask(wanted, true)));
    for (const reply of replies) {
      if (reply.type !== 'missing') ahead.set(reply.id, reply, REPLY_BYTES + reply.bytes.length);
    }
  }

  async function find(id: ObjectId, type: RawObject['type']): Promise<RawObject> {
    if (guesses.isExpected(id)) await guessed; // It is answered before anything that we could ask for now.
    const known = ahead.get(id);
    if (known !== undefined) return known;
    const answer = ask(id, false);
    if (type === 'commit' && guesses.isExpected(id)) guessed = guessBeside(id);
    return answer;
  }

  async function read(id: ObjectId, type: RawObject['type']): Promise<RawObject> {
    const asked = running;
    let found = await find(id, type);
    if (found.type === 'missing') {
      const failure = await why(git, id, gitdir);
      if (failure !== null) throw failure;
      found = await askAnew(id, asked);
    }
    guesses.read(id, found);
    return found;
  }

  return {
    read,
    async close() {
      closed = true;
      await running?.end();
    },
  };
}

/** For objects that were guessed and not yet asked for; and what one takes beside its bytes. */
const AHEAD_BYTES = 16 * 1024 * 1024;
const REPLY_BYTES = 300;
const MISSING = { type: 'missing', bytes: new Uint8Array() } as const;

/**
 * `missing` is said of damaged objects too: what git says on standard error when asked alone tells them apart. Null: it is
 * there.
 */
async function why(git: Git, id: ObjectId, gitdir: string): Promise<Failure | null> {
  const { code, err } = await git.run(['cat-file', '-t', id], { timeoutMs: 60_000, about: gitdir });
  if (code === 0) return null;
  return /^error:|corrupt/m.test(err) ? objectCorrupt(id, gitdir, err) : objectMissing(id, gitdir);
}

type Running = { submit(request: Request): void; end(): Promise<void> };

function startBatch(
  git: Git,
  died: (which: Running, unanswered: readonly Request[], error: unknown) => void,
): Running {
  const child = git.start(['cat-file', '--batch']);
  const pending: Request[] = [];
  let ending = false;
  const parser = createBatchParser((reply) => {
    pending.shift()?.resolve(reply);
    if (pending.length === 0 && !ending) hold(child, 'unref');
  });
  let failure: unknown = null;
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      failure = gitMissing(error);
      if (child.pid === undefined) finish();
    });
    const finish = () => {
      died(self, pending.splice(0), failure);
      resolve();
    };
    child.on('close', finish);
  });
  child.stdin.on('error', () => {}); // It has died: `close` tells.
  child.stderr.resume();
  child.stdout.on('data', (chunk: Buffer) => {
    try {
      parser(chunk);
    } catch (error) {
      failure = error;
      killGroup(child);
    }
  });
  // What is asked for until nothing else is left to do is one write, and git is woken once.
  let asked = '';
  const send = () => {
    child.stdin.write(asked);
    asked = '';
  };
  hold(child, 'unref');
  const self: Running = {
    submit(request) {
      if (pending.push(request) === 1) hold(child, 'ref');
      if (asked === '') process.nextTick(send);
      asked += `${request.wanted}\n`;
    },
    end() {
      ending = true;
      hold(child, 'ref');
      child.stdin.end();
      return ended;
    },
  };
  return self;
}

/** An idle process does not keep ours alive; it ends by itself when its standard input does. */
function hold(child: ChildProcessWithoutNullStreams, how: 'ref' | 'unref'): void {
  child[how]();
  for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream instanceof Socket) stream[how]();
}
