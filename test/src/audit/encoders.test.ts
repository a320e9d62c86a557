import { describe, expect, test } from 'vitest';
import { toEcs } from '../../../src/audit/ecs.ts';
import { toOcsf } from '../../../src/audit/ocsf.ts';
import { SessionSummaries } from '../../../src/audit/session-summary.ts';
import { recordsOf, SAMPLES } from './samples.ts';

const RECORDS = recordsOf(SAMPLES);
const summaries = new SessionSummaries();
for (const record of RECORDS) summaries.see(record);
const CASES = RECORDS.map(record => [record.type, record] as const);

/** Attributes of the published schema (schema.ocsf.io): base_event, the two classes, and the objects in them. */
const BASE_REQUIRED = [
  'activity_id',
  'category_uid',
  'class_uid',
  'metadata',
  'severity_id',
  'time',
  'type_uid',
];
const BASE_OPTIONAL = [
  ...['activity_name', 'category_name', 'class_name', 'count', 'duration', 'end_time', 'message', 'severity'],
  ...[
    'start_time',
    'status',
    'status_code',
    'status_detail',
    'status_id',
    'type_name',
    'unmapped',
    'raw_data',
  ],
];
const CLASSES: Readonly<
  Record<number, { required: readonly string[]; optional: readonly string[]; activities: readonly number[] }>
> = {
  6003: {
    required: ['actor', 'api', 'src_endpoint'],
    optional: ['dst_endpoint', 'http_request', 'http_response', 'resources'],
    activities: [0, 1, 2, 3, 4, 99],
  },
  6002: { required: ['app'], optional: [], activities: [0, 1, 2, 3, 4, 5, 6, 7, 8, 99] },
};
const OBJECTS: Readonly<Record<string, readonly string[]>> = {
  metadata: ['version', 'product', 'uid', 'sequence', 'log_name', 'log_provider', 'correlation_uid'],
  actor: ['user', 'session', 'process', 'app_name'],
  api: ['operation', 'service', 'request', 'response', 'group', 'version'],
  src_endpoint: ['ip', 'name', 'hostname', 'uid', 'port'],
  http_request: ['user_agent', 'http_method', 'url'],
  app: ['name', 'vendor_name', 'version', 'uid'],
};

function keys(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

describe('OCSF', () => {
  test.each(CASES)(
    '%s has what its class requires, and nothing that the schema does not know',
    (_type, record) => {
      const event: Record<string, unknown> = { ...toOcsf(record, summaries.get(idOf(record))) };
      const { class_uid: uid, activity_id: activity } = event;
      const known = CLASSES[Number(uid)];
      expect(known).toBeDefined();
      const required = [...BASE_REQUIRED, ...(known?.required ?? [])];
      expect(keys(event)).toEqual(expect.arrayContaining(required));
      const allowed = [...required, ...BASE_OPTIONAL, ...(known?.optional ?? [])];
      expect(keys(event).filter(name => !allowed.includes(name))).toEqual([]);
      expect(known?.activities).toContain(activity);
      expect(event['type_uid']).toBe(Number(uid) * 100 + Number(activity));
      expect(event['category_uid']).toBe(Math.floor(Number(uid) / 1000));
      expect([0, 1, 2, 3, 4, 5, 6, 99]).toContain(event['severity_id']);
      expect([0, 1, 2, 99]).toContain(event['status_id']);
      for (const [name, attributes] of Object.entries(OBJECTS)) {
        expect(keys(event[name]).filter(attribute => !attributes.includes(attribute))).toEqual([]);
      }
      expect(keys(event['metadata'])).toEqual(expect.arrayContaining(['version', 'product']));
      if (uid === 6003) {
        expect(event).toMatchObject({
          api: { operation: expect.any(String) },
          actor: { user: { name: expect.any(String) } },
        });
        // At least one of its attributes (constraint of the object).
        expect(keys(event['src_endpoint']).length).toBeGreaterThan(0);
      }
    },
  );

  test('a session says who ran what, where, from where', () => {
    const [, start] = RECORDS;
    if (start === undefined) throw new Error('no record');
    expect(toOcsf(start, summaries.get(idOf(start)))).toMatchObject({
      class_uid: 6003,
      activity_id: 1,
      actor: { user: { name: 'ann', uid: 'u-1', groups: [{ name: 'dev' }, { name: 'ops' }] } },
      api: { operation: 'pods/exec', request: { data: { command: ['sh', '-c', 'echo hello'] } } },
      src_endpoint: { ip: '192.0.2.7' },
      resources: [{ name: 'shell', namespace: 'default' }],
    });
  });
});

/** Fields of the published schema (elastic.co/guide/en/ecs) that are used here. */
const ECS_FIELDS = [
  ...['@timestamp', 'ecs.version', 'message', 'error.code', 'error.message', 'rule.name', 'url.path'],
  ...[
    'event.kind',
    'event.category',
    'event.type',
    'event.action',
    'event.outcome',
    'event.id',
    'event.sequence',
  ],
  ...['event.module', 'event.dataset', 'event.provider', 'event.duration', 'http.request.method'],
  ...['user.name', 'user.id', 'user.group.name', 'source.ip', 'user_agent.original', 'container.name'],
  ...[
    'orchestrator.type',
    'orchestrator.namespace',
    'orchestrator.resource.type',
    'orchestrator.resource.name',
  ],
  ...['process.args', 'process.command_line', 'process.exit_code'],
];
/** Types that ECS expects in each category. */
const ECS_TYPES: Readonly<Record<string, readonly string[]>> = {
  api: [
    'access',
    'admin',
    'allowed',
    'change',
    'creation',
    'deletion',
    'denied',
    'end',
    'info',
    'start',
    'user',
  ],
  configuration: ['access', 'change', 'creation', 'deletion', 'info'],
  file: ['access', 'change', 'creation', 'deletion', 'info'],
  network: ['access', 'allowed', 'connection', 'denied', 'end', 'info', 'protocol', 'start'],
  process: ['access', 'change', 'end', 'info', 'start'],
  session: ['start', 'end', 'info'],
};

function paths(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? paths(member, `${prefix}${name}.`)
      : [`${prefix}${name}`],
  );
}

describe('ECS', () => {
  test.each(CASES)('%s uses names of ECS, and our own for the rest', (_type, record) => {
    const document: { event?: { category?: string[]; type?: string[]; outcome?: string } } = toEcs(
      record,
      summaries.get(idOf(record)),
    );
    expect(
      paths(document).filter(path => !path.startsWith('kubewitness.') && !ECS_FIELDS.includes(path)),
    ).toEqual([]);
    const { category = [], type = [], outcome } = document.event ?? {};
    expect(category).toHaveLength(1);
    expect(ECS_TYPES[category[0] ?? '']).toEqual(expect.arrayContaining(type));
    expect(['success', 'failure', 'unknown']).toContain(outcome);
  });

  test('a failure is an alert, with the command it happened to', () => {
    const record = RECORDS.find(({ type }) => type === 'recording.failed');
    if (record === undefined) throw new Error('no record');
    expect(toEcs(record, summaries.get(idOf(record)))).toMatchObject({
      event: { kind: 'alert', outcome: 'failure', action: 'recording.failed' },
      process: { args: ['sh', '-c', 'echo hello'] },
      kubewitness: { action: 'continuedUnrecorded', attempts: [{ kind: 'refused' }] },
    });
  });
});

function idOf(record: (typeof RECORDS)[number]): string {
  return 'sessionId' in record ? (record.sessionId ?? '') : '';
}
