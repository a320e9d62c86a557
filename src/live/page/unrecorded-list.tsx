import { useState } from 'preact/hooks';
import type { Unrecorded } from '../unrecorded.ts';
import { clockTime } from './format.ts';
import { Badge } from './icon.tsx';
import type { Look } from './look.ts';
import { hrefOf } from './route.ts';
import { commandLine, visibleText } from './visible-text.ts';

const ROWS = 6;
/** For each further look. */
const MORE = 50;

/** What was done about it, as the audit says it. */
const ACTIONS: Readonly<Record<string, Look>> = {
  continuedUnrecorded: { tone: 'warn', icon: 'triangle', says: 'unrecorded' },
  denied: { tone: 'bad', icon: 'octagon', says: 'refused' },
  terminated: { tone: 'bad', icon: 'cross', says: 'terminated' },
  interrupted: { tone: 'bad', icon: 'cross', says: 'interrupted' },
  passed: { tone: 'quiet', icon: 'ring', says: 'not asked' },
  handedOver: { tone: 'good', icon: 'check', says: 'handed over' },
};
const OTHER: Look = { tone: 'work', icon: 'arrow', says: 'had ended' };
const INCOMPLETE: Look = { tone: 'warn', icon: 'triangle', says: 'not complete' };

/** Who, where and what, and why, unless it has been `said`; each line leads to its session. */
export function UnrecordedList(props: { items: readonly Unrecorded[]; nowMs: number; said: string }) {
  const { items, nowMs, said } = props;
  const [rows, setRows] = useState(ROWS);
  return (
    <>
      <ul class="failure-list unrecorded">
        {items.slice(0, rows).map(item => (
          <li key={`${item.sessionId} ${item.at} ${item.kind}`}>
            <a href={hrefOf({ view: 'session', id: item.sessionId })}>
              <time dateTime={item.at}>{clockTime(item.at, nowMs)}</time>
              <Badge look={ACTIONS[item.action] ?? (item.recovered ? OTHER : INCOMPLETE)} />
              <span class="who">
                <bdi>{visibleText(item.user)}</bdi> in{' '}
                <bdi>{visibleText(`${item.namespace}/${item.pod}`)}</bdi>
              </span>
              <code>{commandLine(item.command) || '(attach)'}</code>
              {item.message !== said && <span class="why dim">{visibleText(item.message)}</span>}
            </a>
          </li>
        ))}
      </ul>
      {items.length > rows && (
        <button type="button" onClick={() => setRows(rows + MORE)}>
          Show more
        </button>
      )}
    </>
  );
}
