import type { ServerResponse } from 'node:http';
import type { WitnessError } from '../errors.ts';
import { statusOf } from '../kube/status.ts';

/**
 * On every answer. `wasm-unsafe-eval` lets the terminal of the player compile; nothing else may run that is not a file of
 * ours, and nothing may be fetched from elsewhere.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export function answerJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = `${JSON.stringify(body, null, 2)}\n`;
  send(response, status, 'application/json; charset=utf-8', text, headers);
}

/** A Status; where an answer has begun, it is cut, so that it does not look whole. */
export function answerError(
  response: ServerResponse,
  error: WitnessError,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) response.destroy();
  else answerJson(response, error.status, statusOf(error), headers);
}

export function answerText(response: ServerResponse, contentType: string, text: string, status = 200): void {
  send(response, status, contentType, text, {});
}

function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  text: string,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(text);
}
