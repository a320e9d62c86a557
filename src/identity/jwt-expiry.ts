/**
 * When a token says that it ends (RFC 7519 section 4.1.4), in milliseconds since the Unix epoch; undefined when it is no
 * JWT or says nothing. Nothing here is verified: use it to trust a verdict for a shorter time, never for a longer one.
 */
export function expiryOf(token: string): number | undefined {
  const [, claims, signature, ...more] = token.split('.');
  if (claims === undefined || signature === undefined || more.length > 0) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
  } catch {
    // Some other kind of token that has two dots in it.
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('exp' in value)) return undefined;
  return typeof value.exp === 'number' && Number.isFinite(value.exp) ? value.exp * 1000 : undefined;
}
