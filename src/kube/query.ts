import { WitnessError } from '../errors.ts';

export type QueryPair = readonly [name: string, value: string];

/**
 * Reads a query string as Go's `url.ParseQuery` does: split on `&` only, `+` is a space. What Go would drop without a
 * word (a piece with `;` or with a bad escape) is refused here, and so is what is not UTF-8, since neither a cast nor
 * an audit line could say it. Throws KW_BAD_REQUEST.
 */
export function readQuery(query: string): QueryPair[] {
  return piecesOf(query).map(piece => {
    if (piece.includes(';')) {
      throw new WitnessError(
        'KW_BAD_REQUEST',
        'the query holds a raw ";", which servers read differently: send %3B',
      );
    }
    const pair = readPair(piece, decodeURIComponent);
    if (pair === undefined) {
      throw new WitnessError('KW_BAD_REQUEST', 'the query holds an escape that is not %XX of UTF-8');
    }
    return pair;
  });
}

/**
 * The first value of a parameter, found as Go finds it: pieces that it drops are passed over, bytes that are not UTF-8
 * it keeps (U+FFFD here). For questions about queries that are forwarded as they came.
 */
export function firstValue(query: string, name: string): string | undefined {
  for (const piece of piecesOf(query)) {
    const pair = piece.includes(';') ? undefined : readPair(piece, unescapeBytes);
    if (pair?.[0] === name) return pair[1];
  }
  return undefined;
}

/** Booleans of Kubernetes' parameter codec: absent, `0` and `false` are false, everything else is true. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
}

/** Escapes one name or value as Go's `url.QueryEscape` does. Lone surrogates cannot be escaped: URIError. */
export function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, mark => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}

function piecesOf(query: string): string[] {
  return query.split('&').filter(piece => piece !== '');
}

/** `decode` throws a URIError for what it cannot read. */
function readPair(piece: string, decode: (text: string) => string): QueryPair | undefined {
  const spaced = piece.replaceAll('+', ' ');
  const equals = spaced.indexOf('=');
  const name = equals < 0 ? spaced : spaced.slice(0, equals);
  const value = equals < 0 ? '' : spaced.slice(equals + 1);
  try {
    return [decode(name), decode(value)];
  } catch {
    return undefined;
  }
}

function unescapeBytes(text: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new URIError('a "%" without two hex digits');
  const bytes = text.replace(/%(..)/g, (_escape, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
