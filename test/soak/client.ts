import type { Peer } from '../hostile/peer.ts';
import { tlsPeer } from '../hostile/peer.ts';
import { speech, upgradeRequest } from '../hostile/speech.ts';
import type { Plan } from './fates.ts';

/** What a client made of its session. */
export interface Seen {
  /** HTTP status of the answer; undefined: the connection ended before one. */
  readonly code: number | undefined;
  /** All that it should have got after the 101 came, and in order. */
  readonly whole: boolean;
}

/** Plays the client's part to its end: the proxy has closed the connection, or the client has. */
export async function runClient(port: number, plan: Plan): Promise<Seen> {
  const peer = await tlsPeer(port);
  let code: number | undefined;
  try {
    return await play(peer, plan, answered => {
      code = answered;
    });
  } catch {
    // Upstream or the proxy hung up first: that is what the audit is asked about.
    await peer.left;
    return { code, whole: false };
  } finally {
    peer.socket.destroy();
  }
}

async function play(peer: Peer, plan: Plan, answered: (code: number) => void): Promise<Seen> {
  const { fate, transport, caller, pod } = plan;
  if (fate === 'ordinary') {
    const path = `/api/v1/namespaces/d/pods/${pod}`;
    peer.send(
      `GET ${path} HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer ${caller}\r\nConnection: close\r\n\r\n`,
    );
    const [line = ''] = await peer.head();
    return { code: Number(line.split(' ')[1]), whole: (await peer.rest()).endsWith('{}') };
  }
  const target = `/api/v1/namespaces/d/pods/${pod}/exec?container=c&stdin=true&stdout=true&stderr=true&command=cat`;
  const say = speech(transport, target);
  peer.send(
    upgradeRequest(transport, {
      target,
      token: fate === 'stranger' ? 'nobody' : caller,
      ...(fate === 'oddProtocol'
        ? { protocols: ['Sec-WebSocket-Protocol: v9.x', 'X-Stream-Protocol-Version: v9.x'] }
        : {}),
    }),
  );
  const [line = ''] = await peer.head();
  const code = Number(line.split(' ')[1]);
  answered(code);
  if (code !== 101) {
    await peer.rest();
    return { code, whole: false };
  }
  peer.send(say.opening);
  const expected = expectedBytes(plan, target);
  await peer.take(say.replies.length);
  const texts = plan.output.map((text, index) => (index % 3 === 2 ? say.errors(text) : say.output(text)));
  if (fate === 'slow') void dawdle(peer);
  for (const [index, bytes] of texts.entries()) {
    if (fate === 'chat') peer.send(say.input('next\n'));
    await peer.take(bytes.length);
    if (index === 1 && fate === 'vanishes') {
      const closed = peer.left;
      peer.rst();
      await closed;
      return { code, whole: false };
    }
    if (index === 1 && fate === 'leaves') return { code, whole: false };
    if (index === 1 && fate === 'violates') peer.send(say.violation);
  }
  await peer.left;
  return { code, whole: peer.text.endsWith(expected.toString('latin1')) };
}

/** After the 101, up to the end. */
function expectedBytes({ transport, output, status }: Plan, target: string): Buffer {
  const say = speech(transport, target);
  const texts = output.map((text, index) => (index % 3 === 2 ? say.errors(text) : say.output(text)));
  return Buffer.concat([say.replies, ...texts, say.status(status), say.farewell]);
}

/** Reads a little, and rests: long enough for what is on its way to fill the sockets' buffers. */
async function dawdle({ socket }: Peer): Promise<void> {
  while (!socket.destroyed && !socket.readableEnded) {
    socket.pause();
    await new Promise(resolve => setTimeout(resolve, 20));
    socket.resume();
    await new Promise(resolve => setImmediate(resolve));
  }
}
