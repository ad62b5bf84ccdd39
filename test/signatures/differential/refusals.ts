/** Every reason for which we refuse a changed commit, and why git takes some of them (docs/signatures.md). */
export type Refusal = {
  readonly name: string;
  /** The first that matches is it. */
  readonly reason: RegExp;
  /** Why we refuse what git may take; null: git takes none of these either, and the differential holds it to that. */
  readonly why: string | null;
};

const never = (name: string, reason: RegExp): Refusal => ({ name, reason, why: null });
const stricter = (name: string, reason: RegExp, why: string): Refusal => ({ name, reason, why });

export const refusals: readonly Refusal[] = [
  never('not a commit', /^git itself cannot read tree and parents$/),
  never('no end of the headers', /^has no blank line/),
  never('tree or parents in upper case', /^names tree or parents in upper case$/),
  never('no signature', /^has no signature$/),
  stricter(
    'order of the headers',
    /^has no (author|committer) line after/,
    'git passes over what stands between parents, author and committer: each reader may see another commit (G1)',
  ),
  stricter(
    'a header twice or misplaced',
    /^has a second or misplaced/,
    'git takes the first tree or author, other readers the last: signed for one, deployed as the other (G1)',
  ),
  stricter(
    'name of a header',
    /^has a malformed header/,
    'git passes over a header with any name; one with capitals or no name is nobody’s, and shows nothing to its reader (G1)',
  ),
  stricter(
    'another signature header',
    /^has a second kind of signature header/,
    'it is outside what is signed, so one signature would be on many commits (G1)',
  ),
  stricter(
    'two signatures',
    /^has more than one signature header$/,
    'git reports the first SSH signature only, and the order can be exchanged by anybody (G1)',
  ),
  stricter('NUL', /^contains a NUL byte$/, 'git log ends at it: what follows is signed and not shown (G1)'),
  stricter(
    'carriage return',
    /^contains a carriage return$/,
    'terminals overwrite a line with what follows it (G1)',
  ),
  stricter(
    'encoding',
    /^(is not encoded in UTF-8|has more than one encoding header)$/,
    'another reader would see another text (G1)',
  ),
  stricter(
    'kind of armour',
    /^the signature is unknown, the key/,
    'git also takes PGP MESSAGE and SIGNED MESSAGE; git commit -S makes neither (G14)',
  ),
  never('the other format', /^the signature is (ssh|openpgp), the key/),
  stricter(
    'ends of the armour',
    /^armour does not (begin|end) with/,
    'git, gpg and ssh-keygen pass over spaces, empty lines and text around it: one signature, one armour (G13, G14)',
  ),
  stricter(
    'empty line in the armour',
    /^armour with an empty line in its data$/,
    'gpg and ssh-keygen pass over it: one signature, one armour (G13, G14)',
  ),
  stricter(
    'base64',
    /^armour that is not base64$/,
    'gpg and ssh-keygen pass over spaces, and gpg over other letters and missing padding (G13, G14)',
  ),
  stricter(
    'header of the armour',
    /^armour with a header line that is not/,
    'gpg passes over names that it does not know: they are outside what is signed (G14)',
  ),
  stricter(
    'no line between header and data',
    /^armour without the empty line/,
    'gpg takes a line of spaces for it (G14)',
  ),
  never('wrong checksum', /^armour of which the checksum is wrong$/),
  stricter(
    'no checksum',
    /^armour without its checksum$/,
    'gpg 2.2 takes END for data where the last group is full, one time in three (G14)',
  ),
  never('not an SSHSIG', /^not an SSHSIG$/),
  stricter(
    'version of the SSHSIG',
    /^SSHSIG of another version than 1$/,
    'OpenSSH takes version 0, which nobody has defined (G13)',
  ),
  stricter(
    'reserved bytes',
    /^the reserved field is not empty$/,
    'OpenSSH passes over them; they are not signed (G13)',
  ),
  stricter(
    'namespace',
    /^namespace is not/,
    'OpenSSH compares up to a NUL; a file’s or a token’s signature is no commit’s, and there git agrees (G13)',
  ),
  never('hash of the SSHSIG', /^the hash is neither sha256 nor sha512$/),
  never('key of nobody', /^the embedded key is not the key of the anchor$/),
  never('algorithm of another key', /^the signature is of another algorithm than/),
  stricter(
    'zeros before r or s',
    /has a number with needless zeros$/,
    'OpenSSH drops them: one number, one encoding (G13)',
  ),
  never('a negative number', /has a negative number$/),
  never('r or s of ECDSA out of range', /^an ECDSA signature of which r or s is out of range$/),
  stricter(
    'S of Ed25519 out of range',
    /^an Ed25519 signature of which S is out of range$/,
    'OpenSSH 9.2 does not look: S + L is a second encoding of one signature (G13)',
  ),
  stricter(
    'R of Ed25519 of small order',
    /^an Ed25519 signature of which R is of small order$/,
    'no honest signer meets it, and versions of OpenSSL differ: a verdict is the same on every machine (G0)',
  ),
  never('length of an Ed25519 signature', /^the Ed25519 signature does not have 64 bytes$/),
  stricter(
    'not touched',
    /^the authenticator was not touched/,
    'ssh-keygen -Y verify asks for no touch: malware could use the key that is plugged in (G13)',
  ),
  never(
    'the SSH signature is cut short or too long',
    /^the (SSH|ECDSA) signature (is cut short|has \d+ bytes behind)/,
  ),
  never('other bytes than were signed (SSH)', /^the signature does not match the bytes$/),
  stricter(
    'too long',
    /^a signature of more than 64 KiB$/,
    'the longest has 2 KiB; nobody reads a megabyte for what can be no vote (G17)',
  ),
  stricter(
    'length of the packet',
    /^the OpenPGP block is cut short$/,
    'gpg takes a packet that says that it is longer than it is (G14)',
  ),
  never(
    'header of the packet',
    /^an OpenPGP packet (without its marker bit|of (partial|indeterminate) length)/,
  ),
  stricter(
    'more than the one packet',
    /^not exactly one OpenPGP signature packet$/,
    'gpg passes over markers and packets that it does not know (G14)',
  ),
  stricter(
    'another issuer outside what is signed',
    /^the unsigned part names another issuer$/,
    'gpg looks for the key by the first; another reader by another (G14)',
  ),
  stricter(
    'critical, and outside what is signed',
    /^a critical subpacket outside the signed part$/,
    'gpg heeds those that it knows, though anybody could have written them (G14)',
  ),
  stricter(
    'a signature within the signature',
    /^an OpenPGP signature within a signature$/,
    'thousands fit into one, and reading them costs the square of their number (G17)',
  ),
  stricter(
    'subpackets',
    /^(a subpacket is cut short|an empty subpacket)$/,
    'gpg passes over what it cannot read outside the signed part (G14)',
  ),
  never('version of the signature', /^OpenPGP signatures of version \d+ are not allowed$/),
  stricter(
    'not of type 0x00',
    /^the OpenPGP signature is not of type 0x00/,
    'gpg takes type 0x01, which is as good with other line ends: not exactly these bytes (G14)',
  ),
  stricter(
    'no full fingerprint of its key',
    /^(no full issuer fingerprint in the signed part|malformed issuer fingerprint)$/,
    'gpg takes 64 bits of it, of which two keys can be made (G14)',
  ),
  never('key of nobody (OpenPGP)', /is no key of certificate/),
  stricter(
    'hash of an OpenPGP signature',
    /^the hash is none of SHA-256/,
    'gpg 2.2 takes SHA-1 and SHA-224 (G14)',
  ),
  never('hash shorter than the curve', /^the hash is shorter than/),
  stricter(
    'zeros before a number (OpenPGP)',
    /^an OpenPGP signature of which a number is too long$/,
    'gpg drops them: one number, one encoding (G14)',
  ),
  stricter(
    'RSA: not below the modulus',
    /^an RSA signature that is not below its modulus$/,
    'gpg takes s + n, a second encoding of one signature (G14)',
  ),
  stricter(
    'the two bytes of the hash',
    /^Signed digest did not match$/,
    'gpg does not compare them: they are outside what is signed (G14)',
  ),
  never(
    'other bytes than were signed (OpenPGP)',
    /^(Signature verification failed|Public key algorithm used to sign)/,
  ),
  never('salt of version 6', /^Signature salt does not have the expected length$/),
  never('not a signature packet', /^unreadable signature packet: /),
  never('the OpenPGP signature is cut short', /^the OpenPGP signature is cut short$/),
];

/** Null: no list knows it. */
export function refusalOf(reason: string): Refusal | null {
  return refusals.find((each) => each.reason.test(reason)) ?? null;
}
