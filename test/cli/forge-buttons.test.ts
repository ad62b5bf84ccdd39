import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createHome, type Home } from './fairlead.ts';
import {
  createForges,
  type Forge,
  NOTES_FILE,
  PAYMENTS_FILE,
  type Person,
  ROUTES_FILE,
  service,
} from './forge.ts';
import { ROUTES } from './mesh.ts';

/** What each button of a forge does to signatures, and that the one command which the message names mends it. */
let home: Home;
let fresh: () => Promise<Forge>;
let forge: Forge;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  home = await createHome();
  fresh = await createForges(home, (close) => closing.push(close));
});
beforeEach(async () => {
  forge = await fresh();
});
afterAll(async () => {
  for (const close of closing) await close();
  await home.close();
});

type Scope = {
  readonly path: string;
  readonly seq: number;
  readonly state: string;
  readonly hold: {
    readonly rule: string;
    readonly reason: string;
    readonly missing: readonly Person[];
  } | null;
};

/** What the main line comes to, as whoever has just fetched it sees it. */
async function scope(path = 'acme'): Promise<Scope> {
  await forge.git('fetch', '--quiet', '--prune', 'origin');
  const { out } = await forge.cli('verify', '-o', 'json', '--tip', 'origin/main');
  return JSON.parse(out).scopes.find((each: Scope) => each.path === path);
}

async function explain(path = 'acme') {
  const { out } = await forge.cli('explain', path, '-o', 'json');
  return JSON.parse(out) as {
    readonly unblock: { readonly command: string; readonly who: readonly Person[] } | null;
    readonly dropped: { readonly branch: string; readonly signatures: readonly object[] } | null;
  };
}

/** Goes to main, has each of `people` type the command that the message names, and pushes. */
async function mend(command: string, people: readonly Person[]): Promise<void> {
  await forge.git('checkout', '--quiet', '-B', 'main', 'origin/main');
  for (const name of people) {
    await forge.signAs(name);
    const typed = command.startsWith('fairlead approve') ? `${command} --yes` : command;
    expect(await forge.type(typed)).toMatchObject({ code: 0 });
  }
  await forge.git('push', '--quiet', 'origin', 'main');
}

const half = () => forge.pull('canary', { [ROUTES_FILE]: ROUTES(50) }, 'alice', 'bo', 'plain');
const accepted = { seq: 2, state: 'Accepted', hold: null };
const DROPPED = 'where a squash, a rebase or an edit on the forge dropped signatures, run `fairlead approve`';
const nobody = { rule: 'Quorum', reason: expect.stringContaining(DROPPED), missing: ['alice', 'bo', 'cy'] };

describe('a merge commit', () => {
  test.each(['plain', 'statement'] as const)('is the supported path (%s)', async (form) => {
    await forge.pull('canary', { [ROUTES_FILE]: ROUTES(50) }, 'alice', 'bo', form);
    expect(await forge.cli('verify', '--would-accept', 'canary')).toMatchObject({ code: 0 });
    await forge.buttons.merge('canary');
    expect(await scope()).toMatchObject(accepted);
  });

  test("of the forge alone is nobody's: its own signature counts for nothing", async () => {
    await forge.git('checkout', '--quiet', '-b', 'canary');
    await forge.commit('Unsigned', { [ROUTES_FILE]: ROUTES(50) });
    await forge.git('push', '--quiet', 'origin', 'canary');
    await forge.buttons.merge('canary');
    const held = await scope();
    expect(held).toMatchObject({ seq: 1, state: 'Held', hold: nobody });
    const { unblock } = await explain();
    expect(unblock?.command).toBe('fairlead approve --scope acme');
    await mend(unblock?.command ?? '', ['alice', 'cy']);
    expect(await scope()).toMatchObject(accepted);
  });
});

describe('a fast-forward', () => {
  test('counts the first signed commit; a plain one above it does not count, and approve completes the quorum', async () => {
    await half();
    await forge.buttons.fastForward('canary');
    const held = await scope();
    expect(held).toMatchObject({ seq: 1, hold: { rule: 'I4', missing: ['bo', 'cy'] } });
    expect(held.hold?.reason).toContain('1 of 2: alice signed');
    expect(held.hold?.reason).toContain('run `fairlead approve`');
    await mend((await explain()).unblock?.command ?? '', ['bo']);
    expect(await scope()).toMatchObject(accepted);
  });

  test('of a branch with a statement is accepted at that', async () => {
    await forge.pull('canary', { [ROUTES_FILE]: ROUTES(50) }, 'alice', 'bo', 'statement');
    await forge.buttons.fastForward('canary');
    expect(await scope()).toMatchObject(accepted);
  });
});

/** The squash messages of GitHub (each setting) and GitLab; those that repeat messages repeat statements too. */
const messages: readonly (readonly [string, (log: string) => string])[] = [
  ['title and number', () => 'A change (#12)'],
  ['title and description', () => 'A change (#12)\n\nIt moves half of the traffic.'],
  ['all commit messages', (log) => `A change (#12)\n\n${log}`],
  ['blank', () => 'canary'],
];
const bullets = () => forge.git('log', '--reverse', '--format=* %B', 'origin/main..canary');

describe('a squash', () => {
  test.each(messages)('drops every signature, whatever its message has (%s)', async (_, message) => {
    await forge.pull('canary', { [ROUTES_FILE]: ROUTES(50) }, 'alice', 'bo', 'statement');
    await forge.buttons.squash('canary', message(await bullets()));
    await forge
      .git('branch', '--quiet', '-D', 'canary')
      .catch(() => forge.git('checkout', '--quiet', 'main'));
    expect(await scope()).toMatchObject({ seq: 1, state: 'Held', hold: nobody });
    const said = await explain();
    expect(said.dropped).toMatchObject({ branch: expect.stringContaining('canary'), signatures: [{}, {}] });
    const text = (await forge.cli('explain', 'acme')).out.replaceAll(/\s+/g, ' ');
    expect(text).toMatch(/dropped 2 signatures \((?:alice, bo|bo, alice)\): on \S*canary/);
  });

  test('is mended by a merge of the branch, where it is still there: nobody signs again', async () => {
    await half();
    await forge.buttons.squash('canary', 'A change (#12)');
    await scope();
    const { unblock } = await explain();
    expect(unblock?.command).toBe('git merge --no-ff canary');
    await mend(unblock?.command ?? '', ['dana']);
    expect(await scope()).toMatchObject(accepted);
  });

  test('is mended by approve where the branch is gone', async () => {
    await half();
    await forge.buttons.squash('canary', 'A change (#12)');
    await forge.git('checkout', '--quiet', 'main');
    await forge.git('branch', '--quiet', '-D', 'canary');
    await forge.git('push', '--quiet', 'origin', ':canary');
    expect(await scope()).toMatchObject({ seq: 1, hold: nobody });
    const { unblock, dropped } = await explain();
    expect(dropped).toBeNull();
    expect(unblock).toMatchObject({ command: 'fairlead approve --scope acme', who: ['alice', 'bo', 'cy'] });
    await mend(unblock?.command ?? '', ['alice', 'bo']);
    expect(await scope()).toMatchObject(accepted);
  });

  test('under a merge commit (GitLab) is the same', async () => {
    await half();
    await forge.buttons.squashAndMerge('canary', 'A change');
    expect(await scope()).toMatchObject({ seq: 1, hold: nobody });
    await mend((await explain()).unblock?.command ?? '', ['dana']);
    expect(await scope()).toMatchObject(accepted);
  });

  test('keeps detached statements, where it repeats the messages that they stand in', async () => {
    await forge.git('checkout', '--quiet', '-b', 'canary');
    await forge.commit('Half', { [ROUTES_FILE]: ROUTES(50) });
    const tokens = [await token('alice'), await token('bo')];
    await forge.commit(`Two who agree\n\n${tokens.join('\n')}`, {});
    await forge.git('push', '--quiet', 'origin', 'canary');
    await forge.buttons.squash('canary', `A change (#12)\n\n${await bullets()}`);
    expect(await scope()).toMatchObject(accepted);
  });
});

/** The approval of the branch that we are on, as a token. */
async function token(name: Person): Promise<string> {
  await forge.signAs(name);
  const { code, out } = await forge.cli('approve', '--detached', '--yes');
  expect(code).toBe(0);
  return out.trim();
}

describe('a rebase', () => {
  test.each(['rebase', 'rebaseAndMerge'] as const)(
    'makes new commits that nobody signed (%s)',
    async (button) => {
      await half();
      await forge.buttons[button]('canary');
      expect(await scope()).toMatchObject({ seq: 1, state: 'Held', hold: nobody });
      const { unblock, dropped } = await explain();
      expect(dropped?.signatures).toHaveLength(2);
      await mend(unblock?.command ?? '', ['dana']);
      expect(await scope()).toMatchObject(accepted);
    },
  );

  test('is mended by approve where the branch is gone', async () => {
    await half();
    await forge.buttons.rebase('canary');
    await forge.git('checkout', '--quiet', 'main');
    await forge.git('branch', '--quiet', '-D', 'canary');
    await forge.git('push', '--quiet', 'origin', ':canary');
    await scope();
    await mend((await explain()).unblock?.command ?? '', ['bo', 'cy']);
    expect(await scope()).toMatchObject(accepted);
  });
});

describe('a merge queue', () => {
  const payments = () => forge.pull('pay', { [PAYMENTS_FILE]: service('pay-2') }, 'dana', 'eli', 'plain');
  const second = () => forge.pull('notes', { [NOTES_FILE]: '# more\n' }, 'bo', 'cy', 'statement');

  test('of merges takes pull requests of different scopes, and the check says so before', async () => {
    await half();
    await payments();
    await forge.buttons.enqueue('merge', 'canary', 'pay');
    await forge.git('fetch', '--quiet', 'origin');
    expect(await forge.cli('verify', '--tip', 'origin/queue')).toMatchObject({ code: 0 });
    expect(await forge.cli('verify', '--would-accept', 'origin/queue')).toMatchObject({ code: 0 });
    await forge.buttons.dequeue();
    expect(await scope()).toMatchObject(accepted);
    expect(await scope('acme.payments')).toMatchObject(accepted);
  });

  test('of merges: the second one of a scope is held, the check refuses the group, and signing again mends it', async () => {
    await half();
    await second();
    await forge.buttons.enqueue('merge', 'canary', 'notes');
    await forge.git('fetch', '--quiet', 'origin');
    expect(await forge.cli('verify', '--would-accept', 'origin/queue')).toMatchObject({ code: 3 });
    await forge.buttons.dequeue();
    const held = await scope();
    expect(held).toMatchObject({ seq: 2, state: 'Held' });
    expect(held.hold?.reason).toContain('another mutation was accepted first, at ');
    expect(held.hold?.reason).toContain('bo and cy must sign again');
    await mend((await explain()).unblock?.command ?? '', ['bo', 'cy']);
    expect(await scope()).toMatchObject({ seq: 3, state: 'Accepted' });
  });

  test('of squashes drops signatures, and the check says so before', async () => {
    await half();
    await payments();
    await forge.buttons.enqueue('squash', 'canary', 'pay');
    await forge.git('fetch', '--quiet', 'origin');
    expect(await forge.cli('verify', '--would-accept', 'origin/queue')).toMatchObject({ code: 3 });
    await forge.buttons.dequeue();
    expect(await scope()).toMatchObject({ seq: 1, state: 'Held', hold: nobody });
    await mend((await explain()).unblock?.command ?? '', ['dana']);
    await mend((await explain('acme.payments')).unblock?.command ?? '', ['alice']);
    expect(await scope()).toMatchObject(accepted);
    expect(await scope('acme.payments')).toMatchObject(accepted);
  });
});

describe('revert', () => {
  test('of what was accepted changes nothing until it is signed', async () => {
    await half();
    await forge.buttons.merge('canary');
    await forge.buttons.revert();
    expect(await scope()).toMatchObject({ seq: 2, state: 'Held', hold: nobody });
    const { unblock } = await explain();
    expect(unblock?.command).toBe('fairlead approve --scope acme');
    await mend(unblock?.command ?? '', ['bo', 'cy']);
    expect(await scope()).toMatchObject({ seq: 3, state: 'Accepted' });
  });

  test('of what is held lifts the hold, and needs nobody', async () => {
    await forge.git('checkout', '--quiet', '-b', 'canary');
    await forge.commit('Unsigned', { [ROUTES_FILE]: ROUTES(50) });
    await forge.git('push', '--quiet', 'origin', 'canary');
    await forge.buttons.merge('canary');
    expect(await scope()).toMatchObject({ seq: 1, state: 'Held' });
    await forge.buttons.revert();
    expect(await scope()).toMatchObject({ seq: 1, state: 'Accepted', hold: null });
  });
});

describe('update branch', () => {
  test('keeps the signatures where main has changed another scope', async () => {
    await half();
    await forge.pull('pay', { [PAYMENTS_FILE]: service('pay-2') }, 'dana', 'eli', 'plain');
    await forge.buttons.merge('pay');
    await forge.buttons.updateBranch('canary');
    await forge.buttons.merge('canary');
    expect(await scope()).toMatchObject(accepted);
    expect(await scope('acme.payments')).toMatchObject(accepted);
  });

  test('does not make another mutation come second: both have to sign again', async () => {
    await half();
    await forge.pull('notes', { [NOTES_FILE]: '# more\n' }, 'bo', 'cy', 'statement');
    await forge.buttons.merge('notes');
    await forge.buttons.updateBranch('canary');
    await forge.buttons.merge('canary');
    const held = await scope();
    expect(held).toMatchObject({ seq: 2, state: 'Held' });
    expect(held.hold?.reason).toContain('alice and bo must sign again');
    await mend((await explain()).unblock?.command ?? '', ['alice', 'bo']);
    expect(await scope()).toMatchObject({ seq: 3, state: 'Accepted' });
  });

  test('by rebase drops the signatures of the branch', async () => {
    await half();
    await forge.git('checkout', '--quiet', 'main');
    await forge.commit('Words', { 'README.md': 'words\n' });
    await forge.git('push', '--quiet', 'origin', 'main');
    await forge.buttons.updateBranchByRebase('canary');
    await forge.git('branch', '--quiet', '-D', 'canary');
    await forge.buttons.merge('canary');
    expect(await scope()).toMatchObject({ seq: 1, state: 'Held', hold: nobody });
    await mend((await explain()).unblock?.command ?? '', ['alice', 'cy']);
    expect(await scope()).toMatchObject(accepted);
  });
});

describe('an edit in the browser', () => {
  test('of main is held, and what is served stays', async () => {
    await forge.buttons.edit('main', ROUTES_FILE, ROUTES(90));
    expect(await scope()).toMatchObject({ seq: 1, state: 'Held', hold: nobody });
    await mend((await explain()).unblock?.command ?? '', ['alice', 'bo']);
    expect(await scope()).toMatchObject(accepted);
  });

  test('of a branch that was signed before is not what was signed', async () => {
    await half();
    await forge.buttons.edit('canary', ROUTES_FILE, ROUTES(100));
    await forge.buttons.merge('canary');
    const held = await scope();
    expect(held).toMatchObject({ seq: 1, state: 'Held', hold: nobody });
    expect((await explain()).dropped).toBeNull();
    await mend((await explain()).unblock?.command ?? '', ['bo', 'cy']);
    expect(await scope()).toMatchObject(accepted);
  });
});
