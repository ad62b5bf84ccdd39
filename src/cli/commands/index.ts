import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { approveCommand } from './approve.ts';
import { bootstrapCommand } from './bootstrap.ts';
import { checkCommand } from './check.ts';
import { completionCommand } from './completion.ts';
import { demoCommand } from './demo.ts';
import { explainCommand } from './explain.ts';
import { initCommand } from './init.ts';
import { lineageCommand } from './lineage.ts';
import { planCommand } from './plan.ts';
import { proxyConfigCommand } from './proxy-config.ts';
import { proxyStatusCommand } from './proxy-status.ts';
import { reconcileCommand } from './reconcile.ts';
import { serveCommand } from './serve.ts';
import { statusCommand } from './status.ts';
import { trustCommand } from './trust.ts';
import { verifyCommand } from './verify.ts';

type Build = (context: Context) => Command;

/** In the order of `fairlead --help`, under its headings. A new command is one file and one line here. */
const groups: Readonly<Record<string, readonly Build[]>> = {
  'Anchors:': [initCommand, trustCommand, planCommand, approveCommand],
  'Anybody, offline, on a clone:': [verifyCommand, lineageCommand, explainCommand],
  'Servers:': [checkCommand, serveCommand, statusCommand, reconcileCommand],
  'Proxies:': [bootstrapCommand, proxyStatusCommand, proxyConfigCommand],
  'More:': [demoCommand, completionCommand],
};

export const commands: readonly Build[] = Object.entries(groups).flatMap(([heading, builds]) =>
  builds.map((build) => (context: Context) => build(context).helpGroup(heading)),
);
