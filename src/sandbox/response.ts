import type { ServerResponse } from 'node:http';
import type { ApiFailure } from './failure.ts';
import type { JsonObject } from './json.ts';

export function sendJson(
  response: ServerResponse,
  code: number,
  body: JsonObject,
  type = 'application/json',
): void {
  send(response, code, type, JSON.stringify(body));
}

export function sendText(response: ServerResponse, code: number, body: string): void {
  send(response, code, 'text/plain; charset=utf-8', body);
}

export function sendFailure(response: ServerResponse, failure: ApiFailure): void {
  // The rest of a body that is too large is not read: the connection ends with the answer.
  if (failure.code === 413) response.setHeader('Connection', 'close');
  sendJson(response, failure.code, failure.toStatus());
}

function send(response: ServerResponse, code: number, type: string, body: string): void {
  response.writeHead(code, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-cache, private',
  });
  response.end(body);
}
