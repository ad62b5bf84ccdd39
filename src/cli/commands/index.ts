import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { explainCommand } from './explain.ts';
import { lineageCommand } from './lineage.ts';
import { verifyCommand } from './verify.ts';

/** A new command is one file and one line here. */
export const commands: readonly ((context: Context) => Command)[] = [
  verifyCommand,
  lineageCommand,
  explainCommand,
];
