import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrate, openDatabase } from '../../../../src/audit/postgres/database.ts';
import { tryDatabase } from '../../../../src/audit/postgres/try-database.ts';
import { PostgresServer, postgresBinaries } from './server.ts';

const binaries = postgresBinaries();
const limits = { limitMs: 10_000 };

describe.skipIf(binaries === undefined)('a database that the audit may go to', () => {
  let server: PostgresServer;
  let poor: string;
  beforeAll(async () => {
    server = await PostgresServer.start(binaries ?? '');
    poor = server.url.replace('kubewitness@', 'poor@');
    const db = await openDatabase({ url: server.url });
    await sql`create role poor login`.execute(db);
    await sql`revoke create on schema public from public`.execute(db);
    await db.destroy();
  });
  afterAll(() => server.stop());

  test('is looked at and not touched; then its tables are seen, and the rights in them', async () => {
    expect(await tryDatabase(server.url, limits)).toBe('it will make its tables in public');
    expect(await tryDatabase(server.url, limits)).toBe('it will make its tables in public');
    await expect(tryDatabase(poor, limits)).rejects.toThrow('our role may not make tables in public');

    const db = await openDatabase({ url: server.url });
    await migrate(db);
    expect(await tryDatabase(server.url, limits)).toBe('its tables are there');
    await sql`grant select on audit_record to poor`.execute(db);
    await sql`grant select, insert, update on audit_lease to poor`.execute(db);
    await expect(tryDatabase(poor, limits)).rejects.toThrow(
      'our role lacks INSERT on audit_record, DELETE on audit_lease',
    );
    await db.destroy();
  });

  test('that is away is an error', async () => {
    await expect(tryDatabase('postgres://kubewitness@127.0.0.1:1/postgres', limits)).rejects.toThrow(
      'ECONNREFUSED',
    );
  });
});
