import { X509Certificate } from 'node:crypto';

const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * How long the first certificate of a chain (PEM) still holds, in words. Throws when it does not hold now, or cannot be
 * read.
 */
export function certificateAge(pem: string, nowMs: number): string {
  const { validFrom, validTo } = read(pem);
  // Clients refuse it either way, so no answer could reach them.
  if (nowMs < Date.parse(validFrom)) throw new Error(`it holds only from ${iso(validFrom)} on`);
  if (nowMs >= Date.parse(validTo)) throw new Error(`it expired at ${iso(validTo)}`);
  const days = Math.floor((Date.parse(validTo) - nowMs) / DAY_MS);
  return `expires at ${iso(validTo)}, in ${days} ${days === 1 ? 'day' : 'days'}`;
}

function read(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error('it cannot be read', { cause: error });
  }
}

function iso(date: string): string {
  return new Date(date).toISOString();
}
