/** The query string as Go reads it: names in order, values decoded. */
export class Query {
  readonly #pairs: readonly (readonly [string, string])[];

  constructor(raw: string) {
    this.#pairs = raw.split('&').flatMap(piece => {
      // Go's url.ParseQuery drops pieces that are empty, hold a semicolon or hold a bad escape.
      if (piece === '' || piece.includes(';')) return [];
      const cut = piece.indexOf('=');
      const name = percentDecoded(cut < 0 ? piece : piece.slice(0, cut), true);
      const value = percentDecoded(cut < 0 ? '' : piece.slice(cut + 1), true);
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    });
  }

  all(name: string): string[] {
    return this.#pairs.filter(([key]) => key === name).map(([, value]) => value);
  }

  first(name: string): string | undefined {
    return this.#pairs.find(([key]) => key === name)?.[1];
  }

  /** apimachinery's boolean: absent, `0` and `false` in any case are false, everything else is true, even nothing. */
  flag(name: string): boolean {
    const value = this.first(name);
    return value !== undefined && value !== '0' && value.toLowerCase() !== 'false';
  }

  /** A count, or undefined where it is absent or no whole number. */
  count(name: string): number | undefined {
    const value = this.first(name);
    return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  }
}

/** A request target as the API server reads it: the path decoded once, then cut at the slashes. */
export interface Target {
  readonly segments: readonly string[];
  readonly query: Query;
}

/**
 * Go's net/http takes the absolute form too, and go-restful matches the decoded path with slashes at its end trimmed;
 * nothing resolves dot segments or merges slashes. Undefined where Go answers 400.
 */
export function parseTarget(raw: string): Target | undefined {
  const relative = raw.replace(/^https?:\/\/[^/?]*/i, '');
  const cut = relative.indexOf('?');
  const path = percentDecoded(cut < 0 ? relative : relative.slice(0, cut), false);
  if (path === undefined || !path.startsWith('/')) return undefined;
  const trimmed = path.slice(1).replace(/\/+$/, '');
  return {
    segments: trimmed === '' ? [] : trimmed.split('/'),
    query: new Query(cut < 0 ? '' : relative.slice(cut + 1)),
  };
}

/** Percent-decodes once; undefined for a bad escape. In a query a plus sign is a space. */
function percentDecoded(text: string, query: boolean): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(text)) return undefined;
  const spaced = query ? text.replaceAll('+', ' ') : text;
  const bytes = spaced.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // Node gives the target as latin1, and escapes were turned into single bytes: together they are UTF-8.
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
