import { Command } from 'commander';
import type { Context, ServeFlags } from '../context.ts';

/** Declares the options; `config.ts` gives them their meaning and defaults. */
export function serveCommand(context: Context): Command {
  return new Command('serve')
    .description('runs the control plane: follows a repository and serves what was accepted to proxies')
    .option('--config <file>', 'a ServerConfig file; flags and FAIRLEAD_* go before it')
    .option('--repository <url>', 'http(s) URL, or a folder of this machine')
    .option('--branch <name>', 'the main line (default: main)')
    .option('--pin <file>', 'what `fairlead trust` wrote')
    .option('--name <name>', 'of the repository in the API (default: mesh)')
    .option('--data-dir <folder>', 'what has to survive a restart')
    .option('--xds <address>', 'for proxies, plain text on loopback (default: 127.0.0.1:15010)')
    .option('--http <address>', 'the API (default: 127.0.0.1:15014)')
    .option('--poll <duration>', 'how often to look at the remote (default: 1m)')
    .option('--fetch-timeout <duration>', 'of one fetch (default: 60s)')
    .option('--removal-timeout <duration>', 'how long a removal waits for an ACK (default: 30s)')
    .action(async (flags: ServeFlags) => context.finish(await context.serve(flags)));
}
