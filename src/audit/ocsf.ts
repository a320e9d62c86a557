import type { AuditRecord } from './record.ts';
import type { SessionSummary } from './session-summary.ts';

/** Open Cybersecurity Schema Framework version whose classes are used (schema.ocsf.io). */
export const OCSF_VERSION = '1.3.0';

/** What the classes below are: api_activity and application_lifecycle of the category Application Activity. */
const CATEGORY = { uid: 6, name: 'Application Activity' };
const API_ACTIVITY = { uid: 6003, name: 'API Activity' };
const APPLICATION_LIFECYCLE = { uid: 6002, name: 'Application Lifecycle' };

const OTHER = 99;
const PRODUCT = { name: 'kubewitness', vendor_name: 'kubewitness' };

/** A record as an OCSF event. `session`: what is known of the session it belongs to. */
export function toOcsf(record: AuditRecord, session: SessionSummary | undefined): object {
  const { class: eventClass, activity } = classOf(record);
  const at = Date.parse(record.time);
  const failed = failedOf(record);
  return {
    category_uid: CATEGORY.uid,
    category_name: CATEGORY.name,
    class_uid: eventClass.uid,
    class_name: eventClass.name,
    activity_id: activity.id,
    activity_name: activity.name,
    type_uid: eventClass.uid * 100 + activity.id,
    time: at,
    severity_id: severityOf(record),
    status_id: failed === undefined ? 1 : 2,
    status: failed === undefined ? 'Success' : 'Failure',
    ...(failed === undefined ? {} : { status_code: failed.code, status_detail: failed.message }),
    message: record.type,
    ...('durationMs' in record
      ? { duration: record.durationMs, start_time: at - record.durationMs, end_time: at }
      : {}),
    metadata: {
      version: OCSF_VERSION,
      product: PRODUCT,
      uid: record.id,
      sequence: record.seq,
      log_name: record.apiVersion,
      log_provider: record.replica,
      ...('sessionId' in record && record.sessionId !== undefined
        ? { correlation_uid: record.sessionId }
        : {}),
    },
    ...(eventClass === API_ACTIVITY ? apiOf(record, session) : { app: PRODUCT }),
    unmapped: unmappedOf(record),
  };
}

function classOf(record: AuditRecord): {
  readonly class: { readonly uid: number; readonly name: string };
  readonly activity: { readonly id: number; readonly name: string };
} {
  switch (record.type) {
    case 'proxy.started':
      return { class: APPLICATION_LIFECYCLE, activity: { id: 3, name: 'Start' } };
    case 'proxy.stopped':
      return { class: APPLICATION_LIFECYCLE, activity: { id: 4, name: 'Stop' } };
    case 'config.changed':
      return { class: APPLICATION_LIFECYCLE, activity: { id: 8, name: 'Update' } };
    case 'session.started':
      return { class: API_ACTIVITY, activity: { id: 1, name: 'Create' } };
    case 'recording.viewed':
      return { class: API_ACTIVITY, activity: { id: 2, name: 'Read' } };
    default:
      return { class: API_ACTIVITY, activity: { id: OTHER, name: record.type } };
  }
}

/** What api_activity requires (actor, api, src_endpoint), and the pod as a resource. */
function apiOf(record: AuditRecord, session: SessionSummary | undefined): object {
  const user = 'user' in record ? record.user : undefined;
  const client = 'client' in record ? record.client : undefined;
  const target = 'target' in record ? record.target : undefined;
  const command = session?.command ?? [];
  return {
    actor: {
      user: {
        name: user?.name ?? 'unknown',
        ...(user?.uid === undefined ? {} : { uid: user.uid }),
        groups: (user?.groups ?? []).map(name => ({ name })),
      },
      ...('sessionId' in record && record.sessionId !== undefined
        ? { session: { uid: record.sessionId } }
        : {}),
    },
    api: {
      operation: operationOf(record, session),
      service: { name: 'kubernetes' },
      ...(command.length === 0 ? {} : { request: { uid: session?.sessionId ?? '', data: { command } } }),
    },
    src_endpoint: client?.ip === undefined ? { name: 'unknown' } : { ip: client.ip },
    ...(client?.userAgent === undefined ? {} : { http_request: { user_agent: client.userAgent } }),
    ...(target === undefined
      ? {}
      : {
          resources: [
            {
              type: 'pod',
              name: target.pod,
              uid: [target.namespace, target.pod, target.container]
                .filter(part => part !== undefined)
                .join('/'),
              namespace: target.namespace,
            },
          ],
        }),
  };
}

function operationOf(record: AuditRecord, session: SessionSummary | undefined): string {
  if ('method' in record) return `${record.method} ${record.path}`;
  if (record.type === 'tunnel.ended') return record.path;
  if (record.type === 'recording.viewed') return 'recordings/get';
  if (record.type === 'session.stopped') return 'sessions/stop';
  return `pods/${session?.sessionType ?? 'exec'}`;
}

/** 1 informational … 4 high (dictionary, `severity_id`). */
function severityOf(record: AuditRecord): number {
  switch (record.type) {
    case 'recording.failed':
      return record.action === 'continuedUnrecorded' ? 4 : 3;
    case 'recording.gap':
      return 4;
    case 'caller.violated':
    case 'request.unrecordable':
      return 3;
    case 'request.refused':
      return 2;
    case 'session.ended':
      return record.outcome === 'unrecorded' || record.outcome === 'interrupted' ? 3 : 1;
    default:
      return 1;
  }
}

function failedOf(record: AuditRecord): { readonly code: string; readonly message: string } | undefined {
  switch (record.type) {
    case 'recording.failed':
      return { code: `${record.phase}.${record.kind}`, message: record.message };
    case 'request.refused':
    case 'caller.violated':
      return { code: record.code, message: record.message };
    case 'session.ended':
      return record.outcome === 'recorded' || record.outcome === 'passed'
        ? undefined
        : { code: record.cause?.code ?? record.outcome, message: record.cause?.message ?? record.outcome };
    case 'recorder.attempted':
      return record.accepted ? undefined : { code: record.kind ?? '', message: record.message ?? '' };
    default:
      return undefined;
  }
}

const MAPPED = ['apiVersion', 'id', 'time', 'seq', 'replica', 'type', 'user', 'client', 'target', 'command'];

/** What OCSF has no attribute for. The hash stays, so that an event can be tied to its line. */
function unmappedOf(record: AuditRecord): object {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !MAPPED.includes(name)));
}
