import type { Kysely, Migration } from 'kysely';
import { messageOf } from '../../errors.ts';

export interface AuditDatabase {
  audit_record: RecordRow;
  audit_lease: { replica: string; until: Date };
}

/** One record. What is asked for has a column; the truth, and what the chain runs through, is `line`. */
export interface RecordRow {
  replica: string;
  /** bigint: `pg` gives it as text. */
  seq: string;
  id: string;
  time: Date;
  type: string;
  session_id: string | null;
  user_name: string | null;
  namespace: string | null;
  pod: string | null;
  outcome: string | null;
  line: string;
}

export interface ConnectOptions {
  /** `postgres://user:password@host:5432/database`, as libpq has it. */
  readonly url: string;
  /** For a connection, and for a statement. */
  readonly limitMs?: number;
  /** Told of connections that fail while they are idle: a restart of the server. */
  readonly failed?: (error: Error) => void;
}

const LIMIT_MS = 10_000;
const MAX_CONNECTIONS = 4;

/** A pool, as yet without a connection. The packages are loaded only where they are used. */
export async function openDatabase({
  url,
  limitMs = LIMIT_MS,
  failed = () => {},
}: ConnectOptions): Promise<Kysely<AuditDatabase>> {
  const [{ default: pg }, { Kysely, PostgresDialect }] = await Promise.all([
    import('pg').catch(notInstalled),
    import('kysely').catch(notInstalled),
  ]);
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
    application_name: 'kubewitness',
  });
  pool.on('error', failed);
  // The pool listens to idle connections only. One that breaks between two statements of a transaction has nobody else,
  // and an error without a listener ends the process; the next statement fails, and says so.
  pool.on('connect', client => client.on('error', failed));
  return new Kysely<AuditDatabase>({ dialect: new PostgresDialect({ pool }) });
}

function notInstalled(error: unknown): never {
  throw new Error(`the audit in PostgreSQL needs the packages pg and kysely: ${messageOf(error)}`, {
    cause: error,
  });
}

const MIGRATIONS: Record<string, Migration> = {
  '0001-records': {
    up: async db => {
      await db.schema
        .createTable('audit_record')
        .addColumn('replica', 'text', column => column.notNull())
        .addColumn('seq', 'bigint', column => column.notNull())
        .addColumn('id', 'text', column => column.notNull())
        .addColumn('time', 'timestamptz', column => column.notNull())
        .addColumn('type', 'text', column => column.notNull())
        .addColumn('session_id', 'text')
        .addColumn('user_name', 'text')
        .addColumn('namespace', 'text')
        .addColumn('pod', 'text')
        .addColumn('outcome', 'text')
        .addColumn('line', 'text', column => column.notNull())
        .addPrimaryKeyConstraint('audit_record_chain', ['replica', 'seq'])
        .execute();
      await db.schema.createIndex('audit_record_time').on('audit_record').columns(['time', 'id']).execute();
      await db.schema.createIndex('audit_record_session').on('audit_record').column('session_id').execute();
      await db.schema.createIndex('audit_record_type').on('audit_record').columns(['type', 'time']).execute();
      await db.schema
        .createTable('audit_lease')
        .addColumn('replica', 'text', column => column.primaryKey())
        .addColumn('until', 'timestamptz', column => column.notNull())
        .execute();
    },
  },
};

/** Brings the tables up to date; replicas that start together wait for each other. Throws what the server says. */
export async function migrate(db: Kysely<AuditDatabase>): Promise<void> {
  const { Migrator } = await import('kysely');
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(MIGRATIONS) },
    migrationTableName: 'audit_migration',
    migrationLockTableName: 'audit_migration_lock',
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
