import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Socket } from 'node:net';
import { Failure } from '../base/failure.ts';
import { createBatchParser, type Reply } from './batch-parser.ts';
import { gitMissing, objectCorrupt, objectMissing } from './failures.ts';
import { type Git, killGroup } from './native-git.ts';
import type { ObjectId } from './objects.ts';
import type { RawObject, ReadRaw } from './stored-objects.ts';

type Request = {
  readonly id: ObjectId;
  deaths: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Objects by one `git cat-file --batch`, started with the first request and again if it dies. Requests are answered in
 * their order, any number may be under way, and only while one is does it keep this process alive.
 */
export function createBatchReader(
  git: Git,
  gitdir: string,
): { readonly read: ReadRaw; close(): Promise<void> } {
  let running: Running | null = null;
  let closed = false;

  function submit(request: Request): void {
    if (closed) request.reject(new Error(`the store ${gitdir} is closed`));
    else {
      running ??= startBatch(git, died);
      running.submit(request);
    }
  }

  /** Whoever was to be answered next is what it died of, if it dies of that twice. */
  function died(unanswered: readonly Request[], error: unknown): void {
    running = null;
    const [first, ...others] = unanswered;
    if (first !== undefined) {
      first.deaths += 1;
      if (error instanceof Failure) first.reject(error);
      else if (first.deaths > 1) first.reject(objectCorrupt(first.id, gitdir, error));
      else submit(first);
    }
    for (const request of others) submit(request);
  }

  async function read(id: ObjectId): Promise<RawObject> {
    const reply = await new Promise<Reply>((resolve, reject) => submit({ id, deaths: 0, resolve, reject }));
    if (reply.type !== 'missing') return reply;
    throw await why(git, id, gitdir);
  }

  return {
    read,
    async close() {
      closed = true;
      await running?.end();
    },
  };
}

/** `missing` is said of damaged objects too: what git says on standard error when asked alone tells them apart. */
async function why(git: Git, id: ObjectId, gitdir: string): Promise<unknown> {
  const { err } = await git.run(['cat-file', '-t', id], { timeoutMs: 60_000, about: gitdir });
  return /^error:|corrupt/m.test(err) ? objectCorrupt(id, gitdir, err) : objectMissing(id, gitdir);
}

type Running = { submit(request: Request): void; end(): Promise<void> };

function startBatch(git: Git, died: (unanswered: readonly Request[], error: unknown) => void): Running {
  const child = git.start(['cat-file', '--batch']);
  const pending: Request[] = [];
  const parser = createBatchParser((reply) => {
    pending.shift()?.resolve(reply);
    if (pending.length === 0) hold(child, 'unref');
  });
  let failure: unknown = null;
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      failure = gitMissing(error);
      if (child.pid === undefined) finish();
    });
    const finish = () => {
      died(pending.splice(0), failure);
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
  hold(child, 'unref');
  return {
    submit(request) {
      if (pending.push(request) === 1) hold(child, 'ref');
      child.stdin.write(`${request.id}\n`);
    },
    end() {
      hold(child, 'ref');
      child.stdin.end();
      return ended;
    },
  };
}

/** An idle process does not keep ours alive; it ends by itself when its standard input does. */
function hold(child: ChildProcessWithoutNullStreams, how: 'ref' | 'unref'): void {
  child[how]();
  for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream instanceof Socket) stream[how]();
}
