import { sha256 } from '../base/digest.ts';
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

/** Keys whose private halves are in `test/keys`, by material (SHA-256 of a long one): an anchor with one is everybody. */
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
  'sha256:6571743a7b511fc8686dce68f5bd962315b3453538cc559e6bec61107f1f57df', // ecdsa-256
  'sha256:99782b382808ad1b8917fca5027a712ae1ea837a1b5dc1348c4c2d4b5b62e6a0', // ecdsa-384
  'sha256:a909d45d8f784a5e5cd197bdb320e15a877a7982d7a1e0cfad5b57238f03ff8a', // ecdsa-521
  'sha256:3b595e611d6092bc552f3e0455852c654e50eba953c785bff6a168275dd5fdb3', // rsa-3072
  'ed25519:a5b3dcb46bfae2049063013e66365e391dfecb457e864ee3e01ccc9f7034e8ba', // sk-ed25519
  'sha256:8ca305c939ee8fc64da65d4d0ff41c7d93d1f95e5631e25ac9a0039cafb0ed12', // sk-ecdsa
  'sha256:b2a24ac7c89d992fd74769bf5b230463f4a463e00cd696ff5e8ff10f5d0c803d', // pgp-256, primary
  'sha256:7912ca21f2e02ba0d3192437f2a470e7368653cd253f16e52cce4cba6579833c', // pgp-256, subkey
  'sha256:c99484d0410b801670b52df2bed19085d77d8d710a59db6f66f60c533128576b', // pgp-384, primary
  'sha256:8083f2334b5b34d8e1679538314e4a8be96d7b9e54b639e674e107faa0a6367a', // pgp-384, subkey
  'sha256:4374690ecc54d4464d646096573bf2e19b8663b4bbcb4831b7bcc70a7f32e83b', // pgp-521, primary
  'sha256:a677f24fcd403399c2498cb77d6e3bc8b9a2cfc1675657ea968dbc58c520fc5b', // pgp-521, subkey
  'sha256:404216d885216bf6c30265cf5b03b441b1916fb652df53be7523a24a7fd5e560', // pgp-rsa, primary
  'sha256:0234523033da16b535f2f3b04c40824551e2eedd4eeaf6e714cab8636fb0df8a', // pgp-rsa, subkey
  'ed25519:8adb97f427b2b15206e0aba2f0a7e804f7e8cb3bfd5b46966735c78ab60bb54a', // pgp-v4-27, primary
  'ed25519:41cea44470e4e4384c3aec1bc42311ac87079d949947e484f26eed6f1205907a', // pgp-v4-27, subkey
  'ed25519:3f06774600d36ab01bf4be6132796936e5a73b1d80b60c0064ee94557619655d', // pgp-v6, primary
  'ed25519:fd8359962b99a670a0111dc0f23ea83462de6e985f9bd8b01f1661941f3aa2af', // pgp-v6, subkey
]);

/** Is the key, its primary or any of its signing subkeys in the list? */
export function isListed(key: AnchorKey, list: ReadonlySet<string>): boolean {
  const names =
    key.format === 'ssh'
      ? [key.material]
      : [key.material, ...key.materials, key.fingerprint, ...key.certificate.signing.keys()];
  return names.some((name) => list.has(name) || list.has(`sha256:${sha256(Buffer.from(name))}`));
}
