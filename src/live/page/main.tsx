import { render } from 'preact';
import './style/base.css';
import './style/chart.css';
import './style/parts.css';
import { FEED_PATH } from '../feed-message.ts';
import { App } from './app.tsx';
import { Connection, type SocketListener } from './connection.ts';

const place = document.getElementById('page');
if (place === null) throw new Error('the page has lost its place');

function open(listener: SocketListener): { close(): void } {
  const socket = new WebSocket(
    `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}${FEED_PATH}`,
  );
  socket.addEventListener('message', ({ data }) => listener.message(String(data)));
  // An error is always followed by it.
  socket.addEventListener('close', () => listener.closed());
  return socket;
}

const connection = new Connection({
  open,
  changed: state => render(<App state={state} />, place),
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
});
render(<App state={{ status: 'connecting', mirror: undefined, skewMs: 0 }} />, place);
connection.start();
