/** The characters of a bearer token, RFC 6750 section 2.1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
const MIN_CHARACTERS = 16;

/**
 * The tokens of a text, one a line, so that an old one can stand beside its successor. `file` is for errors, which never quote
 * a token.
 */
export function tokensIn(text: string, file: string): readonly string[] {
  const lines = text.split('\n').map(line => line.trim());
  const tokens = lines.filter(line => line !== '' && !line.startsWith('#'));
  if (tokens.length === 0) throw new Error(`${file} holds no token`);
  for (const token of tokens) {
    if (!TOKEN.test(token)) throw new Error(`${file} has a line that is no bearer token`);
    if (token.length < MIN_CHARACTERS) {
      throw new Error(`${file} has a token of fewer than ${MIN_CHARACTERS} characters`);
    }
  }
  return tokens;
}
