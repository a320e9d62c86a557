import type { AuditRecord } from '../audit/record.ts';
import type { SessionSummary } from '../audit/session-summary.ts';

const MAX_COLUMNS = 44;
/** Enough of an id to name a session in `audit show`. */
const ID_LENGTH = 8;

/** Lines of aligned columns under headings. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headings, ...rows.map(row => row.map(cell))];
  const widths = headings.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)));
  return all.map(row =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export const SESSION_HEADINGS = [
  'STARTED',
  'SESSION',
  'USER',
  'POD',
  'COMMAND',
  'OUTCOME',
  'EXIT',
  'UNRECORDED',
];

export function sessionRow(session: SessionSummary): string[] {
  return [
    session.startedAt,
    session.sessionId.slice(0, ID_LENGTH),
    session.user.name,
    placeOf(session.target),
    session.sessionType === 'attach' ? '(attach)' : session.command.join(' '),
    session.outcome ?? 'live',
    session.exitCode === undefined ? '' : String(session.exitCode),
    missingOf(session),
  ];
}

export const FAILURE_HEADINGS = [
  'TIME',
  'SESSION',
  'USER',
  'POD',
  'PHASE',
  'KIND',
  'RECORDER',
  'POLICY',
  'ACTION',
  'UNRECORDED',
];

export function failureRow(
  failure: Extract<AuditRecord, { type: 'recording.failed' }>,
  session: SessionSummary | undefined,
): string[] {
  const recorders = failure.recorder ?? failure.attempts.map(({ recorder }) => recorder).join(', ');
  return [
    failure.time,
    failure.sessionId.slice(0, ID_LENGTH),
    failure.user.name,
    placeOf(failure.target),
    failure.phase,
    failure.kind,
    recorders,
    failure.failMode,
    failure.action,
    session === undefined ? '' : missingOf(session),
  ];
}

/** One record in one line, for `follow` and `show`. */
export function recordLine(record: AuditRecord): string {
  const { time, type } = record;
  const who = 'user' in record && record.user !== undefined ? record.user.name : '';
  const where = 'target' in record ? placeOf(record.target) : '';
  const id =
    'sessionId' in record && record.sessionId !== undefined ? record.sessionId.slice(0, ID_LENGTH) : '';
  return [time, type.padEnd(20), id, who, where, whatOf(record)]
    .filter(part => part !== '')
    .map(shown)
    .join('  ');
}

function whatOf(record: AuditRecord): string {
  switch (record.type) {
    case 'session.started':
      return record.command.join(' ');
    case 'session.decided':
      return [record.decision, record.failMode ?? '', `by ${record.rules.join(', ')}`].join(' ');
    case 'recorder.attempted':
      return `${record.recorder} ${record.accepted ? 'accepted' : (record.message ?? '')} (${record.durationMs} ms)`;
    case 'recording.failed':
      return `${record.phase}/${record.kind}, ${record.failMode}: ${record.action}; ${record.message}`;
    case 'recording.resumed':
      return `${record.recorder}; ${record.gap.bytes} bytes from ${record.gap.fromMs} to ${record.gap.toMs} ms are not recorded`;
    case 'session.ended':
      return [record.outcome, record.cause?.message ?? ''].filter(part => part !== '').join(': ');
    case 'request.refused':
    case 'caller.violated':
      return `${record.code}: ${record.message}`;
    case 'tunnel.started':
      return `${record.method} ${record.path}`;
    case 'tunnel.ended':
      return `${record.cause}; ${record.bytesToClient} bytes to the client, ${record.bytesToUpstream} upstream`;
    case 'request.unrecordable':
      return `${record.method} ${record.path}, allowed by ${record.rule}`;
    default:
      return 'recorder' in record ? (record.recorder ?? '') : '';
  }
}

function missingOf({ unrecordedBytes, unrecordedMs, outcome }: SessionSummary): string {
  if (unrecordedBytes > 0 || unrecordedMs > 0)
    return `${unrecordedBytes} B, ${(unrecordedMs / 1000).toFixed(1)} s`;
  return outcome === 'interrupted' ? 'unknown' : '';
}

function placeOf({
  namespace,
  pod,
  container,
}: {
  namespace: string;
  pod: string;
  container?: string | undefined;
}): string {
  return [namespace, pod, container].filter(part => part !== undefined).join('/');
}

function cell(text: string): string {
  const safe = shown(text);
  if (safe === '') return '-';
  return safe.length > MAX_COLUMNS ? `${safe.slice(0, MAX_COLUMNS - 1)}…` : safe;
}

/** Whatever a session put in is shown without what a terminal would act on. */
function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u00b7');
}
