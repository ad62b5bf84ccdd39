/** What stands in the place of a secret. */
const GONE = '***';

const SECRET_NAME =
  '(?:token|secret|passw(?:or)?d|passphrase|authorization|cookie|credential|private[_-]?key|api[_-]?key)s?';

/** A field is a secret by its name; one that ends in File names a file, which is none. */
const SECRET_FIELD = new RegExp(`${SECRET_NAME}$`, 'i');

/** In the order in which they are taken out: each is a pattern, and what is left of it. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // A key that is cut off is one all the same, and what comes after it is none.
  [
    /-----BEGIN [A-Z0-9 ]+-----(?:(?:(?!-----)[\s\S])*-----END [A-Z0-9 ]+-----|(?:\\[nr]|\s|[A-Za-z0-9+/=]{16,})*)/g,
    GONE,
  ],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi, `$1${GONE}@`],
  [
    new RegExp(`([?&;][^=&\\s]*(?:${SECRET_NAME}|key|sig|signature|auth|code)=)[^&\\s"']+`, 'gi'),
    `$1${GONE}`,
  ],
  [/\b(Bearer|Basic|token)(\s+)[A-Za-z0-9._~+/=-]{8,}/gi, `$1$2${GONE}`],
  [new RegExp(`(${SECRET_NAME}["']?\\s*[:=]\\s*)(["'])(?:\\\\.|(?!\\2).)*\\2`, 'gi'), `$1$2${GONE}$2`],
  [new RegExp(`(${SECRET_NAME}\\s*[:=]\\s*)[^\\s"',;}]+`, 'gi'), `$1${GONE}`],
  [/\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bgl(?:pat|ptt|dt|rt|cbt)-[\w-]{10,}/g, GONE],
  [/\bwhsec_[A-Za-z0-9+/=]+|\bAKIA[0-9A-Z]{12,}|\bxox[a-z]-[\w-]{8,}/g, GONE],
  [/\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*/g, GONE],
];

/** Takes out of texts and documents what is or looks like a secret: rather too much than too little. */
export type Redact = { text(text: string): string; document(value: unknown): unknown };

/** `known`: secrets of this machine, which go wherever they stand. */
export function createRedact(known: readonly string[]): Redact {
  const longestFirst = known.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  const text = (given: string) => {
    const without = longestFirst.reduce((rest, secret) => rest.replaceAll(secret, GONE), given);
    return PATTERNS.reduce((rest, [pattern, left]) => rest.replace(pattern, left), without);
  };
  const document = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(document);
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value).map(([name, inner]) => {
      const isSecret = SECRET_FIELD.test(name) && inner !== null;
      return [text(name), isSecret ? GONE : document(inner)] as const;
    });
    return Object.fromEntries(fields);
  };
  return { text, document };
}

/** Line by line, so that JSON stays JSON; keys that reach over several lines go first. */
export function redactLog(log: string, redact: Redact): string {
  const [[keys, left] = [/$^/g, '']] = PATTERNS;
  return log
    .replace(keys, left)
    .split('\n')
    .map((line) => redactLine(line, redact))
    .join('\n');
}

function redactLine(line: string, redact: Redact): string {
  try {
    return JSON.stringify(redact.document(JSON.parse(line)));
  } catch {
    return redact.text(line);
  }
}
