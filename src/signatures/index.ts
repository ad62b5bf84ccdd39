/**
 * Signatures: did a key of an anchor sign exactly these bytes? (G4, G13, G14)
 *
 * Guarantees: a pure function of the signature's bytes, the signed bytes (a commit's, or a token's: formats.md, Detached)
 * and the pinned key, whichever version of OpenSSL does the arithmetic. No keyring, no clock: neither the expiry of a key
 * nor that of a signature nor any date changes a verdict. One secret has one `material`, whether it stands in an SSH line,
 * in an authenticator's or in an OpenPGP certificate.
 * Refuses, with a reason: whatever is not exactly one signature in the one strict encoding, or is made by a key that
 * the pinned bytes do not allow to sign.
 */
export type { AnchorKey } from './key.ts';
export { parseOpenpgpKey } from './openpgp-key.ts';
export { forgeKeys, isListed, testKeys } from './refused-keys.ts';
export { parseSshKey } from './ssh-key.ts';
export { detachedSignature, signerOf, verifySignature } from './verify.ts';
