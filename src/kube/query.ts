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
    const pair = readPair(piece);
    if (pair === undefined) {
      throw new WitnessError('KW_BAD_REQUEST', 'the query holds an escape that is not %XX of UTF-8');
    }
    return pair;
  });
}

/**
 * The first value of a parameter, found as Go finds it: pieces that it drops are passed over. For questions about
 * queries that are forwarded as they came.
 */
export function firstValue(query: string, name: string): string | undefined {
  for (const piece of piecesOf(query)) {
    const pair = piece.includes(';') ? undefined : readPair(piece);
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

function readPair(piece: string): QueryPair | undefined {
  const equals = piece.indexOf('=');
  const name = equals < 0 ? piece : piece.slice(0, equals);
  const value = equals < 0 ? '' : piece.slice(equals + 1);
  try {
    return [unescapeQuery(name), unescapeQuery(value)];
  } catch {
    return undefined;
  }
}

function unescapeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
