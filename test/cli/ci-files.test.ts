import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createHome, type Home, type Ran, runChild } from './fairlead.ts';
import { createForges, type Forge, ROUTES_FILE } from './forge.ts';
import { ROUTES } from './mesh.ts';

/** Every `run:` and `script:` line of the files in deploy/ci, in a clone and with the variables that a runner has. */
const root = join(import.meta.dirname, '../..');
const read = (file: string) => parse(readFileSync(join(root, 'deploy/ci', file), 'utf8'));

let home: Home;
let fresh: () => Promise<Forge>;
let forge: Forge;
let pin: string;
let made = 0;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  home = await createHome();
  fresh = await createForges(home, (close) => closing.push(close));
});
beforeEach(async () => {
  forge = await fresh();
  made += 1;
  pin = (await forge.cli('trust', '-o', 'json', 'origin/main')).out;
});
afterAll(async () => {
  for (const close of closing) await close();
  await home.close();
});

/** A clone as a runner has it, at a commit; and how it runs a script. */
async function runner(commit: string, refspec: string) {
  const clone = `runner-${made}-${commit.slice(0, 8)}`;
  await mkdir(join(home.dir, clone));
  const git = (...args: readonly string[]) => home.need(clone, 'git', ...args);
  await git('init', '--quiet');
  await git('remote', 'add', 'origin', join(home.dir, `forge-${made}.git`));
  await git('fetch', '--quiet', 'origin', refspec);
  await git('fetch', '--quiet', 'origin', commit);
  await git('checkout', '--quiet', '--detach', commit);
  const prefix = join(home.dir, 'npm');
  const path = `${join(prefix, 'bin')}:${dirname(process.execPath)}:${process.env.PATH}`;
  const base = { ...home.environment, PATH: path, npm_config_prefix: prefix, FAIRLEAD_PACKAGE: root };
  return (script: string, variables: Readonly<Record<string, string>>): Promise<Ran> =>
    runChild('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
      cwd: join(home.dir, clone),
      environment: { ...base, ...variables },
    });
}

const unsigned = async () => {
  await forge.git('checkout', '--quiet', '-B', 'canary', 'origin/main');
  await forge.commit('Unsigned', { [ROUTES_FILE]: ROUTES(50) });
  await forge.git('push', '--quiet', '--force', 'origin', 'canary');
};
const signed = () => forge.pull('canary', { [ROUTES_FILE]: ROUTES(50) }, 'alice', 'bo', 'plain');
const tip = async (branch: string) => {
  await forge.git('fetch', '--quiet', 'origin');
  return forge.git('rev-parse', `origin/${branch}`);
};

describe('github-actions.yml', () => {
  type Step = {
    readonly uses?: string;
    readonly with?: Readonly<Record<string, unknown>>;
    readonly if?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly run?: string;
  };
  type Event = Readonly<Record<string, unknown>> & { readonly github: Readonly<Record<string, unknown>> };
  const workflow = read('github-actions.yml');
  const steps: readonly Step[] = workflow.jobs.fairlead.steps;

  /** GitHub's expressions, as far as the file has them: names, texts, `==`, `!=`, `||`. */
  function valueOf(expression: string, event: Event): string {
    const either = expression.split('||').map((part) => part.trim());
    const values = either.map((part) => {
      const text = /^'(.*)'$/.exec(part)?.[1];
      if (text !== undefined) return text;
      const found = part.split('.').reduce<unknown>((at, name) => (at as Event | undefined)?.[name], event);
      return found === undefined ? '' : String(found);
    });
    return values.find((value) => value !== '') ?? '';
  }
  const isMet = (condition: string, event: Event): boolean => {
    const [, left = '', operator, right = ''] = /^(.*) (==|!=) (.*)$/.exec(condition) ?? [];
    return (valueOf(left, event) === valueOf(right, event)) === (operator === '==');
  };
  const filled = (text: string, event: Event) =>
    text.replaceAll(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => valueOf(expression, event));

  /** Where a job says what people see beside it. */
  const summary = () => join(home.dir, `summary-${made}.md`);

  /** Runs the job for an event; the first step that fails, or the last. */
  async function job(github: Event['github']): Promise<Ran & { readonly step: string }> {
    const event: Event = { github, vars: { FAIRLEAD_PIN: pin, FAIRLEAD_PACKAGE: root } };
    const checkout = steps.find(({ uses }) => uses?.startsWith('actions/checkout@'));
    const run = await runner(
      filled(String(checkout?.with?.ref), event),
      '+refs/heads/*:refs/remotes/origin/*', // what fetch-depth 0 brings
    );
    let last: Ran & { readonly step: string } = { code: null, out: '', err: '', step: '' };
    for (const step of steps) {
      if (step.run === undefined || (step.if !== undefined && !isMet(step.if, event))) continue;
      const entries = Object.entries(step.env ?? {}).map(
        ([name, text]) => [name, filled(text, event)] as const,
      );
      last = {
        ...(await run(step.run, {
          ...Object.fromEntries(entries),
          RUNNER_TEMP: home.dir,
          GITHUB_STEP_SUMMARY: summary(),
        })),
        step: step.run,
      };
      if (last.code !== 0) return last;
    }
    return last;
  }
  const pullRequest = async () => ({
    event_name: 'pull_request',
    sha: 'f'.repeat(40),
    event: { pull_request: { head: { sha: await tip('canary') } } },
  });
  const push = async (before: string) => ({ event_name: 'push', sha: await tip('main'), event: { before } });

  test('reads the whole history, needs no rights, and puts nothing of an event into a script', () => {
    expect(Object.keys(workflow.on)).toEqual(['pull_request', 'merge_group', 'push']);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const [checkout, node] = steps;
    expect(checkout?.with).toMatchObject({ 'fetch-depth': 0, 'persist-credentials': false });
    expect(node).toMatchObject({ uses: 'actions/setup-node@v4', with: { 'node-version': 24 } });
    for (const { run = '' } of steps) expect(run).not.toContain('${{');
  });

  test('passes a pull request that would be accepted', async () => {
    await signed();
    const ran = await job(await pullRequest());
    expect(ran).toMatchObject({ code: 0, step: expect.stringContaining('--would-accept HEAD') });
    expect(ran.out).toContain('acme: update to seq 2 would be accepted');
    const shown = readFileSync(summary(), 'utf8');
    expect(shown).toMatch(/^### Fairlead: `acme`\n/);
    expect(shown).toContain('VirtualService/demo/echo');
  });

  test('fails one that would be held, and says who is missing', async () => {
    await unsigned();
    const ran = await job(await pullRequest());
    expect(ran).toMatchObject({ code: 3, step: expect.stringContaining('--would-accept HEAD') });
    expect(ran.out.replaceAll(/\s+/g, ' ')).toContain('2 of alice, bo, cy missing');
  });

  test('judges a merge queue by its group', async () => {
    await signed();
    await forge.pull('notes', { 'mesh/notes.yaml': '# more\n' }, 'bo', 'cy', 'statement');
    const group = async () => ({ event_name: 'merge_group', sha: await tip('queue'), event: {} });
    await forge.buttons.enqueue('merge', 'canary');
    expect(await job(await group())).toMatchObject({ code: 0 });
    await forge.buttons.enqueue('merge', 'canary', 'notes');
    expect(await job(await group())).toMatchObject({ code: 3 });
  });

  test('says of main what has come to be since the push before', async () => {
    const before = await tip('main');
    await signed();
    await forge.buttons.merge('canary');
    const ran = await job(await push(before));
    expect(ran).toMatchObject({ code: 0, step: expect.stringContaining('--since "$BEFORE"') });
    expect(ran.out).toMatch(/acme +2 +accepted +update/);
    const accepted = await tip('main');
    await forge.buttons.edit('main', ROUTES_FILE, ROUTES(90));
    expect(await job(await push(accepted))).toMatchObject({ code: 3 });
  });

  test('fails where main was moved by force', async () => {
    const genesis = await tip('main');
    await signed();
    await forge.buttons.merge('canary');
    const before = await tip('main');
    await forge.git('push', '--quiet', 'origin', `${before}:refs/heads/kept`);
    await forge.git('push', '--quiet', '--force', 'origin', `${genesis}:main`);
    await forge.buttons.edit('main', ROUTES_FILE, ROUTES(90));
    const ran = await job(await push(before));
    expect(ran).toMatchObject({ code: 3, err: expect.stringContaining('refused (G9)') });
  });
});

describe('gitlab-ci.yml', () => {
  type Job = {
    readonly extends: string;
    readonly rules: readonly { readonly if: string }[];
    readonly script: readonly string[];
  };
  const { '.fairlead': base, ...rest } = read('gitlab-ci.yml');
  const jobs: Readonly<Record<string, Job>> = rest;

  /** A runner fetches the one ref of the pipeline. */
  async function job(
    name: string,
    commit: string,
    variables: Readonly<Record<string, string>>,
  ): Promise<Ran> {
    expect(jobs[name]?.extends).toBe('.fairlead');
    expect(base.variables).toEqual({ GIT_DEPTH: '0' });
    const run = await runner(commit, `+${commit}:refs/pipelines/1`);
    await home.write(`pin-${made}.json`, pin);
    const all = { ...variables, FAIRLEAD_PIN: join(home.dir, `pin-${made}.json`), CI_COMMIT_SHA: commit };
    return run([...base.before_script, ...(jobs[name]?.script ?? [])].join('\n'), all);
  }
  const request = async () =>
    job('fairlead-would-accept', await tip('canary'), { CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main' });
  const push = async (before: string) =>
    job('fairlead-main', await tip('main'), { CI_COMMIT_BEFORE_SHA: before });

  test('runs one job for a merge request, and one for main', () => {
    const rules = Object.entries(jobs).map(([name, { rules }]) => [name, rules[0]?.if]);
    expect(rules).toEqual([
      ['fairlead-would-accept', '$CI_PIPELINE_SOURCE == "merge_request_event"'],
      ['fairlead-main', '$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH'],
    ]);
  });

  test('passes a merge request that would be accepted, and fails one that would be held', async () => {
    await unsigned();
    expect(await request()).toMatchObject({ code: 3, out: expect.stringContaining('acme') });
    await forge.git('checkout', '--quiet', 'main');
    await forge.git('branch', '--quiet', '-D', 'canary');
    await forge.git('push', '--quiet', 'origin', ':canary');
    await signed();
    expect(await request()).toMatchObject({ code: 0 });
  });

  test('judges the merge commit of a merged results pipeline', async () => {
    await signed();
    await forge.buttons.enqueue('merge', 'canary');
    const target = { CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main' };
    expect(await job('fairlead-would-accept', await tip('queue'), target)).toMatchObject({ code: 0 });
  });

  test('says of main what has come to be since the push before', async () => {
    const before = await tip('main');
    await signed();
    await forge.buttons.merge('canary');
    expect(await push(before)).toMatchObject({ code: 0, out: expect.stringMatching(/acme +2 +accepted/) });
    const accepted = await tip('main');
    await forge.buttons.edit('main', ROUTES_FILE, ROUTES(90));
    expect(await push(accepted)).toMatchObject({ code: 3 });
  });
});
