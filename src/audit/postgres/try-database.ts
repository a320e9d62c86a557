import { openDatabase } from './database.ts';

interface Rights {
  readonly schema: string | null;
  readonly made: boolean;
  readonly mayCreate: boolean;
}

/**
 * Whether the sink could work with this database: it answers, and our role may make the tables, or use those that there
 * are. Changes nothing. Rejects with what is missing, or with what the server says, which never holds the password.
 */
export async function tryDatabase(url: string, limits: { readonly limitMs: number }): Promise<string> {
  const db = await openDatabase({ url, ...limits });
  try {
    const { sql } = await import('kysely');
    const { rows } = await sql<Rights>`
      select current_schema() as "schema", to_regclass('audit_record') is not null as "made",
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as "mayCreate"`.execute(db);
    const { schema, made, mayCreate } = rows[0] ?? { schema: null, made: false, mayCreate: false };
    if (!made && !mayCreate) throw new Error(`our role may not make tables in ${schema ?? 'any schema'}`);
    if (!made) return `it will make its tables in ${schema}`;
    const { rows: missing } = await sql<{ right: string }>`
      select privilege || ' on ' || name as "right" from (values
        ('audit_record', 'SELECT'), ('audit_record', 'INSERT'),
        ('audit_lease', 'SELECT'), ('audit_lease', 'INSERT'), ('audit_lease', 'UPDATE'), ('audit_lease', 'DELETE')
      ) as needed (name, privilege) where not has_table_privilege(name, privilege)`.execute(db);
    if (missing.length > 0) throw new Error(`our role lacks ${missing.map(({ right }) => right).join(', ')}`);
    return 'its tables are there';
  } finally {
    await db.destroy();
  }
}
