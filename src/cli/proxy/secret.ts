import { X509Certificate } from 'node:crypto';
import { at, type Fields, textAt } from './resource.ts';
import type { View } from './views.ts';

/** Certificates of an Envoy. Keys are never read: what a dump holds of them is left out where it is parsed. */
export const secretView: View = {
  what: 'certificates',
  aliases: ['secrets', 's'],
  head: ['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE'],
  filters: {},
  rows({ name, state, resource }) {
    const facts = [
      certificate(resource, 'tls_certificate', 'certificate_chain'),
      certificate(resource, 'validation_context', 'trusted_ca'),
    ];
    const type =
      resource.tls_certificate === undefined
        ? resource.validation_context === undefined
          ? ''
          : 'CA'
        : 'Cert Chain';
    const found = facts.find((one) => one !== null) ?? null;
    const cells = found === null ? ['false', '', '', ''] : certificateCells(found);
    return [{ cells: [name, type, state.toUpperCase(), ...cells], part: resource }];
  },
};

/** The first of a chain; null where there is none inline, or none that can be read. */
function certificate(secret: Fields, ...path: readonly string[]): X509Certificate | null {
  const bytes = textAt(secret, ...path, 'inline_bytes');
  const text = bytes === null ? textAt(secret, ...path, 'inline_string') : Buffer.from(bytes, 'base64');
  if (text === null || at(secret, ...path) === undefined) return null;
  try {
    return new X509Certificate(text);
  } catch {
    return null;
  }
}

function certificateCells({ validFromDate, validToDate, serialNumber }: X509Certificate): readonly string[] {
  const now = Date.now();
  const isValid = validFromDate.getTime() <= now && now < validToDate.getTime();
  const written = (date: Date) => date.toISOString().replace('.000Z', 'Z');
  return [String(isValid), serialNumber.toLowerCase(), written(validToDate), written(validFromDate)];
}
