/** Bounds of one record: a line stays far below 1 MiB whatever a caller sends. */
export const MAX_TEXT_LENGTH = 2_048;
export const MAX_ITEMS = 256;
/** Of a command in a record, in UTF-16 units. */
export const MAX_COMMAND_LENGTH = 8_192;

export const REDACTED = '[redacted]';

const SECRET_NAME =
  '[\\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|credential)[\\w-]*';

/** Each names what it leaves and what it takes away; in the order in which they are applied. */
const RULES: readonly (readonly [RegExp, string])[] = [
  // scheme://user:password@host (RFC 3986 section 3.2.1)
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+@/gi, `$1${REDACTED}@`],
  // Authorization: Bearer …, Basic … (RFC 9110 section 11.6.2)
  [/\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{6,}=*/gi, `$1 ${REDACTED}`],
  // JSON Web Token (RFC 7519): three parts of base64url, the first beginning with {"
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REDACTED],
  // NAME=value, --name=value, name: value
  [new RegExp(`(${SECRET_NAME}\\s*[=:]\\s*)("[^"]*"|'[^']*'|[^\\s"'&;|]+)`, 'gi'), `$1${REDACTED}`],
  // --name value within one argument, as in a script
  [new RegExp(`(--?${SECRET_NAME}\\s+)("[^"]*"|'[^']*'|[^\\s"'&;|-][^\\s"'&;|]*)`, 'gi'), `$1${REDACTED}`],
];

const SECRET_FLAG = new RegExp(`^--?${SECRET_NAME}$`, 'i');

/** A command as a record may hold it: secrets that look like some are taken out, and it has an end. */
export function redactCommand(argv: readonly string[]): {
  readonly command: string[];
  readonly cut: boolean;
} {
  const command: string[] = [];
  let left = MAX_COMMAND_LENGTH;
  for (const [at, argument] of argv.entries()) {
    if (command.length === MAX_ITEMS || left <= 0) return { command, cut: true };
    // The value of a flag is the argument after it.
    const isValue = SECRET_FLAG.test(argv[at - 1] ?? '') && !argument.startsWith('-');
    const shown = isValue ? REDACTED : redact(argument);
    const kept = cutText(shown, Math.min(left, MAX_TEXT_LENGTH));
    command.push(kept);
    left -= kept.length + 1;
    if (kept !== shown) return { command, cut: true };
  }
  return { command, cut: false };
}

/** Before the rules run: what is cut away later cannot hide half a secret, and no rule meets an endless text. */
function redact(argument: string): string {
  return RULES.reduce(
    (text, [pattern, shown]) => text.replace(pattern, shown),
    argument.slice(0, 4 * MAX_TEXT_LENGTH),
  );
}

/** The same with every text and list within its bound. Plain data in, plain data out. */
export function bounded(facts: object): object {
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, boundedValue(value)]));
}

function boundedValue(value: unknown): unknown {
  if (typeof value === 'string') return cutText(value, MAX_TEXT_LENGTH);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map(boundedValue);
  return typeof value === 'object' && value !== null ? bounded(value) : value;
}

function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  // Never between the halves of a surrogate pair.
  const end = /[\ud800-\udbff]/.test(text[length - 2] ?? '') ? length - 2 : length - 1;
  return `${text.slice(0, Math.max(end, 0))}…`;
}
