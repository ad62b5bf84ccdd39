import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../src/base/failure.ts';
import {
  type ConfigInput,
  completeConfig,
  configFile,
  effectiveConfig,
  formatConfig,
} from '../src/config.ts';
import { cacheDir } from '../src/environment.ts';
import { settings } from '../src/settings.ts';
import { noRedis } from './server.ts';

const needed = { repository: 'https://git.acme.example/mesh.git', pin: 'pin.json' };
type Input = Partial<Omit<ConfigInput, 'file'>> & { readonly file?: string };

const effective = ({ file, ...input }: Input) =>
  effectiveConfig({
    flags: needed,
    environment: { HOME: '/home/op' },
    cwd: '/work',
    file: file === undefined ? null : { path: '/etc/fairlead/config.yaml', text: file },
    ...input,
  });
const config = (input: Input = {}) =>
  completeConfig(effective({ ...input, flags: { ...needed, ...input.flags } }));
const header = 'apiVersion: fairlead.dev/v1alpha1\nkind: ServerConfig\n';

describe('effectiveConfig', () => {
  it('has a default for all that is not a decision', () => {
    expect(config()).toEqual({
      dataDir: '/home/op/.local/state/fairlead',
      repositories: [
        {
          name: 'mesh',
          repository: 'https://git.acme.example/mesh.git',
          branch: 'main',
          pin: '/work/pin.json',
          gitBackend: 'auto',
          sshKeyFile: null,
          knownHostsFile: null,
          tokenFile: null,
          username: 'git',
          githubAppFile: null,
          caFile: null,
          proxy: null,
          webhookSecretFile: null,
          pollMs: 60_000,
          fetchTimeoutMs: 60_000,
        },
      ],
      removalTimeoutMs: 30_000,
      maxConnectionAgeMs: null,
      keepaliveMs: 30_000,
      otlpEndpoint: null,
      ...noRedis,
      xds: { host: '127.0.0.1', port: 15010 },
      http: { host: '127.0.0.1', port: 15014 },
    });
  });

  it('takes a flag before the environment, the environment before the file, and the file before the default', () => {
    const environment = { FAIRLEAD_BRANCH: 'env', FAIRLEAD_POLL: '2s', FAIRLEAD_FETCH_TIMEOUT: '5s' };
    const file = `${header}branch: file\npoll: 3s\nname: file\n`;
    const found = config({ flags: { ...needed, branch: 'flag' }, environment, file });
    const one = { branch: 'flag', pollMs: 2_000, name: 'file', fetchTimeoutMs: 5_000 };
    expect(found).toMatchObject({ repositories: [one] });
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
    expect(config({ flags: { ...needed, repository } })).toMatchObject({
      repositories: [{ repository: expected }],
    });
  });

  it('resolves the files of an SSH remote', () => {
    const flags = { sshKeyFile: 'key', knownHostsFile: '/etc/hosts.keys' };
    const files = { sshKeyFile: '/work/key', knownHostsFile: '/etc/hosts.keys' };
    expect(config({ flags })).toMatchObject({ repositories: [files] });
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
    ['a branch that no repository can have', { flags: { branch: 'a b' } }],
    ['a git backend that is none', { flags: { gitBackend: 'libgit2' } }],
    ['a file of another kind', { file: 'apiVersion: fairlead.dev/v1alpha1\nkind: Scope\n' }],
    ['a file that is no mapping', { file: '- a\n' }],
    ['a file that is no YAML', { file: 'a: [\n' }],
  ] satisfies [string, Input][])('refuses %s', (_, input) => {
    expect(() => config(input)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  });

  it.each([
    'a..b',
    'a~1',
    'main:',
    'x.lock',
    '.x',
    'a/.b',
    '/a',
    'a/',
    'a//b',
    'a.',
    'a@{1}',
    'a\\b',
    'a\tb',
    '*',
  ])('knows that %j is no branch, and where it was said', (branch) => {
    const file = `${header}branch: ${JSON.stringify(branch)}\n`;
    expect(() => effective({ flags: {}, file })).toThrow(/config\.yaml:3:9: branch: /);
  });

  it.each(['main', 'release/1.2', 'a-b_c', '@', 'ünï', 'locks', 'a.b'])('takes the branch %s', (branch) => {
    expect(config({ flags: { branch } }).repositories).toMatchObject([{ branch }]);
  });

  it.each([
    'https://ghp_secret@github.com/o/mesh.git',
    'http://bot:secret@h/mesh.git',
    ' HTTP:\\\\secret@h/m',
  ])('shows nothing of %j', (repository) => {
    const failure = expect.objectContaining({
      code: 'config-invalid',
      message: expect.not.stringContaining('secret'),
      fix: expect.stringContaining('tokenFile'),
    });
    expect(() => effective({ flags: { repository } })).toThrow(failure);
    expect(() =>
      effective({ flags: {}, file: `${header}repository: ${JSON.stringify(repository)}\n` }),
    ).toThrow(failure);
  });

  it.each(['ssh://git@github.com/o/mesh.git', 'git@github.com:o/mesh.git', 'https://h/o@2/m.git?a@b'])(
    'takes %s',
    (repository) => {
      expect(effective({ flags: { repository } }).config).toMatchObject({ repositories: [{ repository }] });
    },
  );

  it('takes paths of the file as relative to the file, others to where it was started', () => {
    const file = `${header}dataDir: state\nrepository: ../mesh.git\npin: pin.json\n`;
    expect(effective({ flags: {}, file }).config).toMatchObject({
      dataDir: '/etc/fairlead/state',
      repositories: [{ repository: '/etc/mesh.git', pin: '/etc/fairlead/pin.json' }],
    });
    expect(effective({ flags: { pin: 'p' }, file }).config).toMatchObject({
      repositories: [{ pin: '/work/p' }],
    });
  });

  it.each([
    ['a field that is none, and the nearest that is', 'brunch: main\n', '3:1: error FL2105 ', 'branch?'],
    ['a number where a text is needed', 'branch: 1\n', '3:9: error FL2107 ', 'fix'],
    ['a malformed duration', 'poll: soon\n', '3:7: error FL2110 ', 'fix'],
    ['a duration of nothing', 'poll: 0s\n', '3:7: poll: ', '(--poll, FAIRLEAD_POLL, or poll in a file)'],
    ['an address that is not this machine', 'xds: 0.0.0.0:15010\n', '3:6: xds: ', 'fix'],
    ['two documents', '---\nbranch: main\n', '4:1: error FL2009 ', 'fix'],
    ['a key given twice', 'poll: 1m\npoll: 2m\n', '4:1: error FL2003 ', 'fix'],
  ])('points into the file at %s', (_, text, place, fix) => {
    expect.assertions(2);
    try {
      config({ file: header + text });
    } catch (error) {
      const said = error as { readonly message: string; readonly fix: string };
      expect(said.message).toContain(`/etc/fairlead/config.yaml:${place}`);
      expect(`${said.message} fix ${said.fix}`).toContain(fix);
    }
  });

  it('takes for null what is needed and not given, until all of it is asked for', () => {
    const nothing = effective({ flags: { branch: 'b' } });
    expect(nothing.config).toMatchObject({ repositories: [{ repository: null, pin: null, branch: 'b' }] });
    expect(formatConfig(nothing)).toContain('\n# repository: is needed\n');
    const all = failureOf(() => completeConfig(nothing)).message.split('\n');
    expect(all).toEqual([
      'repository: it is needed; give it (--repository, FAIRLEAD_REPOSITORY, or repository in a file)',
      'pin: it is needed; give it (--pin, FAIRLEAD_PIN, or pin in a file)',
    ]);
    expect(failureOf(() => completeConfig(effective({ flags: { pin: 'p' } })))).toMatchObject({
      message: 'repository: it is needed',
      fix: 'give it (--repository, FAIRLEAD_REPOSITORY, or repository in a file)',
    });
  });

  it('names every wrong value at once, wherever it was given', () => {
    const failure = failureOf(() =>
      effective({
        flags: { http: 'here', name: '' },
        environment: { FAIRLEAD_POLL: 'soon' },
        file: `${header}xds: 0.0.0.0:15010\nbranch: a b\n`,
      }),
    );
    expect(failure.message.split('\n').map((line) => line.split(': ', 2)[0])).toEqual([
      '/etc/fairlead/config.yaml:3:6',
      'http',
      '/etc/fairlead/config.yaml:4:9',
      'name',
      'poll',
    ]);
    expect(failure.message).toContain(
      'http: "here" is no address; write host:port (--http, FAIRLEAD_HTTP, or http in a file)\n',
    );
    expect(failure.fix).toBe('correct each of them');
  });

  it('names every mistake of the file at once', () => {
    const file = 'apiVersion: fairlead.dev/v1\nkind: ServerConfig\nbrunch: main\n';
    const message = expect.stringMatching(/:1:13: error FL2108 .*\n.*:3:1: error FL2105 /);
    expect(() => config({ file })).toThrow(expect.objectContaining({ code: 'config-invalid', message }));
  });

  it('refuses a file that holds nothing', () => {
    const message = expect.stringContaining(':1:1: error FL2010 ');
    expect(() => config({ file: '# nothing\n' })).toThrow(expect.objectContaining({ message }));
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

describe('formatConfig', () => {
  it('is a file that says the same, with who said what', () => {
    const input = {
      flags: { ...needed, branch: 'trunk' },
      environment: { HOME: '/home/op', FAIRLEAD_HTTP: ':80' },
    };
    const first = effective({ ...input, file: `${header}poll: 5m\n` });
    const printed = formatConfig(first);
    expect(printed).toContain('\nbranch: trunk  # --branch\n');
    expect(printed).toContain('\nhttp: :80  # FAIRLEAD_HTTP\n');
    expect(printed).toContain('\npoll: 5m  # /etc/fairlead/config.yaml:3:7\n');
    expect(printed).toContain('\nfetchTimeout: 60s  # default\n');
    const absolute = printed.replace('pin: pin.json', 'pin: /work/pin.json');
    expect(effective({ flags: {}, file: absolute }).config).toEqual(first.config);
  });
});

describe('a list of repositories', () => {
  const entry = (name: string, more = '') =>
    `  - { name: ${name}, repository: ${name}.git, pin: ${name}.json${more} }\n`;
  const list = `${header}branch: trunk\npoll: 2m\nrepositories:\n${entry('shop')}${entry('bank', ', poll: 5s')}`;

  it('is one that says each with its own, and the rest for all', () => {
    expect(effective({ flags: {}, file: list }).config.repositories).toMatchObject([
      { name: 'shop', repository: '/etc/fairlead/shop.git', branch: 'trunk', pollMs: 120_000 },
      { name: 'bank', pin: '/etc/fairlead/bank.json', branch: 'trunk', pollMs: 5_000 },
    ]);
    expect(effective({ flags: { poll: '1s' }, file: list }).config.repositories).toMatchObject([
      { pollMs: 1_000 },
      { pollMs: 1_000 },
    ]);
  });

  it('is printed as a file that says the same', () => {
    const first = effective({ flags: {}, file: list });
    const printed = formatConfig(first);
    expect(printed).toContain('    poll: 5s  # /etc/fairlead/config.yaml:7:63\n');
    expect(effective({ flags: {}, file: printed }).config).toEqual(first.config);
  });

  it.each([
    ['of nothing', 'repositories: []\n', '3:1: error FL2'],
    ['with an entry that is not whole', 'repositories: [{ name: shop }]\n', '3:16: error FL2'],
    ['beside one that is named', `pin: p\nrepositories:\n${entry('shop')}`, '3:6: pin: the file lists'],
    [
      'of one name twice',
      `repositories:\n${entry('shop')}${entry('shop')}`,
      '5:13: name: there are two shop',
    ],
  ])('is refused %s', (_, text, place) => {
    expect(() => effective({ flags: {}, file: header + text })).toThrow(
      expect.objectContaining({
        code: 'config-invalid',
        message: expect.stringContaining(`/etc/fairlead/config.yaml:${place}`),
      }),
    );
  });

  it('is told once what is wrong for each of its entries', () => {
    expect(failureOf(() => effective({ flags: { poll: 'soon' }, file: list }))).toMatchObject({
      message: 'poll: "soon" is no duration',
    });
  });

  it('is refused beside a flag that names one', () => {
    expect(() => effective({ flags: { repository: 'x' }, file: list })).toThrow(
      expect.objectContaining({ message: 'repository: the file lists repositories' }),
    );
  });
});

function failureOf(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure && error.code === 'config-invalid') return error;
  }
  throw new Error('it was taken');
}

describe('the way to Redis', () => {
  it.each([
    ['redis://r', { host: 'r', port: 6379, db: 0, tls: false }],
    ['rediss://r.example:6380/3', { host: 'r.example', port: 6380, db: 3, tls: true }],
    ['redis://[::1]:1/', { host: '::1', port: 1, db: 0, tls: false }],
  ])('is %s', (redis, found) => {
    expect(config({ flags: { redis } }).redis).toEqual(found);
  });

  it.each([
    ['http://r', /no URL of Redis/],
    ['r:6379', /no URL of Redis/],
    ['redis://r/one', /no URL of Redis/],
    ['redis://user:s3cret@r', /redisPasswordFile/],
    ['http://user:s3cret@r', /no URL of Redis/],
    ['redis://r?family=6', /options/],
  ])('is not %s', (redis, text) => {
    const failure = failureOf(() => config({ flags: { redis } }));
    expect(`${failure.message} ${failure.fix}`).toMatch(text);
    expect(failure.message).not.toContain('s3cret');
  });

  it('has a prefix of few signs', () => {
    expect(config({ flags: { redisPrefix: '{team}:a' } }).redisPrefix).toBe('{team}:a');
    expect(failureOf(() => config({ flags: { redisPrefix: 'a b' } })).message).toMatch(/no prefix of keys/);
  });

  const sentinel = 'redisSentinel: { name: m, sentinels: [ "s1:26379", "[::1]:2" ], db: 1, tls: true }\n';
  const cluster = 'redisCluster: { nodes: [ "n1:6379" ], natMap: { "10.0.0.1:1": "n1:1" } }\n';

  it('may be Sentinels or a Cluster, in the file alone, and is shown as it stands there', () => {
    const said = { name: 'm', sentinels: ['s1:26379', '[::1]:2'], db: 1, tls: true };
    const file = `${header}${sentinel}`;
    expect(config({ file })).toMatchObject({ redis: null, redisSentinel: said, redisCluster: null });
    const shown = formatConfig(effective({ flags: needed, file }));
    expect(shown).toContain('# redisCluster: is not set');
    expect(config({ file: shown }).redisSentinel).toEqual(said);
    const nodes = { nodes: ['n1:6379'], natMap: { '10.0.0.1:1': 'n1:1' } };
    expect(config({ file: `${header}${cluster}` }).redisCluster).toEqual(nodes);
  });

  it.each([
    [`${sentinel}${cluster}`, /:3:1: there are several ways to Redis/],
    [`redis: redis://r\n${cluster}`, /:3:8: there are several ways to Redis/],
    ['redisSentinel: { name: m, sentinels: [] }\n', /:3:27: .*at least 1/],
    ['redisSentinel: { name: m, sentinels: [ s1 ] }\n', /:3:40: .*host:port/],
    ['redisCluster: { nodes: [ "n1:1" ], password: s3cret }\n', /:3:36: .*password/],
  ])('is refused in %j', (text, message) => {
    expect(failureOf(() => config({ file: `${header}${text}` })).message).toMatch(message);
  });
});

describe('who takes traces', () => {
  const shared = {
    HOME: '/home/op',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://shared:4318',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=s3cret',
  };

  it('is whom our own settings name, else whom all on this machine tell', () => {
    const file = `${header}otlpEndpoint: http://file:4318\n`;
    expect(config({ environment: shared, file }).otlpEndpoint).toBe('http://file:4318');
    const own = { ...shared, FAIRLEAD_OTLP_ENDPOINT: 'http://own:4318' };
    expect(config({ environment: own, file }).otlpEndpoint).toBe('http://own:4318');
    expect(config({ environment: shared }).otlpEndpoint).toBe('http://shared:4318');
    expect(config({ environment: { ...shared, OTEL_EXPORTER_OTLP_ENDPOINT: '' } }).otlpEndpoint).toBeNull();
  });

  it('is shown with who said it, without what it is told', () => {
    const shown = formatConfig(effective({ environment: shared }));
    expect(shown).toContain('otlpEndpoint: http://shared:4318  # OTEL_EXPORTER_OTLP_ENDPOINT\n');
    expect(shown).not.toContain('s3cret');
  });

  it.each([
    'collector:4318',
    'grpc://collector:4317',
    'http://user:s3cret@collector:4318',
    'https://collector?key=s3cret',
  ])('is not %s', (endpoint) => {
    const environment = { HOME: '/', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
    const failure = failureOf(() => config({ environment }));
    expect(failure.message).toMatch(/^OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint: /);
    expect(`${failure.message} ${failure.fix}`).not.toContain('s3cret');
  });
});

describe('schemas/ServerConfig.json', () => {
  it('says the defaults that are in force', () => {
    const file = join(import.meta.dirname, '../schemas/ServerConfig.json');
    const { properties } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly properties: Readonly<Record<string, { readonly default?: string }>>;
    };
    const { origins, repositories } = effective({});
    for (const { setting, text, from } of [...origins, ...repositories.flat()]) {
      if (from === 'default' && text !== null && setting !== 'dataDir')
        expect(properties[setting]?.default).toBe(text);
      else expect(properties[setting]?.default).toBeUndefined();
    }
  });
});

it('docs/settings.md lists every setting with its default', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/settings.md'), 'utf8');
  const [, table = ''] = /\| setting .*\n([\s\S]*?)\n\n/.exec(page) ?? [];
  const rows = table.split('\n').map((row) => row.split('|'));
  for (const [name, { otherwise }] of Object.entries(settings)) {
    const row = rows.find(([, names]) => names?.includes(`\`${name}\``));
    expect(row?.[2], name).toContain(typeof otherwise === 'string' ? `\`${otherwise}\`` : '');
  }
});
