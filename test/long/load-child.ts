import { readManifests, readOffline } from '../../src/manifests/index.ts';
import { hostileTexts } from '../manifests/hostile.ts';
import { scopeOf } from '../manifests/scope.ts';

/** `load-child.ts <text> <characters> <manner>`: reads a hostile text, and says with how many problems and what time. */
const [name = '', size = '', manner = ''] = process.argv.slice(2);
const text = `# apiVersion\n${hostileTexts[name]?.(Number(size)) ?? ''}`.slice(0, Number(size));
const scope = scopeOf({ 'a.yaml': text });
const start = process.cpuUsage();
const { problems } = manner === 'exported' ? readOffline(scope, 'exported').resources : readManifests(scope);
const { user } = process.cpuUsage(start);
process.stdout.write(JSON.stringify({ problems: problems.length, cpuMs: Math.round(user / 1000) }));
