import { readFile } from 'node:fs/promises';

/** The characters of a bearer token, RFC 6750 section 2.1. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
const MIN_CHARACTERS = 16;

/** One token a line, so that an old one can stand beside its successor. Never quotes a token in an error. */
export async function readTokens(file: string): Promise<readonly string[]> {
  return tokensIn(await readFile(file, 'utf8'), file);
}

/** The same of a text; `file` is for errors. */
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
