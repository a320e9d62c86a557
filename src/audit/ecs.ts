import type { AuditRecord } from './record.ts';
import type { SessionSummary } from './session-summary.ts';

/** Elastic Common Schema version whose field names are used. */
export const ECS_VERSION = '8.17.0';

/** Facts that ECS has no name for; `kubewitness.*` is ours alone, as ECS asks of custom fields. */
type Custom = Readonly<Record<string, unknown>>;

/** A record as an ECS document, nested. `session`: what is known of the session it belongs to. */
export function toEcs(record: AuditRecord, session: SessionSummary | undefined): object {
  const { id, time, seq, replica, type, hash } = record;
  return {
    '@timestamp': time,
    ecs: { version: ECS_VERSION },
    message: messageOf(record),
    event: {
      kind: record.type === 'recording.failed' ? 'alert' : 'event',
      category: categoryOf(record),
      type: typeOf(record),
      action: type,
      outcome: outcomeOf(record),
      id,
      sequence: seq,
      module: 'kubewitness',
      dataset: 'kubewitness.audit',
      provider: replica,
      ...('durationMs' in record ? { duration: record.durationMs * 1_000_000 } : {}),
    },
    ...whoOf(record),
    ...whereOf(record, session),
    kubewitness: { ...customOf(record), hash },
  };
}

function whoOf(record: AuditRecord): object {
  const user = 'user' in record ? record.user : undefined;
  const client = 'client' in record ? record.client : undefined;
  return {
    ...(user === undefined
      ? {}
      : {
          user: {
            name: user.name,
            ...(user.uid === undefined ? {} : { id: user.uid }),
            group: { name: user.groups },
          },
        }),
    ...(client?.ip === undefined ? {} : { source: { ip: client.ip } }),
    ...(client?.userAgent === undefined ? {} : { user_agent: { original: client.userAgent } }),
  };
}

function whereOf(record: AuditRecord, session: SessionSummary | undefined): object {
  const target = 'target' in record ? record.target : undefined;
  const command = session?.command ?? [];
  const exitCode = 'exitCode' in record ? record.exitCode : undefined;
  const process = {
    ...(command.length === 0 ? {} : { args: command, command_line: command.join(' ') }),
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
  };
  const rules = 'rules' in record ? record.rules : [];
  return {
    ...(target === undefined
      ? {}
      : {
          orchestrator: {
            type: 'kubernetes',
            namespace: target.namespace,
            resource: { type: 'pod', name: target.pod },
          },
          ...(target.container === undefined ? {} : { container: { name: target.container } }),
        }),
    ...(Object.keys(process).length === 0 ? {} : { process }),
    ...(rules.length === 0 ? {} : { rule: { name: rules.join(', ') } }),
    ...('path' in record ? { url: { path: record.path } } : {}),
    ...('method' in record ? { http: { request: { method: record.method } } } : {}),
    ...errorOf(record),
  };
}

function errorOf(record: AuditRecord): object {
  if (record.type === 'recording.failed') return { error: { code: record.kind, message: record.message } };
  if (record.type === 'session.ended' && record.cause !== undefined) return { error: record.cause };
  if (record.type === 'request.refused' || record.type === 'caller.violated') {
    return { error: { code: record.code, message: record.message } };
  }
  return {};
}

function messageOf(record: AuditRecord): string {
  if ('message' in record && record.message !== undefined) return record.message;
  return record.type === 'session.ended' ? `session ended: ${record.outcome}` : record.type;
}

function categoryOf({ type }: AuditRecord): string[] {
  switch (type) {
    case 'config.changed':
      return ['configuration'];
    case 'proxy.started':
    case 'proxy.stopped':
      return ['process'];
    case 'recording.viewed':
      return ['file'];
    case 'request.unrecordable':
    case 'tunnel.ended':
      return ['network'];
    case 'session.decided':
    case 'request.refused':
    case 'caller.violated':
      return ['api'];
    default:
      return ['session'];
  }
}

/** Of those that ECS expects in the category. */
function typeOf(record: AuditRecord): string[] {
  switch (record.type) {
    case 'session.started':
    case 'proxy.started':
      return ['start'];
    case 'session.ended':
    case 'session.stopped':
    case 'tunnel.ended':
    case 'proxy.stopped':
      return ['end'];
    case 'session.decided':
      return [record.decision === 'refuse' ? 'denied' : 'allowed'];
    case 'request.refused':
    case 'caller.violated':
      return ['denied'];
    case 'request.unrecordable':
      return ['allowed'];
    case 'recording.viewed':
      return ['access'];
    case 'config.changed':
      return ['change'];
    default:
      return ['info'];
  }
}

function outcomeOf(record: AuditRecord): 'success' | 'failure' | 'unknown' {
  switch (record.type) {
    case 'recording.failed':
    case 'recording.gap':
    case 'request.refused':
    case 'caller.violated':
      return 'failure';
    case 'session.decided':
      return record.decision === 'refuse' ? 'failure' : 'success';
    case 'recorder.attempted':
      return record.accepted ? 'success' : 'failure';
    case 'config.changed':
      return record.applied ? 'success' : 'failure';
    case 'session.ended':
      if (record.outcome === 'interrupted') return 'unknown';
      return record.outcome === 'recorded' || record.outcome === 'passed' ? 'success' : 'failure';
    default:
      return 'success';
  }
}

const ENVELOPE = ['apiVersion', 'id', 'time', 'seq', 'replica', 'prevHash', 'hash', 'tornBefore', 'type'];
const NAMED = ['user', 'client', 'target', 'command', 'message', 'exitCode', 'method', 'path'];

/** What is left, under our own name. */
function customOf(record: AuditRecord): Custom {
  return Object.fromEntries(
    Object.entries(record).filter(([name]) => !ENVELOPE.includes(name) && !NAMED.includes(name)),
  );
}
