import { describe, expect, it } from 'vitest';
import { type ConfigInput, cacheDir, configFile, serverConfig } from '../src/config.ts';

const needed = { repository: 'https://git.acme.example/mesh.git', pin: 'pin.json' };
const config = (input: Partial<ConfigInput> = {}) =>
  serverConfig({
    environment: { HOME: '/home/op' },
    cwd: '/work',
    file: null,
    ...input,
    flags: { ...needed, ...input.flags },
  });
const header = 'apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\n';

describe('serverConfig', () => {
  it('has a default for all that is not a decision', () => {
    expect(config()).toEqual({
      dataDir: '/home/op/.local/state/fairlead',
      name: 'mesh',
      repository: 'https://git.acme.example/mesh.git',
      branch: 'main',
      pin: '/work/pin.json',
      pollMs: 60_000,
      fetchTimeoutMs: 60_000,
      removalTimeoutMs: 30_000,
      xds: { host: '127.0.0.1', port: 15010 },
      http: { host: '127.0.0.1', port: 15014 },
    });
  });

  it('takes a flag before the environment, the environment before the file, and the file before the default', () => {
    const environment = { FAIRLEAD_BRANCH: 'env', FAIRLEAD_POLL: '2s', FAIRLEAD_FETCH_TIMEOUT: '5s' };
    const file = `${header}branch: file\npoll: 3s\nname: file\n`;
    const found = config({ flags: { ...needed, branch: 'flag' }, environment, file });
    expect(found).toMatchObject({ branch: 'flag', pollMs: 2_000, name: 'file', fetchTimeoutMs: 5_000 });
  });

  it('follows the XDG specification, which ignores relative paths', () => {
    expect(config({ environment: { XDG_STATE_HOME: '/var/state' } }).dataDir).toBe('/var/state/fairlead');
    const environment = { XDG_STATE_HOME: 'state', HOME: '/h' };
    expect(config({ environment }).dataDir).toBe('/h/.local/state/fairlead');
    expect(config({ flags: { ...needed, dataDir: 'here' } }).dataDir).toBe('/work/here');
    expect(cacheDir({ HOME: '/h' })).toBe('/h/.cache/fairlead');
  });

  it.each([
    ['./mesh.git', '/work/mesh.git'],
    ['/srv/mesh.git', '/srv/mesh.git'],
    ['http://localhost:3000/mesh.git', 'http://localhost:3000/mesh.git'],
    ['git@git.acme.example:web/mesh.git', 'git@git.acme.example:web/mesh.git'],
  ])('repository %s', (repository, expected) => {
    expect(config({ flags: { ...needed, repository } }).repository).toBe(expected);
  });

  it.each([
    ['15014', '127.0.0.1', 15014],
    [':0', '127.0.0.1', 0],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['[::1]:15014', '::1', 15014],
    ['localhost:65535', 'localhost', 65535],
  ])('address %s', (http, host, port) => {
    expect(config({ flags: { ...needed, http } }).http).toEqual({ host, port });
  });

  it.each([
    ['no repository', { flags: { repository: '' } }],
    ['a password in the URL', { flags: { repository: 'https://bot:secret@git.acme.example/mesh.git' } }],
    ['a name that is no DNS label', { flags: { name: '../up' } }],
    ['xDS beyond this machine', { flags: { xds: '0.0.0.0:15010' } }],
    ['a port that is none', { flags: { http: '127.0.0.1:65536' } }],
    ['IPv6 without brackets', { flags: { http: '::1:80' } }],
    ['a time without a unit', { flags: { poll: '60' } }],
    ['a time of zero', { environment: { FAIRLEAD_POLL: '0s' } }],
    ['a setting that is none', { file: `${header}brunch: main\n` }],
    ['a setting that is no string', { file: `${header}branch: 1\n` }],
    ['a file of another kind', { file: 'apiVersion: fairlead.dev/v1alpha1\nkind: Scope\n' }],
    ['a file that is no mapping', { file: '- a\n' }],
    ['a file that is no YAML', { file: 'a: [\n' }],
  ] satisfies [string, Partial<ConfigInput>][])('refuses %s', (_, input) => {
    expect(() => config(input)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  });

  it('never repeats a password', () => {
    const secret = { repository: 'https://bot:hunter2@git.acme.example/mesh.git' };
    expect(() => config({ flags: secret })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });

  it('names the file by flag or environment', () => {
    expect(configFile({}, {}, '/work')).toBeNull();
    expect(configFile({}, { FAIRLEAD_CONFIG: 'a.yaml' }, '/work')).toBe('/work/a.yaml');
    expect(configFile({ config: '/b.yaml' }, { FAIRLEAD_CONFIG: 'a.yaml' }, '/work')).toBe('/b.yaml');
  });
});
