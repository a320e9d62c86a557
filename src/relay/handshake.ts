import { createHash } from 'node:crypto';
import type { RawHeaders } from '../headers.ts';
import { pairsOf, upstreamResponseHeaders } from '../headers.ts';
import type { AnyUpgrade } from '../kube/upgrade.ts';

/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** On the 101 of a session that is being recorded: its id. `kubewitness check --roads` tells by it what was recorded. */
export const RECORDING_HEADER = 'Kubewitness-Recording';

/** The value of Sec-WebSocket-Accept that answers this upgrade; empty for SPDY. */
export function expectedAccept(upgrade: AnyUpgrade): string {
  if (upgrade.transport !== 'websocket') return '';
  return createHash('sha1').update(`${upgrade.key}${WEBSOCKET_GUID}`).digest('base64');
}

/**
 * Upstream's own 101, with its lines kept, under a Connection header of ours. Only we say what is recorded:
 * `recordingId` for what is.
 */
export function switchingProtocols(upgrade: AnyUpgrade, raw: RawHeaders, recordingId?: string): Buffer {
  const token = upgrade.transport === 'websocket' ? 'websocket' : 'SPDY/3.1';
  const lines = pairsOf(upstreamResponseHeaders(raw)).filter(
    ([name]) => name.toLowerCase() !== RECORDING_HEADER.toLowerCase(),
  );
  if (recordingId !== undefined) lines.push([RECORDING_HEADER, recordingId]);
  const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${token}\r\nConnection: Upgrade\r\n${text}\r\n`;
  return Buffer.from(head, 'latin1');
}
