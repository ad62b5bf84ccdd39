import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', [...args]);

/** A certificate with its key, as text and as files. */
export type Identity = {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
};

/** A CA of its own in a folder of its own. */
export type Authority = {
  readonly folder: string;
  readonly ca: string;
  readonly caFile: string;
  issue(name: string, key?: keyof typeof keys): Promise<Identity>;
  /** Writes an identity as Kubernetes mounts a secret: `<namespace>/<name>/tls.crt`. */
  mount(namespace: string, name: string, identity: Identity): Promise<void>;
  /** List of revoked certificates, as a file. */
  revoke(identity: Identity): Promise<string>;
  remove(): Promise<void>;
};

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const keys = { ec: curve, rsa: ['-newkey', 'rsa:2048', '-nodes'] };

export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-ca-'));
  const file = (name: string) => join(folder, name);
  const [caFile, caKey] = [file('ca.crt'), file('ca.key')];
  await openssl('req', '-x509', ...curve, '-subj', '/CN=ca', '-days', '2', '-keyout', caKey, '-out', caFile);
  const ca = await readFile(caFile, 'utf8');
  return {
    folder,
    ca,
    caFile,
    async issue(name, kind = 'ec') {
      const [key = '', request = '', cert = '', names = ''] = ['key', 'csr', 'crt', 'ext'].map((part) =>
        file(`${name}.${kind}.${part}`),
      );
      await openssl('req', ...keys[kind], '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
      await writeFile(names, `subjectAltName=DNS:${name}\n`);
      const signer = ['-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-days', '2'];
      await openssl('x509', '-req', '-in', request, ...signer, '-extfile', names, '-out', cert);
      const texts = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
      return { ...texts, certFile: cert, keyFile: key };
    },
    async mount(namespace, name, identity) {
      const secret = join(folder, 'secrets', namespace, name);
      await mkdir(secret, { recursive: true });
      await writeFile(join(secret, 'tls.crt'), identity.cert);
      await writeFile(join(secret, 'tls.key'), identity.key);
      await writeFile(join(secret, 'ca.crt'), ca);
    },
    async revoke({ certFile }) {
      const [index, number, config] = [file('index.txt'), file('crlnumber'), file('ca.cnf')];
      await writeFile(index, '');
      await writeFile(number, '01\n');
      const lines = ['[ca]', 'default_ca=d', '[d]', `database=${index}`, `crlnumber=${number}`];
      await writeFile(config, [...lines, 'default_md=sha256', 'default_crl_days=2', ''].join('\n'));
      const signer = ['-config', config, '-cert', caFile, '-keyfile', caKey];
      await openssl('ca', ...signer, '-revoke', certFile);
      await openssl('ca', ...signer, '-gencrl', '-out', file('ca.crl'));
      return file('ca.crl');
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
