import { createHash } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { WebSocket } from 'ws';

/** What the ws client library makes of a server's bytes: each message as text, pings, and the close code. */
export async function received(bytes: Buffer): Promise<string[]> {
  const [far, near] = duplexPair();
  const seen: string[] = [];
  const client = new WebSocket('ws://client.test/', {
    perMessageDeflate: false,
    createConnection: () => near,
  });
  far.on('error', () => {});
  client.on('message', message => seen.push(readable(message)));
  client.on('ping', () => seen.push('ping'));
  client.on('error', error => seen.push(error.message));
  const closed = new Promise<void>(resolve => {
    client.on('close', code => {
      seen.push(`close ${code}`);
      resolve();
    });
  });
  far.once('data', (request: Buffer) => {
    far.write(switching(request.toString('latin1')));
    far.end(bytes);
    far.resume();
  });
  await closed;
  return seen;
}

/** Channel as a digit in either form, then the payload. */
function readable(message: Buffer | ArrayBuffer | Buffer[]): string {
  const bytes = Buffer.isBuffer(message) ? message : Buffer.alloc(0);
  const channel = bytes[0] ?? 0;
  return channel < 0x10 ? `${channel}${bytes.toString('utf8', 1)}` : bytes.toString('utf8');
}

function switching(request: string): string {
  const key = /sec-websocket-key: (\S+)/i.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}
