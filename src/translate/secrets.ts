import type { Authorities, Certificate, SecretName } from '../mesh/index.ts';
import type { Proxy } from './types.ts';

/** What of a proxy says where its secrets are. */
export type Keeper = Pick<Proxy, 'credentials' | 'namespace'>;

/** A renewed secret is read again. */
export function certificateOf(certificate: Certificate, proxy: Keeper): object {
  if (certificate.from === 'files') {
    return {
      certificate_chain: { filename: certificate.chain },
      private_key: { filename: certificate.key },
    };
  }
  const folder = folderOf(certificate, proxy);
  return {
    certificate_chain: { filename: `${folder}/tls.crt` },
    private_key: { filename: `${folder}/tls.key` },
    watched_directory: { path: folder },
  };
}

/** Who signs the certificates of the other side. */
export function trusted(authorities: Authorities, proxy: Keeper): object {
  if (authorities.from === 'file') return { trusted_ca: { filename: authorities.file } };
  const folder = folderOf(authorities, proxy);
  return { trusted_ca: { filename: `${folder}/ca.crt` }, watched_directory: { path: folder } };
}

function folderOf({ namespace, name }: SecretName, { credentials, namespace: own }: Keeper): string {
  return `${credentials}/${namespace ?? own}/${name}`;
}
