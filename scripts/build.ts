import { execFileSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { generateExtensions } from './generate-extensions.ts';
import { generateProtobuf } from './generate-protobuf.ts';
import { generateSchemas } from './generate-schemas.ts';

/** `npm pack` runs this: `dist/` is `src/` as JavaScript, since Node strips no types below `node_modules`. */
const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

await generateSchemas();
await generateProtobuf();
await generateExtensions();
rmSync(dist, { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
// The compiler leaves out what is JavaScript already.
for (const file of globSync('generated/**/*.js', { cwd: join(root, 'src') })) {
  cpSync(join(root, 'src', file), join(dist, file));
}
