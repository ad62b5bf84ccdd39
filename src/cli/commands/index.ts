import type { Command } from 'commander';
import type { Context } from '../context.ts';

type Build = (context: Context) => Command;
type Load = () => Promise<Build>;

/**
 * In the order of `fairlead --help`, under its headings. A new command is one file and one line here; its file is
 * loaded when it is needed.
 */
const groups: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Anchors:': {
    init: async () => (await import('./init.ts')).initCommand,
    trust: async () => (await import('./trust.ts')).trustCommand,
    plan: async () => (await import('./plan.ts')).planCommand,
    approve: async () => (await import('./approve.ts')).approveCommand,
    withdraw: async () => (await import('./withdraw.ts')).withdrawCommand,
    renew: async () => (await import('./renew.ts')).renewCommand,
    scope: async () => (await import('./scope/index.ts')).scopeCommand,
  },
  'Anybody, offline, on a clone:': {
    analyze: async () => (await import('./analyze.ts')).analyzeCommand,
    translate: async () => (await import('./translate.ts')).translateCommand,
    describe: async () => (await import('./describe.ts')).describeCommand,
    verify: async () => (await import('./verify.ts')).verifyCommand,
    lineage: async () => (await import('./lineage.ts')).lineageCommand,
    resolve: async () => (await import('./resolve.ts')).resolveCommand,
    explain: async () => (await import('./explain.ts')).explainCommand,
    'key-impact': async () => (await import('./key-impact.ts')).keyImpactCommand,
    line: async () => (await import('./line.ts')).lineCommand,
  },
  'Servers:': {
    check: async () => (await import('./check.ts')).checkCommand,
    serve: async () => (await import('./serve.ts')).serveCommand,
    status: async () => (await import('./status.ts')).statusCommand,
    get: async () => (await import('./get.ts')).getCommand,
    trace: async () => (await import('./trace.ts')).traceCommand,
    events: async () => (await import('./events.ts')).eventsCommand,
    wait: async () => (await import('./wait.ts')).waitCommand,
    reconcile: async () => (await import('./reconcile.ts')).reconcileCommand,
    suspend: async () => (await import('./suspend.ts')).suspendCommand,
    resume: async () => (await import('./resume.ts')).resumeCommand,
    'bug-report': async () => (await import('./bug-report.ts')).bugReportCommand,
    hook: async () => (await import('./hook.ts')).hookCommand,
  },
  'Proxies:': {
    bootstrap: async () => (await import('./bootstrap.ts')).bootstrapCommand,
    'proxy-status': async () => (await import('./proxy-status.ts')).proxyStatusCommand,
    why: async () => (await import('./why.ts')).whyCommand,
    'proxy-config|pc': async () => (await import('./proxy-config.ts')).proxyConfigCommand,
  },
  'More:': {
    demo: async () => (await import('./demo.ts')).demoCommand,
    completion: async () => (await import('./completion.ts')).completionCommand,
  },
};

/** The command that the first word names; where it names none, all of them: for help, suggestions and completion. */
export async function commandsFor(first: string | undefined): Promise<readonly Build[]> {
  const all = Object.entries(groups).flatMap(([heading, loads]) =>
    Object.entries(loads).map(([names, load]) => ({ heading, names: names.split('|'), load })),
  );
  const named = all.filter(({ names }) => first !== undefined && names.includes(first));
  const wanted = (named.length > 0 ? named : all).map(async ({ heading, load }) => {
    const build = await load();
    return (context: Context) => build(context).helpGroup(heading);
  });
  return Promise.all(wanted);
}
