import { render } from 'preact';
import './style/base.css';
import './style/chart.css';
import './style/parts.css';
import './style/visitor.css';
import { FEED_PATH } from '../feed-message.ts';
import type { Who } from '../role.ts';
import { fetchWho, signOut } from './admin-api.ts';
import { App } from './app.tsx';
import { Connection, type ConnectionState, type SocketListener } from './connection.ts';

/** How soon a server that has not said who one is is asked again. */
const ASK_AGAIN_MS = 2_000;
const NOTHING: ConnectionState = { status: 'connecting', mirror: undefined, skewMs: 0 };

const found = document.getElementById('page');
if (found === null) throw new Error('the page has lost its place');
const place = found;

let who: Who | undefined;
let state = NOTHING;
let connection: Connection | undefined;

function draw(): void {
  render(<App state={state} who={who} met={() => void meet()} leave={() => void leave()} />, place);
}

/** Asks who one is, now and whenever that may have changed; without a role there is no feed, and nothing of it stays. */
async function meet(): Promise<void> {
  try {
    who = await fetchWho();
  } catch {
    if (who !== undefined) return;
    state = { ...state, status: 'lost' };
    draw();
    setTimeout(() => void meet(), ASK_AGAIN_MS);
    return;
  }
  if (who.roles.length === 0) {
    letGo();
  } else if (connection === undefined) {
    connection = connect();
    connection.start();
  }
  draw();
}

/** What is open is closed first, so that nothing tries to come again as nobody. */
async function leave(): Promise<void> {
  letGo();
  who = undefined;
  draw();
  // Where it fails one is still signed in, and is told so.
  await signOut().catch(() => {});
  await meet();
}

function letGo(): void {
  connection?.stop();
  connection = undefined;
  state = NOTHING;
}

function connect(): Connection {
  const own: Connection = new Connection({
    open,
    changed: next => {
      if (connection !== own) return;
      state = next;
      draw();
      if (next.status === 'lost') void meet();
    },
    now: () => Date.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  });
  return own;
}

function open(listener: SocketListener): { close(): void } {
  const socket = new WebSocket(
    `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}${FEED_PATH}`,
  );
  socket.addEventListener('message', ({ data }) => listener.message(String(data)));
  // An error is always followed by it.
  socket.addEventListener('close', () => listener.closed());
  return socket;
}

draw();
void meet();
