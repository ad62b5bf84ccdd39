import type { AnchorKey } from './key.ts';

/**
 * Keys with which a forge signs for whoever clicks its buttons (G4): never an anchor's. The list is part of the
 * ruleset and cannot be complete; self-hosted forges have keys of their own. By material, or by OpenPGP fingerprint.
 */
export const forgeKeys: ReadonlySet<string> = new Set([
  // GitHub web-flow, https://github.com/web-flow.gpg: until January 2024, and since.
  '5DE3E0509C47EA3CF04A42D34AEE18F83AFDEB23',
  '968479A1AFF927E37D1A566BB5690EEEBB952194',
  // GitLab.com, https://docs.gitlab.com/user/project/repository/signed_commits/web_commits/
  'ed25519:00ce08252837743550f42a52fa7ce397cacbb85a247d7baac4a4557cd65e2956',
]);

/** Keys whose private halves are in `test/keys`, by material: an anchor with one of them is everybody. */
export const testKeys: ReadonlySet<string> = new Set([
  'ed25519:b1b0c038ce0d53e9b30405f741aae8bf76e2f5271bdbec98e9371bcf67a415fc', // alice
  'ed25519:251f05af6d740a679b9b1046c1a7970f2ed33a328979c5e2f736b481481326b1', // bo
  'ed25519:b6f27bf3c5a542de249fb8dfb33fffb47791a2d1a1a659705b2057868b34d456', // dana
  'ed25519:c00fad8510d5871aa9d6dd4e20ec85ae8d5800889c2d32c67a8ca9c16a6ee6e4', // eli
  'ed25519:652c23690a6e343d3074e6578c43b4bb3e79ecfd9a7cfb79e9fe9d8f1b1f6507', // fay
  'ed25519:2a01e52fcf525a3e2204f86b690252164654b36e3b2c787b189d45cea1897d55', // mallory
  'ed25519:0cd6848bd9ba028bc0986ef2dc3c207e67f39045a5fc78f7088e12655fa939ff', // cy, primary
  'ed25519:cf9c9d51bf3888a4ddc60a515c0c29b320b2ca1e4fe13ac70da04ce4cd55eeb9', // cy, subkey
  'ed25519:0a2483768b457819417efd798e457ded7ff6f1f97086b02e9e5b48868b41b229', // gus, primary
  'ed25519:097d7956649fe55ca9dbff93ed6b3521aa51ef4646f4db6e7201ae7862c5368e', // gus, subkey
]);

/** Is the key, its primary or any of its signing subkeys in the list? */
export function isListed(key: AnchorKey, list: ReadonlySet<string>): boolean {
  const names =
    key.format === 'ssh'
      ? [key.material]
      : [key.material, ...key.materials, key.fingerprint, ...key.certificate.signing.keys()];
  return names.some((name) => list.has(name));
}
