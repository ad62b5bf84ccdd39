import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');
export const deploy = join(root, 'deploy');

/** One instruction of a Dockerfile, such as `COPY`, and what follows it; continued lines are one. */
type Instruction = { readonly name: string; readonly rest: string };

export function dockerfile(): readonly Instruction[] {
  const text = readFileSync(join(deploy, 'docker/Dockerfile'), 'utf8');
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
      return { name, rest };
    });
}

/** Its stages, each from its FROM on. */
export function stages(): readonly (readonly Instruction[])[] {
  const found: Instruction[][] = [];
  for (const instruction of dockerfile()) {
    if (instruction.name === 'FROM') found.push([]);
    found.at(-1)?.push(instruction);
  }
  return found;
}

/** What the first stage copies from the checkout: files and folders. */
export function copied(): readonly string[] {
  const [build = []] = stages();
  return build.filter(({ name }) => name === 'COPY').flatMap(({ rest }) => rest.split(' ').slice(0, -1));
}

/** What an instruction in the form of a JSON array says; nothing is run by a shell. */
export function words(rest: string): readonly string[] {
  return JSON.parse(rest);
}
