import type { AuditRecord } from '../../audit/record.ts';
import type { AuditFacts } from './audit-facts.ts';
import { auditFacts } from './audit-facts.ts';
import { Copy } from './copy.tsx';
import { bytes, clockTime, duration } from './format.ts';
import { Badge } from './icon.tsx';
import { visibleText } from './visible-text.ts';

const DECISIONS = {
  record: 'to be recorded',
  pass: 'to pass without a recording',
  refuse: 'to be refused',
} as const;

/** The policy that decided, the attempts, the gaps, and the records themselves. */
export function AuditPanel({ records, nowMs }: { records: readonly AuditRecord[]; nowMs: number }) {
  const facts = auditFacts(records);
  return (
    <section class="panel" aria-label="Audit">
      <h2>Policy and attempts</h2>
      <Policy facts={facts} />
      <Attempts facts={facts} nowMs={nowMs} />
      <Gaps facts={facts} />
      <details class="numbers">
        <summary>Audit records ({records.length})</summary>
        <ul class="records">
          {records.map(record => (
            <li key={record.id}>
              <time dateTime={record.time}>{clockTime(record.time, nowMs)}</time> <b>{record.type}</b>{' '}
              <Copy value={record.id} label={`id of ${record.type}`} />
              <pre>{visibleText(JSON.stringify(record))}</pre>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

function Policy({ facts: { decided } }: { facts: AuditFacts }) {
  if (decided === undefined) return <p class="empty">It was not decided.</p>;
  const { decision, failMode, rules } = decided;
  return (
    <p>
      The rules wanted it <b>{DECISIONS[decision]}</b>
      {failMode === undefined ? '' : `, failing ${failMode}`}.{' '}
      <span class="dim">
        {rules.length === 0 ? 'No rule says so: it is the default.' : 'Rules: '}
        {rules.map((rule, at) => (
          <code key={at}>{visibleText(rule)} </code>
        ))}
      </span>
    </p>
  );
}

function Attempts({ facts: { attempts }, nowMs }: { facts: AuditFacts; nowMs: number }) {
  if (attempts.length === 0) return null;
  return (
    <table class="attempts">
      <thead>
        <tr>
          <th scope="col">At</th>
          <th scope="col">Recorder, and what it came to</th>
          <th scope="col" class="number">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {attempts.map(({ id, startedAt, recorder, protocol, accepted, kind, message, durationMs }) => (
          <tr key={id}>
            <td>{clockTime(startedAt, nowMs)}</td>
            <td>
              <bdi>{visibleText(recorder)}</bdi>{' '}
              {protocol !== undefined && <span class="dim">{protocol}</span>}
              <span class="under">
                <Badge
                  look={
                    accepted
                      ? { tone: 'good', icon: 'check', says: 'accepted' }
                      : { tone: 'bad', icon: 'cross', says: visibleText(kind ?? 'failed') }
                  }
                />{' '}
                {message !== undefined && <span class="dim">{visibleText(message)}</span>}
              </span>
            </td>
            <td class="number">{duration(durationMs)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Gaps({ facts: { gaps, openGapMs } }: { facts: AuditFacts }) {
  if (gaps.length === 0 && openGapMs === undefined) return null;
  return (
    <ul class="gaps">
      {gaps.map(({ fromMs, toMs, bytes: lost }) => (
        <li key={fromMs}>
          From {duration(fromMs)} to {duration(toMs)} nothing was recorded: {bytes(lost)} of output.
        </li>
      ))}
      {openGapMs !== undefined && <li>Since {duration(openGapMs)} nothing is recorded.</li>}
    </ul>
  );
}
