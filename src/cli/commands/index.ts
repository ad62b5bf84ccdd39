import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { approveCommand } from './approve.ts';
import { bootstrapCommand } from './bootstrap.ts';
import { checkCommand } from './check.ts';
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

/** In the order of `fairlead --help`. A new command is one file and one line here. */
export const commands: readonly ((context: Context) => Command)[] = [
  initCommand,
  trustCommand,
  planCommand,
  approveCommand,
  verifyCommand,
  lineageCommand,
  explainCommand,
  checkCommand,
  serveCommand,
  bootstrapCommand,
  statusCommand,
  reconcileCommand,
  proxyStatusCommand,
  proxyConfigCommand,
  demoCommand,
];
