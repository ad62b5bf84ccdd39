/** `git-host.ts FOLDER ADDRESS PORT`: serves the repositories of a folder by http, as a forge on another machine does. */
import { createServer } from 'node:http';
import { answerGit } from '../git/http-remote.ts';

const [folder = '', address = '', port = ''] = process.argv.slice(2);

createServer((request, response) => answerGit(folder, request, response)).listen(Number(port), address, () =>
  process.stderr.write('listening\n'),
);
