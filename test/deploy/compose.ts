import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { deploy } from './files.ts';

export type Service = {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly hostname?: string;
  readonly init?: boolean;
  readonly network_mode?: string;
  readonly networks?: Readonly<Record<string, { readonly aliases: readonly string[] }>>;
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly build?: { readonly context: string; readonly dockerfile: string };
};
type Compose = {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly volumes: Readonly<Record<string, null>>;
};

export const folder = join(deploy, 'compose');
export const read = (file: string) => readFileSync(join(deploy, file), 'utf8');
export const compose = parse(read('compose/compose.yaml'), { merge: true }) as Compose;
export const services = Object.entries(compose.services);
export const service = (name: string): Service => compose.services[name] ?? { image: '' };
export const replicas = services.filter(([name]) => name.startsWith('fairlead-'));
/** Whose network namespace, and so whose ports, a service has. */
export const network = ({ network_mode = '' }: Service): Service =>
  service(network_mode.replace('service:', ''));

/** What an operator makes before the first start, as docs/operations.md says. */
export const made = ['pin.json', 'secrets/redis-password', 'secrets/users.acl', 'secrets/grafana-password'];

/** The file or folder beside compose.yaml, or the volume, that a container sees at a path; null where none is mounted there. */
export function mounted({ volumes = [] }: Service, path: string): string | null {
  for (const volume of volumes) {
    const [from = '', to = ''] = volume.split(':');
    if (path === to || path.startsWith(`${to}/`)) return from + path.slice(to.length);
  }
  return null;
}
