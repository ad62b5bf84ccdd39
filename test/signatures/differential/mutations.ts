/** What an attacker may do to a signed commit without the key: one line each, by name. */
import { dearmorOpenpgp, dearmorSsh } from '../../../src/signatures/armor.ts';
import { armorSignature, frame } from '../make.ts';
import { lengthPrefixed, parseSshsig, printSshsig, stringsOf } from '../wire.ts';
import { assemble, type Format, type Honest } from './corpus.ts';
import type { Random } from './random.ts';

/** Null where a mutation is not for this commit. */
type Mutation = (honest: Honest, random: Random, other: Honest) => Buffer | null;

const rawOf = ({ payload, armor }: Honest): Buffer => assemble(payload, armor);

function flipBit(bytes: Uint8Array, random: Random): Buffer {
  const flipped = Buffer.from(bytes);
  const at = random.below(flipped.length);
  flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << random.below(8)), at);
  return flipped;
}

/** Bytes from `start` to `end` replaced. */
function splice(bytes: Buffer, start: number, end: number, replacement: Uint8Array | string): Buffer {
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(replacement), bytes.subarray(end)]);
}

/** A header line put before a random line of the head. */
function withHeader(raw: Buffer, random: Random, header: string): Buffer {
  const blank = raw.indexOf('\n\n') + 1;
  const starts = [0, ...lineEnds(raw.subarray(0, blank))];
  const at = random.pick(starts);
  return splice(raw, at, at, header);
}

function lineEnds(bytes: Buffer): readonly number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf('\n'); at >= 0; at = bytes.indexOf('\n', at + 1)) found.push(at + 1);
  return found;
}

/** A line of the head, without its continuation lines, and where it stands. */
function line(raw: Buffer, random: Random): { start: number; end: number; text: string } {
  const blank = raw.indexOf('\n\n') + 1;
  const ends = [0, ...lineEnds(raw.subarray(0, blank))];
  const at = random.below(ends.length - 1);
  const [start = 0, end = 0] = ends.slice(at, at + 2);
  return { start, end, text: raw.toString('latin1', start, end) };
}

const bytesMutations: Record<string, Mutation> = {
  'a bit of the commit': (honest, random) => flipBit(rawOf(honest), random),
  'a byte of the commit lost': (honest, random) => {
    const raw = rawOf(honest);
    const at = random.below(raw.length);
    return splice(raw, at, at + 1, '');
  },
  'a byte of the commit added': (honest, random) => {
    const raw = rawOf(honest);
    const at = random.below(raw.length + 1);
    return splice(raw, at, at, Buffer.from([random.pick([0, 9, 10, 13, 32, 45, 61, 65, 128, 255])]));
  },
  'the commit cut short': (honest, random) => {
    const raw = rawOf(honest);
    return raw.subarray(0, random.below(raw.length));
  },
  'a part of the commit twice': (honest, random) => {
    const raw = rawOf(honest);
    const start = random.below(raw.length);
    return splice(raw, start, start, raw.subarray(start, start + random.below(120)));
  },
  'a part of another commit': (honest, random, other) => {
    const [raw, source] = [rawOf(honest), rawOf(other)];
    const [start, from] = [random.below(raw.length), random.below(source.length)];
    const length = random.below(60);
    return splice(raw, start, start + length, source.subarray(from, from + length));
  },
  'the signature of another commit': (honest, _, other) => assemble(honest.payload, other.armor),
  'the signature of another commit of the same key': (honest, random) =>
    assemble(Buffer.concat([honest.payload, Buffer.from(random.pick(['\n', ' ', 'x\n']))]), honest.armor),
};

const headerMutations: Record<string, Mutation> = {
  'a header moved': (honest, random) => {
    const raw = rawOf(honest);
    const { start, end, text } = line(raw, random);
    return withHeader(splice(raw, start, end, ''), random, text);
  },
  'the signature moved': (honest, random) => {
    const header = assemble(Buffer.from('\n\n'), honest.armor).toString('latin1').slice(1, -1);
    return withHeader(honest.payload, random, header);
  },
  'a header twice': (honest, random) => {
    const raw = rawOf(honest);
    const { text } = line(raw, random);
    return withHeader(raw, random, text);
  },
  'a header lost': (honest, random) => {
    const raw = rawOf(honest);
    const { start, end } = line(raw, random);
    return splice(raw, start, end, '');
  },
  'a header more': (honest, random) => {
    const names = [
      'tree',
      'parent',
      'author',
      'committer',
      'encoding',
      'gpgsig',
      'gpgsig-sha256',
      'gpgsigX',
      'mergetag',
      'x',
      'X',
      'HG:extra',
      '',
    ];
    const values = [
      '',
      ' ',
      `${'0'.repeat(40)}`,
      'UTF-8',
      'latin1',
      'x <x@x> 0 +0000',
      'junk',
      'a\n b',
      'a\n \n b',
    ];
    return withHeader(rawOf(honest), random, `${random.pick(names)} ${random.pick(values)}\n`);
  },
  'a second signature': (honest, random, other) => {
    const armor = random.pick([honest.armor, other.armor, 'junk\n']);
    const name = random.pick(['gpgsig', 'gpgsig-sha256', 'gpgsig-sha1', 'gpgsigX']);
    const header = assemble(Buffer.from('\n\n'), armor)
      .toString('latin1')
      .slice(1, -1)
      .replace('gpgsig', name);
    return withHeader(rawOf(honest), random, header);
  },
  'the name of a header in capitals': (honest, random) => {
    const raw = rawOf(honest);
    const { start, end, text } = line(raw, random);
    const at = random.below(Math.max(1, text.indexOf(' ')));
    return splice(
      raw,
      start,
      end,
      text.slice(0, at) + text.slice(at).replace(/[a-z]+/, (name) => name.toUpperCase()),
    );
  },
  'a blank line more': (honest, random) => withHeader(rawOf(honest), random, '\n'),
  'NUL, CR or both': (honest, random) => {
    const raw = rawOf(honest);
    const at = random.pick([0, raw.length, ...lineEnds(raw)]);
    return splice(raw, at, at, random.pick(['\0', '\r', '\r\n', '\0\n']));
  },
  'line ends of Windows': (honest) =>
    Buffer.from(rawOf(honest).toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
  'spaces around a continuation line': (honest, random) => {
    const raw = rawOf(honest);
    const ends = lineEnds(raw);
    const at = random.pick(ends);
    return splice(raw, at, at, random.pick([' ', '  ', '\t', ' \n']));
  },
};

/** The same commit with another armour. */
const rearmored = (honest: Honest, armor: string): Buffer => assemble(honest.payload, armor);

const armorMutations: Record<string, Mutation> = {
  'armour: a bit': (honest, random) =>
    rearmored(honest, flipBit(Buffer.from(honest.armor), random).toString('latin1')),
  'armour: lines of another length': (honest, random) => {
    const { head, data, tail } = armorParts(honest.armor);
    const width = 1 + random.below(200);
    const lines = data.join('').match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
    return rearmored(honest, [...head, ...lines, ...tail].join('\n'));
  },
  'armour: a header line': (honest, random) => {
    const header = random.pick([
      'Comment: x',
      'Version: 1',
      'Charset: UTF-8',
      'Hash: SHA512',
      'X: y',
      'Comment:',
      ': x',
      'Comment: ',
      ' ',
    ]);
    const lines = honest.armor.split('\n');
    return rearmored(honest, [lines[0], header, ...lines.slice(1)].join('\n'));
  },
  'armour: an empty line': (honest, random) => {
    const lines = honest.armor.split('\n');
    const at = random.below(lines.length);
    return rearmored(honest, [...lines.slice(0, at), '', ...lines.slice(at)].join('\n'));
  },
  'armour: a line lost': (honest, random) => {
    const lines = honest.armor.split('\n');
    const at = random.below(lines.length);
    return rearmored(honest, lines.filter((_, index) => index !== at).join('\n'));
  },
  'armour: two lines exchanged': (honest, random) => {
    const lines = honest.armor.split('\n');
    const [one, two] = [random.below(lines.length), random.below(lines.length)];
    const swapped = lines.map((text, at) => (at === one ? lines[two] : at === two ? lines[one] : text));
    return rearmored(honest, swapped.join('\n'));
  },
  'armour: spaces': (honest, random) => {
    const lines = honest.armor.split('\n');
    const at = random.below(lines.length);
    const space = random.pick([' ', '\t', '  ', '\v']);
    const place = random.pick(['before', 'behind']);
    return rearmored(
      honest,
      lines
        .map((text, index) => (index !== at ? text : place === 'before' ? space + text : text + space))
        .join('\n'),
    );
  },
  'armour: text around it': (honest, random) => {
    const text = random.pick(['x', '-', 'x\n', '\n', honest.armor, '-----END PGP SIGNATURE-----\n']);
    return rearmored(honest, random.pick([text + honest.armor, honest.armor + text]));
  },
  'armour: another label': (honest, random) => {
    const label = random.pick([
      'PGP MESSAGE',
      'PGP SIGNATURE',
      'SSH SIGNATURE',
      'SIGNED MESSAGE',
      'PGP SIGNED MESSAGE',
      'PGP PUBLIC KEY BLOCK',
    ]);
    return rearmored(honest, honest.armor.replaceAll(/(PGP|SSH) SIGNATURE/g, label));
  },
  'armour: one label': (honest, random) => {
    const which = random.pick(['BEGIN', 'END']);
    return rearmored(
      honest,
      honest.armor.replace(
        new RegExp(`${which} (PGP|SSH)`),
        `${which} ${random.pick(['PGP', 'SSH', 'pgp'])}`,
      ),
    );
  },
  'armour: checksum lost or changed': (honest, random) =>
    rearmored(
      honest,
      honest.armor.replace(/^=....\n/m, random.pick(['', '=AAAA\n', '=\n', '=AAA\n', '====\n'])),
    ),
  'armour: padding': (honest, random) => {
    const { head, data, tail } = armorParts(honest.armor);
    const text = data.join('\n');
    const other = random.pick([
      text.replace(/=+$/, ''),
      `${text}=`,
      `${text}==`,
      text.replace(/.(=*)$/, 'B$1'),
      `${text}AA==`,
    ]);
    return rearmored(honest, [...head, other, ...tail].join('\n'));
  },
  'armour: the last line feed': (honest) => rearmored(honest, `${honest.armor.replace(/\n+$/, '')}\n\n`),
};

function armorParts(armor: string): {
  head: readonly string[];
  data: readonly string[];
  tail: readonly string[];
} {
  const lines = armor.replace(/\n$/, '').split('\n');
  const start = lines.includes('') ? lines.indexOf('') + 1 : 1;
  const end = lines.findIndex((text, at) => at >= start && /^(=....|-----END.*)$/.test(text));
  return { head: lines.slice(0, start), data: lines.slice(start, end), tail: lines.slice(end) };
}

/** The signature's bytes changed and put in good armour again. */
const reblob =
  (change: (blob: Buffer, random: Random, honest: Honest) => Uint8Array): Mutation =>
  (honest, random) => {
    const blob = Buffer.from(
      honest.format === 'ssh' ? dearmorSsh(honest.armor) : dearmorOpenpgp(honest.armor, 'PGP SIGNATURE'),
    );
    const changed = change(blob, random, honest);
    if (honest.format === 'openpgp') return rearmored(honest, armorSignature(changed));
    const text = Buffer.from(changed).toString('base64');
    return rearmored(honest, `-----BEGIN SSH SIGNATURE-----\n${text}\n-----END SSH SIGNATURE-----\n`);
  };

const blobMutations: Record<string, Mutation> = {
  'blob: a bit': reblob((blob, random) => flipBit(blob, random)),
  'blob: a bit of its first 64 bytes': reblob((blob, random) =>
    Buffer.concat([flipBit(blob.subarray(0, 64), random), blob.subarray(64)]),
  ),
  'blob: cut short': reblob((blob, random) => blob.subarray(0, random.below(blob.length))),
  'blob: bytes behind it': reblob((blob, random) =>
    Buffer.concat([blob, Buffer.alloc(1 + random.below(9), random.below(256))]),
  ),
  'blob: bytes before it': reblob((blob, random) =>
    Buffer.concat([Buffer.alloc(1 + random.below(9), random.below(256)), blob]),
  ),
  'blob: a byte lost': reblob((blob, random) => {
    const at = random.below(blob.length);
    return splice(blob, at, at + 1, '');
  }),
  'blob: a byte added': reblob((blob, random) => {
    const at = random.below(blob.length);
    return splice(blob, at, at, Buffer.from([random.below(256)]));
  }),
  'blob: zeros': reblob((blob, random) => {
    const at = random.below(blob.length);
    return splice(blob, at, at + 1 + random.below(64), Buffer.alloc(1 + random.below(64)));
  }),
  'blob: twice': reblob((blob) => Buffer.concat([blob, blob])),
};

/** One field of an SSHSIG replaced by another value. */
const sshField =
  (
    change: (
      fields: ReturnType<typeof parseSshsig>,
      random: Random,
      other: Honest,
    ) => Partial<ReturnType<typeof parseSshsig>>,
  ): Mutation =>
  (honest, random, other) => {
    const fields = parseSshsig(honest.armor.endsWith('\n') ? honest.armor : `${honest.armor}\n`);
    return rearmored(honest, printSshsig({ ...fields, ...change(fields, random, other) }));
  };

const sshMutations: Record<string, Mutation> = {
  'SSH: another version': sshField((_, random) => ({ version: random.pick([0, 2, 0x1000000, 0xffffffff]) })),
  'SSH: another namespace': sshField((_, random) => ({
    namespace: Buffer.from(random.pick(['', 'file', 'fairlead', 'git\0', 'Git', 'git '])),
  })),
  'SSH: reserved bytes': sshField((_, random) => ({ reserved: Buffer.alloc(1 + random.below(9)) })),
  'SSH: another hash': sshField((_, random) => ({
    hash: Buffer.from(random.pick(['', 'sha1', 'sha256', 'sha384', 'sha512', 'SHA512', 'md5'])),
  })),
  'SSH: the key of another': sshField((_, _random, other) =>
    other.format === 'ssh' ? { publicKey: parseSshsig(other.armor).publicKey } : {},
  ),
  'SSH: the signature of another key': sshField((_, _random, other) =>
    other.format === 'ssh' ? { signature: parseSshsig(other.armor).signature } : {},
  ),
  'SSH: another algorithm': sshField(({ signature }, random) => {
    const names = [
      'ssh-ed25519',
      'ssh-rsa',
      'rsa-sha2-256',
      'rsa-sha2-512',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp521',
      'sk-ssh-ed25519@openssh.com',
      'ssh-ed25519-cert-v01@openssh.com',
      '',
    ];
    const end = 4 + signature.readUInt32BE(0);
    return { signature: Buffer.concat([lengthPrefixed(random.pick(names)), signature.subarray(end)]) };
  }),
  'SSH: a zero before a number': sshField(({ signature }, random) => {
    const [name = Buffer.alloc(0)] = stringsOf(signature.subarray(0, 4 + signature.readUInt32BE(0)));
    const rest = signature.subarray(4 + name.length);
    const content = rest.subarray(4, 4 + rest.readUInt32BE(0));
    const tail = rest.subarray(4 + content.length);
    if (!String(name).includes('ecdsa'))
      return {
        signature: Buffer.concat([
          lengthPrefixed(name),
          lengthPrefixed(Buffer.concat([Buffer.alloc(1), content])),
          tail,
        ]),
      };
    const numbers = stringsOf(content);
    const at = random.below(numbers.length);
    const padded = numbers.map((number, index) =>
      lengthPrefixed(index === at ? Buffer.concat([Buffer.alloc(1 + random.below(2)), number]) : number),
    );
    return { signature: Buffer.concat([lengthPrefixed(name), lengthPrefixed(Buffer.concat(padded)), tail]) };
  }),
  'SSH: bytes within the signature': sshField(({ signature }, random) => ({
    signature: Buffer.concat([signature, Buffer.alloc(1 + random.below(8), random.below(256))]),
  })),
  'SSH: flags and counter': sshField(({ signature }, random) => {
    const tail = Buffer.from(signature.subarray(-5));
    tail.writeUInt8(random.below(256), random.below(5));
    return { signature: Buffer.concat([signature.subarray(0, -5), tail]) };
  }),
};

/** Where the parts of a signature packet's body lie (RFC 9580 5.2.3). */
function parts(blob: Buffer): { body: Buffer; unhashedAt: number; unhashedEnd: number } {
  const long =
    (blob[0] ?? 0) & 0x40
      ? blob[1] === 0xff
        ? 6
        : (blob[1] ?? 0) < 192
          ? 2
          : 3
      : 2 + ((blob[0] ?? 0) & 3 ? 1 : 0);
  const body = blob.subarray(long);
  const six = body[0] === 6;
  const size = (at: number): number => (six ? body.readUInt32BE(at) : body.readUInt16BE(at));
  const width = six ? 4 : 2;
  const unhashedAt = 4 + width + size(4);
  return { body, unhashedAt, unhashedEnd: unhashedAt + width + size(unhashedAt) };
}

const subpacket = (type: number, body: Uint8Array): Buffer => Buffer.from([body.length + 1, type, ...body]);

function unhashedArea(body: Buffer, area: Uint8Array): Buffer {
  const length = Buffer.alloc(body[0] === 6 ? 4 : 2);
  length.writeUIntBE(area.length, 0, length.length);
  return Buffer.concat([length, area]);
}

const openpgpMutations: Record<string, Mutation> = {
  'OpenPGP: another unsigned part': reblob((blob, random) => {
    const { body, unhashedAt, unhashedEnd } = parts(blob);
    const id = body.subarray(unhashedEnd - 8, unhashedEnd);
    const choices = [
      Buffer.alloc(0),
      subpacket(16, id),
      subpacket(16, Buffer.alloc(8)),
      subpacket(16, id.subarray(1)),
      Buffer.concat([subpacket(16, Buffer.alloc(8)), subpacket(16, id)]),
      Buffer.concat([subpacket(16, id), subpacket(16, id)]),
      subpacket(33, Buffer.alloc(21, 4)),
      subpacket(100, Buffer.alloc(random.below(30), 7)),
      subpacket(0x80 | 100, Buffer.alloc(3)),
      subpacket(2, Buffer.alloc(4)),
      subpacket(3, Buffer.from([0, 0, 0, 1])),
      subpacket(0x80 | 3, Buffer.from([0, 0, 0, 1])),
      subpacket(20, Buffer.from('\x80\0\0\0\0\x01\0\x01ax', 'latin1')),
      subpacket(32, Buffer.alloc(random.below(40), 4)),
      subpacket(random.below(256), Buffer.alloc(random.below(40), random.below(256))),
      Buffer.from([0]),
      Buffer.from([255, 0, 0, 0, 2, 100, 1]),
      Buffer.alloc(random.below(200), random.below(256)),
    ];
    return frame(
      2,
      Buffer.concat([
        body.subarray(0, unhashedAt),
        unhashedArea(body, random.pick(choices)),
        body.subarray(unhashedEnd),
      ]),
    );
  }),
  'OpenPGP: another header of the packet': reblob((blob, random) => {
    const { body } = parts(blob);
    const old = (kind: number, width: number): Buffer => {
      const head = Buffer.alloc(1 + width, 0x88 | kind);
      if (width > 0) head.writeUIntBE(body.length & (2 ** (8 * width) - 1), 1, width);
      return head;
    };
    const two = Buffer.from([0xc2, 192 + ((body.length - 192) >> 8), (body.length - 192) & 0xff]);
    const heads = [
      old(0, 1),
      old(1, 2),
      old(2, 4),
      old(3, 0),
      two,
      Buffer.from([0xc2, 0xff, 0, 0, body.length >> 8, body.length & 0xff]),
      Buffer.from([0xc2, 0xe0 | random.below(16)]),
      Buffer.from([0xc2, body.length & 0x7f]),
    ];
    return Buffer.concat([random.pick(heads), body]);
  }),
  'OpenPGP: more packets': reblob((blob, random) => {
    const more = random.pick([
      frame(10, Buffer.from('PGP')),
      frame(21, Buffer.alloc(9)),
      frame(11, Buffer.from('b\0\0\0\0\0x', 'latin1')),
      frame(12, Buffer.from([1])),
      frame(60, Buffer.alloc(3)),
      frame(8, Buffer.from([0])),
      frame(4, Buffer.alloc(13, 3)),
      frame(2, Buffer.alloc(20, 4)),
      blob,
    ]);
    return Buffer.concat(
      random.pick([
        [more, blob],
        [blob, more],
      ]),
    );
  }),
  'OpenPGP: version, type or algorithms': reblob((blob, random) => {
    const { body } = parts(blob);
    const changed = Buffer.from(body);
    changed[random.below(4)] = random.pick([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 16, 17, 18, 19, 22, 27, 255]);
    return frame(2, changed);
  }),
  'OpenPGP: the count of bits of a number': reblob((blob, random) => {
    const { body, unhashedEnd } = parts(blob);
    const changed = Buffer.from(body);
    const at = unhashedEnd + 2;
    if (changed.length < at + 2) return frame(2, changed);
    changed.writeUInt16BE((changed.readUInt16BE(at) + random.below(17) - 8) & 0xffff, at);
    return frame(2, changed);
  }),
  'OpenPGP: a zero before a number': reblob((blob) => {
    const { body, unhashedEnd } = parts(blob);
    const at = unhashedEnd + 2;
    if (body.length < at + 2) return frame(2, body);
    const bits = Buffer.alloc(3);
    bits.writeUInt16BE((((body.readUInt16BE(at) + 7) >> 3) * 8 + 8) & 0xffff);
    return frame(2, Buffer.concat([body.subarray(0, at), bits, body.subarray(at + 2)]));
  }),
  'OpenPGP: the two bytes of the hash': reblob((blob, random) => {
    const { body, unhashedEnd } = parts(blob);
    const changed = Buffer.from(body);
    changed.writeUInt16BE(random.below(65536), unhashedEnd);
    return frame(2, changed);
  }),
};

const common = { ...bytesMutations, ...headerMutations, ...armorMutations, ...blobMutations };
const named: Readonly<Record<Format, readonly (readonly [string, Mutation])[]>> = {
  ssh: Object.entries({ ...common, ...sshMutations }),
  openpgp: Object.entries({ ...common, ...openpgpMutations }),
};

export type Mutant = { readonly raw: Buffer; readonly of: Honest; readonly mutation: string };

/** One changed commit of a format; never the honest one again. */
export function mutant(commits: readonly Honest[], random: Random): Mutant {
  for (;;) {
    const of = random.pick(commits);
    const [mutation, apply] = random.pick(named[of.format]);
    const raw = apply(of, random, random.pick(commits));
    if (raw !== null && !raw.equals(rawOf(of))) return { raw, of, mutation };
  }
}
